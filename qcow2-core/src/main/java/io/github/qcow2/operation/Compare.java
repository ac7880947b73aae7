package io.github.qcow2.operation;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.Extent;
import io.github.qcow2.error.OperationCancelledException;
import io.github.qcow2.operation.CompareResult.Verdict;
import io.github.qcow2.progress.Progress;
import io.github.qcow2.transfer.Checkpoint;
import io.github.qcow2.transfer.ReadAhead;
import io.github.qcow2.transfer.ReadAhead.Step;
import io.github.qcow2.transfer.ReadAhead.Transfer;
import io.github.qcow2.transfer.ZeroScan;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;

/**
 * Compares the content of two devices by the rules of {@code qemu-img compare}.
 *
 * <ul>
 *   <li>The longer disk may go on beyond the shorter one as long as it reads as zeros there.
 *   <li>A {@linkplain #strict strict} comparison wants equal sizes, and every range stored in the
 *       same way: as data, compressed, as zeros with or without space kept for them, or not at all.
 *       The layer of a backing chain does not count, and neither does the place in the file.
 * </ul>
 *
 * <p>In strict mode {@code qemu-img} gives the start of the extent in which it notices a difference
 * of storage, and takes two disks for different when their last extents merely start at different
 * places; here the offset is that of the first byte stored differently, and only that counts.
 *
 * <p>Ranges that both devices know to be zero are not read. {@link #run} reads and compares on
 * threads of its own, one for each processor up to four, in transfers of 2 MiB and a few of them
 * ahead of the calling thread, which finds the first difference. It returns or throws only after
 * all have stopped. Interrupting the calling thread cancels; its flag stays set. Exceptions of
 * either device reach the caller as they are, unless there is a difference before. The options may
 * be set from one thread at a time.
 */
public final class Compare {
  private static final int BUFFER_SIZE = 2 << 20;

  private final BlockDevice first;
  private final BlockDevice second;
  private boolean strict;
  private Progress progress = Progress.NONE;

  private Compare(BlockDevice first, BlockDevice second) {
    this.first = first;
    this.second = second;
  }

  /** The devices to compare. They stay open. */
  public static Compare of(BlockDevice first, BlockDevice second) {
    return new Compare(first, second);
  }

  /** Whether sizes and allocation must be equal as well. Default: false. */
  public Compare strict(boolean strict) {
    this.strict = strict;
    return this;
  }

  /** Who is told how far the comparison has come, in guest bytes, and may cancel it. */
  public Compare progress(Progress progress) {
    this.progress = progress;
    return this;
  }

  /**
   * Compares up to the first difference.
   *
   * @throws OperationCancelledException if the progress listener or an interrupt stopped it
   */
  public CompareResult run() throws IOException {
    return new Run().compare();
  }

  /** Which of the devices have bytes that must be looked at; the other reads as zeros. */
  private enum Bytes {
    FIRST,
    SECOND,
    BOTH,
    NEITHER,
    /** Nothing needs looking at: a strict comparison ends here. */
    STORED_DIFFERENTLY
  }

  /**
   * Guest bytes that each of the devices stores in one way. The thread that reads them compares
   * them; then they belong to the calling one.
   */
  private static final class Common implements Step {
    private final long position;
    private final long length;
    private final Bytes bytes;

    /** How many bytes from the start on are equal. */
    private long same;

    Common(long position, long length, Bytes bytes) {
      this.position = position;
      this.length = length;
      this.bytes = bytes;
      this.same = length;
    }

    @Override
    public long position() {
      return position;
    }

    @Override
    public long length() {
      return length;
    }

    @Override
    public boolean read() {
      return bytes == Bytes.FIRST || bytes == Bytes.SECOND || bytes == Bytes.BOTH;
    }
  }

  /** One comparison; lives on the calling thread. */
  private final class Run {
    private final long firstSize = first.size();
    private final long secondSize = second.size();
    private final Checkpoint checkpoint =
        new Checkpoint(
            progress,
            first.name(),
            "the comparison with " + second.name(),
            Math.max(firstSize, secondSize));

    /** For bytes of the second device: one for each reading thread at most. */
    private final Queue<ByteBuffer> spare = new ConcurrentLinkedQueue<>();

    /** No transfer is larger. */
    private final int buffer =
        (int) Math.min(BUFFER_SIZE, Math.max(1, Math.max(firstSize, secondSize)));

