/**
 * Compression of clusters.
 *
 * <ul>
 *   <li>{@link io.github.qcow2.codec.CompressionCodec} is the contract. Other compression types,
 *       and better codecs for those there are, are added by providing it as a service, in {@code
 *       module-info} or {@code META-INF/services}.
 *   <li>{@link io.github.qcow2.codec.DeflateCodec} is built in.
 *   <li>{@link io.github.qcow2.codec.CompressionCodecs} finds the best codec for a number in a
 *       header.
 *   <li>{@link io.github.qcow2.codec.NoiseScan} saves a slow codec the trouble with bytes that do
 *       not become fewer.
 * </ul>
 *
 * <p>The abstract test class {@code CompressionCodecContract} of the test kit says the same in
 * code: extend it to test a codec of your own.
 */
@NullMarked
package io.github.qcow2.codec;

import org.jspecify.annotations.NullMarked;
