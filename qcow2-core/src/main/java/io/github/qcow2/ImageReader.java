package io.github.qcow2;

import io.github.qcow2.mapping.GuestMap;
import io.github.qcow2.mapping.Mapping;
import io.github.qcow2.metadata.TrackedFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Reads guest bytes through a map: that of the active disk, or that of a snapshot.
 *
 * <p>Owns nothing. Takes no lock: the caller has passed the operation gate, so no host cluster that
 * the map gives can be used again before the read has ended.
 */
final class ImageReader {
  private static final byte[] ZEROES = new byte[64 << 10];

  private final GuestMap map;
  private final TrackedFile data;
  private final DecompressedClusters compressed;
  private final @Nullable BlockDevice backing;

  /** Null where guest data is stored as it is. */
  private final @Nullable EncryptedData encrypted;

  /**
   * Reads through a map.
   *
   * @param data the file that holds guest data
   * @param backing what shows where nothing is allocated, if anything
   * @param encrypted what reads that file instead if guest data is encrypted there
   */
  ImageReader(
      GuestMap map,
      TrackedFile data,
      DecompressedClusters compressed,
      @Nullable BlockDevice backing,
      @Nullable EncryptedData encrypted) {
    this.map = map;
    this.data = data;
    this.compressed = compressed;
    this.backing = backing;
    this.encrypted = encrypted;
  }

  /** Fills the buffer with the guest's bytes from {@code position} on. */
  void read(ByteBuffer destination, long position) throws IOException {
    Mapping mapping = new Mapping();
    int limit = destination.limit();
    long at = position;
    try {
      while (destination.position() < limit) {
        map.resolve(at, limit - destination.position(), mapping);
        int length = (int) mapping.length();
        destination.limit(destination.position() + length);
        readRun(destination, at, mapping);
        at += length;
      }
    } finally {
      destination.limit(limit);
    }
  }

  private void readRun(ByteBuffer destination, long position, Mapping mapping) throws IOException {
    switch (mapping.kind()) {
      case DATA -> readData(destination, position, mapping.hostOffset());
      case ZERO -> fillWithZeroes(destination);
      case UNALLOCATED -> readBacking(destination, position);
      case COMPRESSED -> {
        int offsetInCluster = (int) map.geometry().offsetInCluster(position);
        compressed.read(mapping.descriptor(), offsetInCluster, destination);
      }
    }
  }

  private void readData(ByteBuffer destination, long position, long host) throws IOException {
    if (encrypted == null) {
      data.read(destination, host);
    } else {
      encrypted.read(destination, position, host);
    }
  }

  private void readBacking(ByteBuffer destination, long position) throws IOException {
    if (backing != null && position < backing.size()) {
      int limit = destination.limit();
      int there = (int) Math.min(destination.remaining(), backing.size() - position);
      destination.limit(destination.position() + there);
      backing.read(destination, position);
      destination.limit(limit);
    }
    fillWithZeroes(destination);
  }

  /**
   * How many bytes one step of a walk over extents looks at: few enough that the operation gate is
   * soon passed again, whatever the tables hold.
   */
  long bytesPerExtent() {
    return (long) map.geometry().clusterSize() << 16;
  }

  /** How the bytes from {@code position} on are stored: see {@link BlockDevice#extentHook}. */
  Extent extent(long position, long length) throws IOException {
    Mapping mapping = new Mapping();
    map.resolve(position, length, mapping);
    return switch (mapping.kind()) {
      case DATA ->
          encrypted == null
              ? extent(position, mapping, Extent.Kind.DATA)
              : new Extent(position, mapping.length(), Extent.Kind.DATA, 0, Extent.NO_HOST_OFFSET);
      case ZERO -> extent(position, mapping, Extent.Kind.ZERO);
      case COMPRESSED -> extent(position, mapping, Extent.Kind.COMPRESSED);
      case UNALLOCATED -> backingExtent(position, mapping);
    };
  }

  private static Extent extent(long position, Mapping mapping, Extent.Kind kind) {
    return new Extent(position, mapping.length(), kind, 0, mapping.hostOffset());
  }

  private Extent backingExtent(long position, Mapping mapping) throws IOException {
    if (backing == null || position >= backing.size()) {
      return extent(position, mapping, Extent.Kind.UNALLOCATED);
    }
    long length = Math.min(mapping.length(), backing.size() - position);
    Extent below = backing.extentAt(position, length);
    return new Extent(
        position, below.length(), below.kind(), below.depth() + 1, below.hostOffset());
  }

  static void fillWithZeroes(ByteBuffer destination) {
    while (destination.hasRemaining()) {
      destination.put(ZEROES, 0, Math.min(ZEROES.length, destination.remaining()));
    }
  }
}
