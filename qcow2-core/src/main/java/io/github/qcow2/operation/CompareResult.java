package io.github.qcow2.operation;

/**
 * What a comparison found.
 *
 * @param verdict the first difference that counts, in guest order
 * @param offset the guest byte of the first difference, or {@link #NO_OFFSET}. ({@code qemu-img
 *     compare} prints the sector it lies in, that is the byte rounded down to 512.)
 * @param sizesDiffer whether one disk is longer; harmless as long as the rest of it reads as zeros.
 *     ({@code qemu-img compare} warns of it unless it finds a difference before the shorter ends.)
 */
public record CompareResult(Verdict verdict, long offset, boolean sizesDiffer) {
  /** What {@link #offset()} gives where no byte is at fault. */
  public static final long NO_OFFSET = -1;

  /** Kinds of difference. */
  public enum Verdict {
    /** No difference that counts. */
    IDENTICAL,
    /** A guest byte differs; beyond the end of the shorter disk, one that is not zero. */
    CONTENT_DIFFERS,
    /** The same range is stored in different ways. Strict comparisons only. */
    ALLOCATION_DIFFERS,
    /** One disk is longer. Strict comparisons only. */
    SIZE_DIFFERS
  }

  /** Whether no difference counts. */
  public boolean identical() {
    return verdict == Verdict.IDENTICAL;
  }
}
