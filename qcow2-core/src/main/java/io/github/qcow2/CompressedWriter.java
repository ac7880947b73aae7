package io.github.qcow2;

import io.github.qcow2.allocation.CompressedSpace;
import io.github.qcow2.codec.CompressionCodec;
import io.github.qcow2.format.CompressedDescriptor;
import io.github.qcow2.format.Geometry;
import io.github.qcow2.mapping.ClusterLocks;
import io.github.qcow2.mapping.MapChanges;
import io.github.qcow2.metadata.BufferPool;
import io.github.qcow2.metadata.ClusterKind;
import io.github.qcow2.metadata.TrackedFile;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Stores whole guest clusters compressed (qcow2 spec, "Compressed Clusters Descriptor").
 *
 * <p>Owns no state. Compresses outside every lock; then holds the cluster in {@link ClusterLocks}
 * while its data is written and published. On disk, before: the old data is mapped. After: the new,
 * once a flush has returned. As for any write, data is durable before the entry that points to it
 * (I3), so a power cut shows the old cluster or the new one, and what was there is dropped only
 * then.
 */
final class CompressedWriter {
  private final Geometry geometry;
  private final MapChanges changes;
  private final ClusterLocks locks;
  private final CompressedSpace space;
  private final TrackedFile file;
  private final CompressionCodec codec;
  private final BufferPool buffers;
  private final DiskSize size;

  CompressedWriter(
      Geometry geometry,
      MapChanges changes,
      ClusterLocks locks,
      CompressedSpace space,
      TrackedFile file,
      CompressionCodec codec,
      BufferPool buffers,
      DiskSize size) {
    this.geometry = geometry;
    this.changes = changes;
    this.locks = locks;
    this.space = space;
    this.file = file;
    this.codec = codec;
    this.buffers = buffers;
    this.size = size;
  }

  /**
   * Begins to compress the first clusters of a buffer, outside every lock.
   *
   * @param source its position moves past them
   */
  CompressedBatch compress(ByteBuffer source) {
    return new CompressedBatch(source, geometry.clusterSize(), codec, buffers);
  }

  /**
   * Stores one cluster; the caller has passed the operation gate.
   *
   * @param compressed its bytes, which stay where they are, so that storing can be tried again
   * @param position the guest offset of the cluster
   * @param length guest bytes that this covers; less than a cluster only at the end of the disk
   * @return whether that is done; not if the disk does not end there any more, since what was
   *     compressed has zeros where others may have written by now
   */
  boolean store(ByteBuffer compressed, long position, long length) throws IOException {
    int bytes = compressed.remaining();
    long guestCluster = geometry.clusterIndex(position);
    ClusterLocks.Range held = locks.acquire(guestCluster, guestCluster);
    try {
      if (length < geometry.clusterSize() && position + length != size.reach()) {
        return false;
      }
      changes.ensureTable(position);
      long offset = space.allocate(bytes);
      try {
        file.write(compressed.duplicate(), offset, ClusterKind.DATA);
        changes.linkCompressed(
            guestCluster, CompressedDescriptor.encode(offset, bytes, geometry.clusterBits()));
      } catch (Throwable t) {
        space.giveBack(offset, bytes);
        throw t;
      }
      return true;
    } finally {
      locks.release(held);
    }
  }
}
