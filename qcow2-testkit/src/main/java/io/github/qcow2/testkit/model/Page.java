package io.github.qcow2.testkit.model;

import java.util.BitSet;
import org.jspecify.annotations.Nullable;

/** Some bytes of a {@link ReferenceDisk}, and which of them a discard left open. */
final class Page {
  static final int SIZE = 4096;
  static final byte[] ZEROES = new byte[SIZE];

  final byte[] bytes;

  /** The bytes that may as well be zero: null for none, which is nearly always. */
  private @Nullable BitSet open;

  Page() {
    this(new byte[SIZE], null);
  }

  private Page(byte[] bytes, @Nullable BitSet open) {
    this.bytes = bytes;
    this.open = open;
  }

  Page copy() {
    return new Page(bytes.clone(), open == null ? null : (BitSet) open.clone());
  }

  /** A copy with zeros from byte {@code length} on. */
  Page cutAt(int length) {
    Page copy = copy();
    System.arraycopy(ZEROES, 0, copy.bytes, length, SIZE - length);
    copy.settle(length, SIZE - length);
    return copy;
  }

  void settle(int offset, int length) {
    if (open != null) {
      open.clear(offset, offset + length);
      if (open.isEmpty()) {
        open = null;
      }
    }
  }

  void unsettle(int offset, int length) {
    if (open == null) {
      open = new BitSet(SIZE);
    }
    open.set(offset, offset + length);
  }

  boolean isUnsettled(int offset, int length) {
    if (open == null) {
      return false;
    }
    int first = open.nextSetBit(offset);
    return first >= 0 && first < offset + length;
  }

  /** Settles the open bytes of a range: those that are seen to be zero are zero from now on. */
  void takeNote(int offset, byte[] seen, int from, int length) {
    for (int i = 0; i < length; i++) {
      if (seen[from + i] == 0 && open != null && open.get(offset + i)) {
        bytes[offset + i] = 0;
      }
    }
    settle(offset, length);
  }
}
