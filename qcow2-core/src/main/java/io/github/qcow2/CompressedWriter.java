package io.github.qcow2;

import io.github.qcow2.allocation.CompressedSpace;
import io.github.qcow2.codec.CompressionCodec;
import io.github.qcow2.format.CompressedDescriptor;
import io.github.qcow2.format.Geometry;
import io.github.qcow2.mapping.ClusterLocks;
import io.github.qcow2.mapping.MapChanges;
import io.github.qcow2.metadata.BufferPool;
import io.github.qcow2.metadata.TrackedFile;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Writes whole guest clusters compressed (qcow2 spec, "Compressed Clusters Descriptor"); those that
 * compression does not make smaller are written plain.
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
  private final ImageWriter plain;
  private final BufferPool buffers;

  CompressedWriter(
      Geometry geometry,
      MapChanges changes,
      ClusterLocks locks,
      CompressedSpace space,
      TrackedFile file,
      CompressionCodec codec,
      ImageWriter plain,
      BufferPool buffers) {
    this.geometry = geometry;
    this.changes = changes;
    this.locks = locks;
    this.space = space;
    this.file = file;
    this.codec = codec;
    this.plain = plain;
    this.buffers = buffers;
  }

  /**
   * Writes one cluster, or what there is of the last one of the disk.
   *
   * @param source its position moves past what was written
   * @param position the guest offset of the first byte, a multiple of the cluster size
   * @return how many bytes were written
   */
  int writeSome(ByteBuffer source, long position) throws IOException {
    int length = Math.min(source.remaining(), geometry.clusterSize());
    ByteBuffer cluster = buffers.take(geometry.clusterSize());
    ByteBuffer compressed = buffers.take(geometry.clusterSize());
    try {
      cluster.put(source.duplicate().limit(source.position() + length));
      ImageReader.fillWithZeroes(cluster);
      compressed.limit(geometry.clusterSize() - 1);
      if (codec.compress(cluster.flip(), compressed) == CompressionCodec.NOT_COMPRESSIBLE) {
        return writePlain(source, position, length);
      }
      store(compressed.flip(), position);
      source.position(source.position() + length);
      return length;
    } finally {
      buffers.give(compressed);
      buffers.give(cluster);
    }
  }

  private int writePlain(ByteBuffer source, long position, int length) throws IOException {
    int start = source.position();
    int limit = source.limit();
    source.limit(start + length);
    try {
      while (source.hasRemaining()) {
        plain.writeSome(source, position + source.position() - start);
      }
    } finally {
      source.limit(limit);
    }
    return length;
  }

  private void store(ByteBuffer compressed, long position) throws IOException {
    int length = compressed.remaining();
    long guestCluster = geometry.clusterIndex(position);
    ClusterLocks.Range held = locks.acquire(guestCluster, guestCluster);
    try {
      changes.ensureTable(position);
      long offset = space.allocate(length);
      try {
        file.write(compressed, offset);
        changes.linkCompressed(
            guestCluster, CompressedDescriptor.encode(offset, length, geometry.clusterBits()));
      } catch (Throwable t) {
        space.giveBack(offset, length, t);
        throw t;
      }
    } finally {
      locks.release(held);
    }
  }
}
