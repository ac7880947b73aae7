package io.github.qcow2.check;

import io.github.qcow2.format.Geometry;
import io.github.qcow2.format.IncompatibleFeature;
import io.github.qcow2.format.RefcountWidth;
import io.github.qcow2.storage.HeapStorage;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * A small image laid out by hand: header in cluster 0, refcount table in 1, one refcount block in
 * 2, L1 table in 3, L2 table in 4, and data from 5 on. Everything in it can be overwritten.
 */
final class HandMadeImage {
  static final long COPIED = 1L << 63;

  final HeapStorage storage = new HeapStorage("hand-made");
  final Geometry geometry;
  final int clusterSize;

  HandMadeImage() throws IOException {
    this(new Geometry(3, 16, 4, false), 0);
  }

  /** An image of 64 guest clusters, none of them mapped, with an empty L2 table. */
  HandMadeImage(Geometry geometry, long incompatibleFeatures) throws IOException {
    this.geometry = geometry;
    this.clusterSize = geometry.clusterSize();
    ByteBuffer header = ByteBuffer.allocate(geometry.version() == 2 ? 72 : 112);
    header.putInt(0x514649fb).putInt(geometry.version()).putLong(0).putInt(0);
    header.putInt(geometry.clusterBits()).putLong(64L * clusterSize).putInt(0);
    header.putInt(1).putLong(cluster(3)).putLong(cluster(1)).putInt(1).putInt(0).putLong(0);
    if (geometry.version() == 3) {
      long extended = geometry.extendedL2() ? IncompatibleFeature.EXTENDED_L2 : 0;
      header.putLong(incompatibleFeatures | extended).putLong(0).putLong(0);
      header.putInt(geometry.refcountOrder()).putInt(112);
    }
    storage.write(header.rewind(), 0);
    setLong(cluster(1), cluster(2));
    setLong(cluster(3), cluster(4) | COPIED);
    for (int i = 0; i < 5; i++) {
      refcount(i, 1);
    }
    storage.setSize(cluster(5));
  }

  /** The offset of a host cluster. */
  long cluster(long index) {
    return index * clusterSize;
  }

  HandMadeImage setLong(long offset, long value) throws IOException {
    storage.write(ByteBuffer.allocate(8).putLong(value).rewind(), offset);
    return this;
  }

  HandMadeImage setInt(long offset, int value) throws IOException {
    storage.write(ByteBuffer.allocate(4).putInt(value).rewind(), offset);
    return this;
  }

  /** Sets the stored count of a host cluster. */
  HandMadeImage refcount(int cluster, long count) throws IOException {
    RefcountWidth width = RefcountWidth.of(geometry.refcountOrder());
    int word = cluster / width.entriesPerWord();
    ByteBuffer bytes = ByteBuffer.allocate(8);
    long offset = cluster(2) + 8L * word;
    storage.read(bytes, offset);
    long[] words = {bytes.getLong(0)};
    width.set(words, cluster % width.entriesPerWord(), count);
    return setLong(offset, words[0]);
  }

  HandMadeImage l1(int index, long entry) throws IOException {
    return setLong(cluster(3) + 8L * index, entry);
  }

  HandMadeImage l2(int index, long entry) throws IOException {
    return setLong(cluster(4) + (long) geometry.l2EntryBytes() * index, entry);
  }

  HandMadeImage l2(int index, long entry, long bitmap) throws IOException {
    return l2(index, entry).setLong(cluster(4) + 16L * index + 8, bitmap);
  }

  /** Maps a guest cluster to a host cluster, which grows the file as needed. */
  HandMadeImage map(int guestCluster, int hostCluster) throws IOException {
    l2(guestCluster, cluster(hostCluster) | COPIED).refcount(hostCluster, 1);
    if (geometry.extendedL2()) {
      setLong(cluster(4) + 16L * guestCluster + 8, 0xffff_ffffL);
    }
    return grow(hostCluster + 1);
  }

  /** Makes the file at least so many clusters long. */
  HandMadeImage grow(long clusters) throws IOException {
    storage.setSize(Math.max(storage.size(), cluster(clusters)));
    return this;
  }

  CheckReport check() throws IOException {
    return ImageCheck.of(storage).run();
  }
}