    CompareResult compare() throws IOException {
      if (strict && firstSize != secondSize) {
        return result(Verdict.SIZE_DIFFERS, CompareResult.NO_OFFSET);
      }
      checkpoint.reached(0);
      try (ReadAhead<Common> ahead =
          ReadAhead.start(
              first.name(),
              this::read,
              new CommonCuts(firstSize, secondSize),
              buffer,
              ReadAhead.threads())) {
        for (Transfer<Common> next = ahead.next(); next != null; next = ahead.next()) {
          Common step = next.step();
          if (step.bytes == Bytes.STORED_DIFFERENTLY) {
            return result(Verdict.ALLOCATION_DIFFERS, step.position);
          }
          if (step.same < step.length) {
            return result(Verdict.CONTENT_DIFFERS, step.position + step.same);
          }
          ahead.release(next);
          checkpoint.reached(step.end());
        }
      } catch (InterruptedException e) {
        throw checkpoint.interrupted();
      }
      return result(Verdict.IDENTICAL, CompareResult.NO_OFFSET);
    }

    /** Reads a step and compares it; called by the reading threads. */
    private void read(Common step, ByteBuffer destination) throws IOException {
      BlockDevice device = step.bytes == Bytes.SECOND ? second : first;
      device.read(destination, step.position);
      if (step.bytes == Bytes.BOTH) {
        compareWithSecond(step, destination.duplicate().flip());
      } else {
        step.same = ZeroScan.firstNonZero(destination, 0, (int) step.length);
      }
    }

    private void compareWithSecond(Common step, ByteBuffer firstBytes) throws IOException {
      ByteBuffer secondBytes = spare.poll();
      if (secondBytes == null) {
        secondBytes = ByteBuffer.allocateDirect(buffer);
      }
      second.read(secondBytes.clear().limit((int) step.length), step.position);
      int mismatch = firstBytes.mismatch(secondBytes.flip());
      step.same = mismatch < 0 ? step.length : mismatch;
      spare.add(secondBytes);
    }

    private CompareResult result(Verdict verdict, long offset) {
      return new CompareResult(verdict, offset, firstSize != secondSize);
    }
  }

  /** Cuts both disks at every place where either of them changes, and at transfer size. */
  private final class CommonCuts implements ReadAhead.Plan<Common> {
    private final long end;
    private final Side firstSide;
    private final Side secondSide;
    private long position;

    CommonCuts(long firstSize, long secondSize) {
      this.end = Math.max(firstSize, secondSize);
      this.firstSide = new Side(first, firstSize);
      this.secondSide = new Side(second, secondSize);
    }

    @Override
    public @Nullable Common next() throws IOException {
      if (position == end) {
        return null;
      }
      long start = position;
      Bytes bytes = bytes();
      long stop =
          bytes == Bytes.NEITHER
              ? start + ExtentWindows.WINDOW
              : start - start % BUFFER_SIZE + BUFFER_SIZE;
      do {
        position = Math.min(stop, endOfExtents());
      } while (position < Math.min(stop, end) && bytes() == bytes);
      return new Common(start, position - start, bytes);
    }

    /** Where the first of the extents at the position ends. */
    private long endOfExtents() throws IOException {
      Extent one = firstSide.at(position);
      Extent two = secondSide.at(position);
      return Math.min(one == null ? end : one.end(), two == null ? end : two.end());
    }

    private Bytes bytes() throws IOException {
      return bytes(firstSide.at(position), secondSide.at(position));
    }

    private Bytes bytes(@Nullable Extent one, @Nullable Extent two) {
      if (strict && one != null && two != null && !storedAlike(one, two)) {
        return Bytes.STORED_DIFFERENTLY;
      }
      boolean first = one != null && !one.readsAsZeroes();
      boolean second = two != null && !two.readsAsZeroes();
      if (first) {
        return second ? Bytes.BOTH : Bytes.FIRST;
      }
      return second ? Bytes.SECOND : Bytes.NEITHER;
    }

    private static boolean storedAlike(Extent one, Extent two) {
      return one.kind() == two.kind()
          && (one.kind() != Extent.Kind.ZERO || hasPlace(one) == hasPlace(two));
    }

    private static boolean hasPlace(Extent extent) {
      return extent.hostOffset() != Extent.NO_HOST_OFFSET;
    }
  }

  /** The extents of one of the two disks, passed in step with the other's. */
  private static final class Side {
    private final ExtentWindows extents;
    private final long size;
    private @Nullable Extent current;

    Side(BlockDevice device, long size) {
      this.extents = new ExtentWindows(device, size);
      this.size = size;
    }

    /** The extent that holds the byte, or null beyond the end of the disk. */
    @Nullable Extent at(long position) throws IOException {
      while (position < size && (current == null || current.end() <= position)) {
        current = extents.next();
      }
      return position < size ? current : null;
    }
  }
}
