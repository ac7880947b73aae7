package io.github.qcow2.metadata;

import io.github.qcow2.error.LimitExceededException;
import io.github.qcow2.format.AutoclearFeature;
import io.github.qcow2.format.Header;
import io.github.qcow2.format.IncompatibleFeature;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.BitSet;

/**
 * The header in memory and in the first cluster of the file.
 *
 * <p>Owns the current {@link Header}. A change ends in one write inside one 512-byte sector between
 * two barriers, so that a power cut leaves the old header or the new one; before it, everything
 * that the new header points to is durable. If the change fails the header is what it was, or,
 * where that cannot be had, nothing more is written to the file. Called by one thread at a time:
 * while the image is being opened, or under the flush lock of {@link FlushEpochs}.
 */
public final class HeaderFile {
  private static final int SECTOR = 512;

  /** Type and length of an extension, and as much for alignment. */
  private static final int BRIDGE_BYTES = 16;

  private final TrackedFile file;
  private volatile Header header;

  /** Takes the header that was read from the file. */
  public HeaderFile(TrackedFile file, Header header) {
    this.file = file;
    this.header = header;
  }

  /** The file that the header is in. */
  public TrackedFile file() {
    return file;
  }

  /** The header as it is on disk. */
  public Header header() {
    return header;
  }

  /**
   * Says on disk that what autoclear features unknown to us promise may no longer hold. Comes
   * before every other change of the file.
   */
  public void clearUnknownAutoclear() throws IOException {
    long known = header.autoclearFeatures() & AutoclearFeature.KNOWN;
    if (known != header.autoclearFeatures()) {
      change(
          header.withAutoclearFeatures(known),
          Header.AUTOCLEAR_FEATURES_OFFSET,
          Header.AUTOCLEAR_FEATURES_LENGTH);
    }
  }

  /**
   * Sets or clears the dirty bit: whether counts and COPIED flags may be stale.
   *
   * @throws IllegalArgumentException if version 2 has no such bit
   */
  public void markDirty(boolean dirty) throws IOException {
    long others = header.incompatibleFeatures() & ~IncompatibleFeature.DIRTY;
    change(
        header.withIncompatibleFeatures(dirty ? others | IncompatibleFeature.DIRTY : others),
        Header.INCOMPATIBLE_FEATURES_OFFSET,
        Header.INCOMPATIBLE_FEATURES_LENGTH);
  }

  /**
   * Replaces the header by one that differs from it only in some bytes.
   *
   * @param next the new header
   * @param offset of the first byte that differs
   * @param length of what differs, inside one 512-byte sector
   */
  public void change(Header next, int offset, int length) throws IOException {
    switchOver(next.encode(offset, length), header.encode(offset, length), offset);
    header = next;
  }

  /**
   * Replaces the whole header, which may have several sectors.
   *
   * <pre>
   *   sector 0          1 …                 n …
   *   │ fields, list of extensions │                          before
   *   │ fields ──────────────────────────▶ │ new list │       the list first, a barrier, then sector 0
   *   │ fields, new list   │                                  likewise
   * </pre>
   *
   * <p>Each of the three is complete on the disk before the one write inside sector 0 that makes it
   * the header. The second is left out where the new list does not touch the old one.
   *
   * @param next the new header, of the same image
   * @throws LimitExceededException if the first cluster has no room for both lists; nothing has
   *     been written
   */
  public void replace(String image, Header next) throws IOException {
    byte[] before = firstCluster();
    byte[] after = next.encode();
    if (needsBridge(before, after)) {
      int aside = sectorsAside(after);
      byte[] bridge = bridge(image, next, aside);
      BitSet added = changedSectors(before, bridge);
      added.clear(1, aside);
      writeSectors(before, bridge, added);
    }
    writeSectors(before, after, changedSectors(before, after));
    header = next;
  }

  /**
   * Finds out whether {@link #replace} has room for a header; writes nothing.
   *
   * @throws LimitExceededException if not
   */
  public void checkReplaceable(String image, Header next) throws IOException {
    byte[] after = next.encode();
    if (needsBridge(firstCluster(), after)) {
      bridge(image, next, sectorsAside(after));
    }
  }

  private byte[] firstCluster() throws IOException {
    ByteBuffer present = ByteBuffer.allocate(header.geometry().clusterSize());
    file.read(present, 0);
    return present.array();
  }

  /** Whether the new list would overwrite the old one before it is in force. */
  private boolean needsBridge(byte[] before, byte[] after) {
    BitSet changed = changedSectors(before, after);
    BitSet others = header.sectors();
    others.clear(0);
    return changed.cardinality() > 1 && changed.intersects(others);
  }

  /** The first sector that neither the old header needs nor the new one in its last place. */
  private int sectorsAside(byte[] after) {
    return Math.max(header.sectors().length(), (after.length + SECTOR - 1) / SECTOR);
  }

  private byte[] bridge(String image, Header next, int aside) throws LimitExceededException {
    byte[] bridge = next.encodeBehind(aside * SECTOR);
    if (bridge.length > next.geometry().clusterSize()
        || Math.max(next.headerLength(), header.headerLength()) + BRIDGE_BYTES > SECTOR) {
      throw new LimitExceededException(
          image,
          0,
          "the first cluster has no room for the new header beside the old one, so it cannot be"
              + " replaced at once");
    }
    return bridge;
  }

  private static BitSet changedSectors(byte[] before, byte[] after) {
    BitSet changed = new BitSet();
    for (int at = 0; at < after.length; at += SECTOR) {
      int end = Math.min(at + SECTOR, after.length);
      changed.set(at / SECTOR, !Arrays.equals(before, at, end, after, at, end));
    }
    return changed;
  }

  /** Writes sectors into the file and into {@code before}; the first of all comes last. */
  private void writeSectors(byte[] before, byte[] after, BitSet sectors) throws IOException {
    for (int sector = sectors.previousSetBit(sectors.length());
        sector >= 0;
        sector = sectors.previousSetBit(sector - 1)) {
      int at = sector * SECTOR;
      ByteBuffer bytes = ByteBuffer.wrap(after, at, Math.min(SECTOR, after.length - at)).slice();
      if (sector == 0 || sectors.cardinality() == 1) {
        ByteBuffer old =
            ByteBuffer.allocate(bytes.remaining()).put(0, before, at, bytes.remaining());
        switchOver(bytes.duplicate(), old, at);
      } else {
        file.write(bytes.duplicate(), at, ClusterKind.HEADER);
      }
      bytes.get(before, at, bytes.remaining());
    }
  }

  /** One write inside one sector, between two barriers. */
  private void switchOver(ByteBuffer bytes, ByteBuffer old, int offset) throws IOException {
    file.barrier();
    try {
      file.write(bytes, offset, ClusterKind.HEADER);
    } catch (Throwable t) {
      restore(old, offset, t);
      throw t;
    }
    file.barrier();
  }

  /**
   * A write that failed may have left the new bytes. Either header is right only as long as nothing
   * else is written, so the old one is made durable again, or nothing will be written any more.
   */
  private void restore(ByteBuffer old, int offset, Throwable failure) {
    boolean restored = false;
    try {
      file.write(old, offset, ClusterKind.HEADER);
      file.barrier();
      restored = true;
    } catch (IOException e) {
      failure.addSuppressed(e);
    } finally {
      if (!restored) {
        file.fail("the header could be neither written nor restored");
      }
    }
  }
}
