package io.github.qcow2;

import io.github.qcow2.codec.CodecException;
import io.github.qcow2.codec.CompressionCodec;
import io.github.qcow2.error.CorruptImageException;
import io.github.qcow2.format.CompressedDescriptor;
import io.github.qcow2.metadata.BufferPool;
import io.github.qcow2.metadata.TrackedFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads compressed clusters, and keeps the last few decompressed, so that a guest that reads sector
 * by sector does not inflate each cluster a hundred times.
 *
 * <p>Owns the decompressed bytes, under its own monitor; decompression runs outside it. A cluster
 * is known by its L2 entry. When the host clusters behind entries are given back, {@link #clear()}
 * must be called before they can be used again.
 */
final class DecompressedClusters {
  private static final int BYTES_KEPT = 4 << 20;
  private static final int CLUSTERS_KEPT = 32;

  private final String image;
  private final TrackedFile file;
  private final int clusterBits;
  private final CompressionCodec codec;
  private final BufferPool buffers;
  private final int kept;
  private final LinkedHashMap<Long, byte[]> clusters = new LinkedHashMap<>(16, 0.75f, true);

  DecompressedClusters(
      String image, TrackedFile file, int clusterBits, CompressionCodec codec, BufferPool buffers) {
    this.image = image;
    this.file = file;
    this.clusterBits = clusterBits;
    this.codec = codec;
    this.buffers = buffers;
    this.kept = Math.max(2, Math.min(CLUSTERS_KEPT, BYTES_KEPT >> clusterBits));
  }

  /**
   * Fills {@code destination} with bytes of a compressed cluster.
   *
   * @param descriptor the L2 entry
   * @param offsetInCluster first byte wanted; the cluster holds as many as the buffer has room for
   */
  void read(long descriptor, int offsetInCluster, ByteBuffer destination) throws IOException {
    byte[] cluster = get(descriptor);
    if (cluster == null) {
      if (offsetInCluster == 0 && destination.remaining() == 1 << clusterBits) {
        // The whole cluster is wanted: whoever reads so does not come back for it.
        decompress(descriptor, destination);
        return;
      }
      cluster = new byte[1 << clusterBits];
      decompress(descriptor, ByteBuffer.wrap(cluster));
      put(descriptor, cluster);
    }
    destination.put(cluster, offsetInCluster, destination.remaining());
  }

  /** Forgets everything. */
  synchronized void clear() {
    clusters.clear();
  }

  private synchronized byte @Nullable [] get(long descriptor) {
    return clusters.get(descriptor);
  }

  private synchronized void put(long descriptor, byte[] cluster) {
    clusters.put(descriptor, cluster);
    if (clusters.size() > kept) {
      Map.Entry<Long, byte[]> eldest = clusters.entrySet().iterator().next();
      clusters.remove(eldest.getKey());
    }
  }

  private void decompress(long descriptor, ByteBuffer target) throws IOException {
    long hostOffset = CompressedDescriptor.hostOffset(descriptor, clusterBits);
    int length = CompressedDescriptor.byteLength(descriptor, clusterBits);
    ByteBuffer source = buffers.take(length);
    try {
      file.read(source, hostOffset);
      codec.decompress(source.flip(), target);
    } catch (CodecException e) {
      throw new CorruptImageException(
          image, hostOffset, codec.name() + " cluster does not decompress: " + e.getMessage(), e);
    } finally {
      buffers.give(source);
    }
  }
}
