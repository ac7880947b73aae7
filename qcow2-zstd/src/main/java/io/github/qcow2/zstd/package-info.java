/**
 * zstd for compressed clusters.
 *
 * <p>An image whose header says compression type 1 finds {@link io.github.qcow2.zstd.ZstdCodec} by
 * itself as soon as this module is on the class path or module path. To choose the level, give an
 * instance to {@code ImageCreator.codec} or {@code ImageOpener.codec}.
 */
@NullMarked
package io.github.qcow2.zstd;

import org.jspecify.annotations.NullMarked;
