package io.github.qcow2.testkit.oracle;

import static io.github.qcow2.testkit.oracle.BigEndian.u64;

import java.io.IOException;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A disk as a guest sees it, through one L1 table. Looks everything up anew for each cluster.
 *
 * <p>Throws a {@link SpecViolation} where what is mapped has no defined content.
 */
final class GuestView implements ByteSource {
  private static final long OFFSET = 0x00fffffffffffe00L;
  private static final long COPIED = 1L << 63;
  private static final long COMPRESSED = 1L << 62;
  private static final long ZERO = 1;
  private static final int SECTOR = 512;

  private final ByteSource image;
  private final HeaderFields header;
  private final long l1Offset;
  private final int l1Size;
  private final long size;
  private final @Nullable ByteSource backing;
  private final @Nullable ByteSource dataFile;
  private final @Nullable Decompressor decompressor;

  GuestView(
      ByteSource image,
      HeaderFields header,
      long l1Offset,
      int l1Size,
      long size,
      @Nullable ByteSource backing,
      @Nullable ByteSource dataFile,
      @Nullable Decompressor decompressor) {
    this.image = image;
    this.header = header;
    this.l1Offset = l1Offset;
    this.l1Size = l1Size;
    this.size = size;
    this.backing = backing;
    this.dataFile = dataFile;
    this.decompressor = decompressor;
  }

  @Override
  public long size() {
    return size;
  }

  @Override
  public void read(long position, byte[] target, int offset, int length) throws IOException {
    int inside = (int) Math.max(0, Math.min(length, size - position));
    Arrays.fill(target, offset + inside, offset + length, (byte) 0);
    int done = 0;
    while (done < inside) {
      long at = position + done;
      int inCluster = (int) (at & (header.clusterSize() - 1));
      int count = Math.min(inside - done, header.clusterSize() - inCluster);
      readInCluster(at, inCluster, target, offset + done, count);
      done += count;
    }
  }

  private void readInCluster(long guest, int inCluster, byte[] target, int offset, int count)
      throws IOException {
    long entryOffset = entryOffset(guest);
    if (entryOffset < 0) {
      readBacking(guest, target, offset, count);
      return;
    }
    long entry = u64(image, entryOffset);
    if ((entry & COMPRESSED) != 0) {
      byte[] cluster = decompressed(entry, entryOffset);
      System.arraycopy(cluster, inCluster, target, offset, count);
    } else if (header.extendedL2()) {
      readSubclusters(guest, inCluster, entry, entryOffset, target, offset, count);
    } else if ((entry & ZERO) != 0) {
      require(header.version() > 2, entryOffset, "zero flag in version 2");
      Arrays.fill(target, offset, offset + count, (byte) 0);
    } else if (isAllocated(entry)) {
      readHost(guest, inCluster, entry, entryOffset, target, offset, count);
    } else {
      readBacking(guest, target, offset, count);
    }
  }

  /** Where the L2 entry of a guest byte is, or -1 if there is no L2 table. */
  private long entryOffset(long guest) throws IOException {
    long l1Index = guest / header.bytesPerL2Table();
    if (l1Index >= l1Size) {
      return -1;
    }
    long table = u64(image, l1Offset + l1Index * 8) & OFFSET;
    if (table == 0) {
      return -1;
    }
    require((table & (header.clusterSize() - 1)) == 0, l1Offset + l1Index * 8, "unaligned L2");
    long index = guest % header.bytesPerL2Table() >> header.clusterBits();
    return table + index * header.l2EntryBytes();
  }

  private void readSubclusters(
      long guest, int inCluster, long entry, long entryOffset, byte[] target, int offset, int count)
      throws IOException {
    long bitmap = u64(image, entryOffset + 8);
    long allocated = bitmap & 0xffffffffL;
    long zero = bitmap >>> 32;
    require((allocated & zero) == 0, entryOffset, "subcluster both allocated and zero");
    require(allocated == 0 || isAllocated(entry), entryOffset, "subclusters of no cluster");
    int subclusterSize = header.clusterSize() / 32;
    int done = 0;
    while (done < count) {
      int at = inCluster + done;
      int index = at / subclusterSize;
      int part = Math.min(count - done, subclusterSize - at % subclusterSize);
      if ((zero >> index & 1) != 0) {
        Arrays.fill(target, offset + done, offset + done + part, (byte) 0);
      } else if ((allocated >> index & 1) != 0) {
        readHost(guest + done, at, entry, entryOffset, target, offset + done, part);
      } else {
        readBacking(guest + done, target, offset + done, part);
      }
      done += part;
    }
  }

  /** With a data file, offset 0 is a place as good as any; COPIED tells it from no place. */
  private boolean isAllocated(long entry) {
    return (entry & OFFSET) != 0 || (header.hasDataFile() && (entry & COPIED) != 0);
  }

  private void readHost(
      long guest, int inCluster, long entry, long entryOffset, byte[] target, int offset, int count)
      throws IOException {
    long host = entry & OFFSET;
    require((host & (header.clusterSize() - 1)) == 0, entryOffset, "unaligned cluster");
    require(header.cryptMethod() == 0, 32, "the data is encrypted");
    if (!header.hasDataFile()) {
      image.read(host + inCluster, target, offset, count);
      return;
    }
    require(host == guest - inCluster, entryOffset, "data file offset is not the guest offset");
    if (dataFile == null) {
      throw new IllegalStateException("the image has a data file, the oracle was given none");
    }
    dataFile.read(guest, target, offset, count);
  }

  private byte[] decompressed(long entry, long entryOffset) throws IOException {
    require(!header.hasDataFile(), entryOffset, "compressed cluster with a data file");
    if (decompressor == null) {
      throw new IllegalStateException("no decompressor for type " + header.compressionType());
    }
    int offsetBits = 62 - (header.clusterBits() - 8);
    long host = entry & ((1L << offsetBits) - 1);
    int sectors = (int) (entry >>> offsetBits & ((1L << (62 - offsetBits)) - 1)) + 1;
    byte[] data = new byte[sectors * SECTOR - (int) (host % SECTOR)];
    image.read(host, data, 0, data.length);
    byte[] cluster = new byte[header.clusterSize()];
    try {
      decompressor.decompress(data, cluster);
    } catch (IOException e) {
      SpecViolation violation = new SpecViolation(host, String.valueOf(e.getMessage()));
      violation.initCause(e);
      throw violation;
    }
    return cluster;
  }

  private void readBacking(long guest, byte[] target, int offset, int count) throws IOException {
    if (backing == null) {
      if (header.backingName() != null) {
        throw new IllegalStateException("the image has a backing file, the oracle was given none");
      }
      Arrays.fill(target, offset, offset + count, (byte) 0);
    } else {
      backing.read(guest, target, offset, count);
    }
  }

  private static void require(boolean holds, long offset, String rule) throws SpecViolation {
    if (!holds) {
      throw new SpecViolation(offset, rule);
    }
  }
}
