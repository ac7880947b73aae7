package io.github.qcow2.testkit.model;

import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The model of a disk: a sparse map of pages over an optional base, byte for byte. Memory is
 * proportional to what was written, not to the size. Not thread-safe.
 *
 * <p>After {@link #discard} a byte may be what it was, or zero, and the device alone knows which.
 * The model allows both until {@link #observe} is shown the device's choice; from then on only that
 * one is right.
 */
public final class ReferenceDisk {
  private static final int PAGE = Page.SIZE;

  private final @Nullable ReferenceDisk base;
  private final Map<Long, Page> pages = new TreeMap<>();
  private long size;

  /**
   * A disk of zeros.
   *
   * @param size in bytes
   */
  public ReferenceDisk(long size) {
    this(null, size);
  }

  private ReferenceDisk(@Nullable ReferenceDisk base, long size) {
    if (size < 0) {
      throw new IllegalArgumentException("size " + size);
    }
    this.base = base;
    this.size = size;
  }

  /**
   * A disk that shows {@code base} where nothing has been written to it, and zeros past the end of
   * a shorter base. The base must not change any more.
   *
   * @param size in bytes; may be less or more than that of the base
   */
  public static ReferenceDisk over(ReferenceDisk base, long size) {
    return new ReferenceDisk(Objects.requireNonNull(base), size);
  }

  /** The size in bytes. */
  public long size() {
    return size;
  }

  /** Makes {@code bytes} the content from {@code position} on. */
  public void write(long position, byte[] bytes) {
    checkRange(position, bytes.length);
    for (Span span = Span.first(position, bytes.length); span.length() > 0; span = span.next()) {
      Page page = pageForChange(span.page());
      System.arraycopy(
          bytes, (int) (span.position() - position), page.bytes, span.offset(), span.length());
      page.settle(span.offset(), span.length());
    }
  }

  /** Makes {@code length} bytes from {@code position} on zeros, whatever the base holds. */
  public void writeZeroes(long position, long length) {
    checkRange(position, length);
    for (Span span = Span.first(position, length); span.length() > 0; span = span.next()) {
      if (page(span.page()) != null) {
        Page page = pageForChange(span.page());
        Arrays.fill(page.bytes, span.offset(), span.offset() + span.length(), (byte) 0);
        page.settle(span.offset(), span.length());
      }
    }
  }

  /** Lets each of {@code length} bytes from {@code position} on be what it is, or zero. */
  public void discard(long position, long length) {
    checkRange(position, length);
    for (Span span = Span.first(position, length); span.length() > 0; span = span.next()) {
      if (page(span.page()) != null) {
        pageForChange(span.page()).unsettle(span.offset(), span.length());
      }
    }
  }

  /**
   * Extends the disk with zeros, whatever a longer base holds there.
   *
   * @param newSize in bytes, not less than the present size
   */
  public void grow(long newSize) {
    if (newSize < size) {
      throw new IllegalArgumentException(newSize + " is less than " + size);
    }
    long oldSize = size;
    size = newSize;
    if (base != null && base.size > oldSize) {
      writeZeroes(oldSize, Math.min(newSize, base.size) - oldSize);
    }
  }

  /**
   * Cuts the disk. What is behind the new end is gone: should the disk grow again, zeros are there.
   *
   * @param newSize in bytes, not more than the present size
   */
  public void shrink(long newSize) {
    if (newSize > size) {
      throw new IllegalArgumentException(newSize + " is more than " + size);
    }
    long endOfPage = Math.min(size, (newSize + PAGE - 1) / PAGE * PAGE);
    writeZeroes(newSize, endOfPage - newSize);
    pages.keySet().removeIf(index -> index * PAGE >= newSize);
    size = newSize;
  }

  /** The content of a range; of discarded bytes whose fate is open, what they were. */
  public byte[] read(long position, int length) {
    checkRange(position, length);
    byte[] bytes = new byte[length];
    for (Span span = Span.first(position, length); span.length() > 0; span = span.next()) {
      Page page = page(span.page());
      if (page != null) {
        System.arraycopy(
            page.bytes, span.offset(), bytes, (int) (span.position() - position), span.length());
      }
    }
    return bytes;
  }

  /**
   * Compares what a device returned with what it may return, and takes note of what became of
   * discarded bytes.
   *
   * @param position of the first byte of {@code actual}
   * @param actual what the device returned
   * @return the first byte that is not allowed, if there is one
   */
  public Optional<Mismatch> observe(long position, byte[] actual) {
    checkRange(position, actual.length);
    for (Span span = Span.first(position, actual.length); span.length() > 0; span = span.next()) {
      int from = (int) (span.position() - position);
      Page page = page(span.page());
      byte[] expected = page == null ? Page.ZEROES : page.bytes;
      if (page != null && page.isUnsettled(span.offset(), span.length())) {
        Page own = pageForChange(span.page());
        own.takeNote(span.offset(), actual, from, span.length());
        expected = own.bytes;
      }
      int at =
          Arrays.mismatch(
              expected,
              span.offset(),
              span.offset() + span.length(),
              actual,
              from,
              from + span.length());
      if (at >= 0) {
        return Optional.of(
            new Mismatch(span.position() + at, expected[span.offset() + at], actual[from + at]));
      }
    }
    return Optional.empty();
  }

  /**
   * The positions at which something other than the initial zeros may be, in ascending order, as
   * starts of ranges of {@link #pageSize()} bytes; the last may reach past the end.
   */
  public long[] populatedPages() {
    Map<Long, Page> all = new TreeMap<>(pages);
    for (ReferenceDisk below = base; below != null; below = below.base) {
      below.pages.forEach(all::putIfAbsent);
    }
    return all.keySet().stream()
        .mapToLong(index -> index * PAGE)
        .filter(start -> start < size)
        .toArray();
  }

  /** The size in bytes of the ranges that {@link #populatedPages} speaks of. */
  public static int pageSize() {
    return PAGE;
  }

  /** The page as it is to be read, from this disk or its base; null for zeros. */
  private @Nullable Page page(long index) {
    Page page = pages.get(index);
    if (page != null || base == null || index * PAGE >= base.size) {
      return page;
    }
    Page below = base.page(index);
    long inside = base.size - index * PAGE;
    return below == null || inside >= PAGE ? below : below.cutAt((int) inside);
  }

  private Page pageForChange(long index) {
    Page page = pages.get(index);
    if (page == null) {
      Page below = page(index);
      page = below == null ? new Page() : below.copy();
      pages.put(index, page);
    }
    return page;
  }

  private void checkRange(long position, long length) {
    if (position < 0 || length < 0 || position > size - length) {
      throw new IndexOutOfBoundsException(
          length + " bytes at " + position + " do not lie inside " + size);
    }
  }
}
