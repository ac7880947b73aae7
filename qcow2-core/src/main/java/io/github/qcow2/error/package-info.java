/**
 * Everything that can be wrong with an image, as types. Each exception names the image, the byte
 * offset in the host file and the rule that was broken; none is ever a {@link RuntimeException}.
 */
@NullMarked
package io.github.qcow2.error;

import org.jspecify.annotations.NullMarked;
