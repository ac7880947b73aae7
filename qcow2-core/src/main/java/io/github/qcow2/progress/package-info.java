/**
 * How whole-image work tells how far it has come, and is cancelled: {@link
 * io.github.qcow2.progress.Progress}, for checks and copies alike.
 */
@NullMarked
package io.github.qcow2.progress;

import org.jspecify.annotations.NullMarked;
