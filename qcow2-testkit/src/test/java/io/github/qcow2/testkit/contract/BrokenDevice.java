package io.github.qcow2.testkit.contract;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.Extent;
import io.github.qcow2.ZeroMode;
import java.nio.ByteBuffer;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** A disk in memory that does one thing wrong, or nothing. */
final class BrokenDevice extends BlockDevice {
  /** What it does wrong. */
  enum Flaw {
    NOTHING,
    READ_STARTS_LATE,
    WRITE_FILLS_ITS_LAST_SECTOR,
    WRITE_LOSES_ITS_LAST_BYTE,
    ZEROES_MISS_THE_LAST_BYTE,
    ZEROES_REACH_TOO_FAR,
    KEPT_ZEROES_ARE_NOT_WRITTEN,
    DISCARD_LEAVES_GARBAGE,
    DISCARD_REACHES_TOO_FAR,
    DISCARD_IS_UNDONE_BY_A_WRITE,
    DATA_IS_CALLED_ZERO,
    EXTENTS_LEAVE_GAPS,
    EXTENTS_REACH_TOO_FAR,
    FLUSH_LOSES_THE_FIRST_SECTOR,
    CLOSE_LOSES_THE_LAST_WRITE,
    READS_ARE_STALE
  }

  private final Flaw flaw;
  final byte[] bytes;
  private byte[] before;
  private byte @Nullable [] discarded;

  BrokenDevice(byte[] bytes, boolean readOnly, Flaw flaw) {
    super("broken", readOnly);
    this.bytes = bytes;
    this.flaw = flaw;
    this.before = bytes.clone();
  }

  @Override
  public long size() {
    return bytes.length;
  }

  @Override
  protected synchronized void readHook(ByteBuffer destination, long position) {
    int from = (int) position;
    if (flaw == Flaw.READ_STARTS_LATE && from % 512 != 0) {
      destination.put((byte) 0);
      from++;
    }
    byte[] source = flaw == Flaw.READS_ARE_STALE && destination.remaining() == 8 ? before : bytes;
    destination.put(source, from, destination.remaining());
  }

  @Override
  protected synchronized void writeHook(ByteBuffer source, long position) {
    if (flaw == Flaw.READS_ARE_STALE || flaw == Flaw.CLOSE_LOSES_THE_LAST_WRITE) {
      before = bytes.clone();
    }
    int from = (int) position;
    int length = source.remaining();
    byte lost = bytes[from + length - 1];
    source.get(bytes, from, length);
    int end = from + length;
    if (flaw == Flaw.WRITE_FILLS_ITS_LAST_SECTOR) {
      Arrays.fill(bytes, end, Math.min(bytes.length, (end + 511) / 512 * 512), (byte) 0);
    } else if (flaw == Flaw.WRITE_LOSES_ITS_LAST_BYTE && end % 512 != 0) {
      bytes[end - 1] = lost;
    } else if (flaw == Flaw.DISCARD_IS_UNDONE_BY_A_WRITE && discarded != null) {
      bytes[0] = discarded[0];
    }
  }

  @Override
  protected synchronized void writeZeroesHook(long position, long length, ZeroMode mode) {
    int from = (int) position;
    int to = (int) (position + length);
    switch (flaw) {
      case ZEROES_MISS_THE_LAST_BYTE -> to--;
      case ZEROES_REACH_TOO_FAR -> to = Math.min(bytes.length, to + 1);
      case KEPT_ZEROES_ARE_NOT_WRITTEN -> to = mode == ZeroMode.KEEP_ALLOCATED ? from : to;
      default -> {}
    }
    Arrays.fill(bytes, from, to, (byte) 0);
  }

  @Override
  protected synchronized void discardHook(long position, long length) {
    int from = (int) position;
    int to = (int) (position + length);
    discarded = bytes.clone();
    switch (flaw) {
      case DISCARD_LEAVES_GARBAGE -> Arrays.fill(bytes, from, to, (byte) 0x5a);
      case DISCARD_REACHES_TOO_FAR ->
          Arrays.fill(bytes, from / 512 * 512, Math.min(bytes.length, to + 512), (byte) 0);
      default -> Arrays.fill(bytes, from, to, (byte) 0);
    }
  }

  @Override
  protected synchronized void flushHook() {
    if (flaw == Flaw.FLUSH_LOSES_THE_FIRST_SECTOR) {
      Arrays.fill(bytes, 0, 512, (byte) 0);
    }
  }

  @Override
  protected Extent extentHook(long position, long length) {
    long start = flaw == Flaw.EXTENTS_LEAVE_GAPS && length > 1 ? position + 1 : position;
    long end = flaw == Flaw.EXTENTS_REACH_TOO_FAR ? position + length + 1 : position + length;
    Extent.Kind kind = flaw == Flaw.DATA_IS_CALLED_ZERO ? Extent.Kind.ZERO : Extent.Kind.DATA;
    return new Extent(start, end - start, kind, 0, start);
  }

  @Override
  protected synchronized void closeHook() {
    if (flaw == Flaw.CLOSE_LOSES_THE_LAST_WRITE) {
      System.arraycopy(before, 0, bytes, 0, bytes.length);
    }
  }
}
