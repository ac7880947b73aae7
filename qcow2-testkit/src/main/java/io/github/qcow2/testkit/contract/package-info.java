/**
 * The contracts of the library's interfaces, as abstract JUnit classes. An implementation is tested
 * by extending the class of its interface and saying how an instance is made:
 *
 * <ul>
 *   <li>{@link io.github.qcow2.testkit.contract.StorageContract} for {@link
 *       io.github.qcow2.storage.Storage};
 *   <li>{@link io.github.qcow2.testkit.contract.BlockDeviceContract} for {@link
 *       io.github.qcow2.BlockDevice};
 *   <li>{@link io.github.qcow2.testkit.contract.MetadataCacheContract} for {@link
 *       io.github.qcow2.cache.MetadataCache};
 *   <li>{@link io.github.qcow2.testkit.contract.CompressionCodecContract} for {@link
 *       io.github.qcow2.codec.CompressionCodec};
 *   <li>{@link io.github.qcow2.testkit.contract.FileLockContract} for the locks of a {@link
 *       io.github.qcow2.storage.FileStorage}, which depend on who provides them.
 * </ul>
 *
 * <p>A contract asks only for what the interface's Javadoc promises, so every implementation, of
 * this library or of its users, passes all of it.
 */
@NullMarked
package io.github.qcow2.testkit.contract;

import org.jspecify.annotations.NullMarked;
