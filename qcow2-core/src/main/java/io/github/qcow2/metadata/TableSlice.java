package io.github.qcow2.metadata;

import io.github.qcow2.cache.MetadataCache;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * A cached piece of an L2 table or refcount block: its big-endian words, decoded.
 *
 * <p>Words are read without any lock. They are changed only by the holder of the {@linkplain
 * SliceStore#lock() store's lock}, after {@link SliceStore#markDirty} has said that this object is
 * still the one the cache gives out. A pair of words (an extended L2 entry) is changed under a
 * version counter that is odd while the change is on, so that a reader never sees half of it.
 *
 * <p>A clean slice equals its bytes on disk; a dirty one is ahead of them; one that is being
 * written is dirty until the write has succeeded, but may at the same time become dirty again.
 */
public final class TableSlice implements MetadataCache.Slice {
  private static final VarHandle WORDS = MethodHandles.arrayElementVarHandle(long[].class);
  private static final VarHandle VERSION;
  private static final VarHandle STATE;

  static {
    try {
      MethodHandles.Lookup lookup = MethodHandles.lookup();
      VERSION = lookup.findVarHandle(TableSlice.class, "version", int.class);
      STATE = lookup.findVarHandle(TableSlice.class, "state", int.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private static final int DIRTY = 1;
  private static final int WRITING = 2;
  private static final int EVICTED = 4;

  private final long offset;
  private final long[] words;

  /** A bit for each entry, or for each word where an entry has one. */
  private final long[] verified;

  @SuppressWarnings("unused") // through VERSION
  private int version;

  private volatile int state;

  TableSlice(long offset, long[] words) {
    this.offset = offset;
    this.words = words;
    this.verified = new long[(words.length + Long.SIZE - 1) / Long.SIZE];
  }

  /** Where in the host file the slice begins, in bytes. */
  @Override
  public long offset() {
    return offset;
  }

  /** Number of 8-byte words. */
  public int length() {
    return words.length;
  }

  /** One word, at least as new as the last change that returned before the call. */
  public long word(int index) {
    return (long) WORDS.getAcquire(words, index);
  }

  /** The version before a pair is read: even unless a change is on. */
  public int beginRead() {
    return (int) VERSION.getAcquire(this);
  }

  /** Whether what was read since {@link #beginRead()} belongs together. */
  public boolean endRead(int begun) {
    VarHandle.acquireFence();
    return (begun & 1) == 0 && (int) VERSION.getOpaque(this) == begun;
  }

  /** Changes one word. The caller holds the store's lock and has marked the slice dirty. */
  public void setWord(int index, long value) {
    WORDS.setRelease(words, index, value);
  }

  /**
   * Changes two neighbouring words so that a reader sees both or neither. The caller holds the
   * store's lock and has marked the slice dirty.
   */
  public void setPair(int index, long first, long second) {
    int begun = (int) VERSION.getOpaque(this);
    VERSION.setOpaque(this, begun + 1);
    VarHandle.storeStoreFence();
    WORDS.setOpaque(words, index, first);
    WORDS.setOpaque(words, index + 1, second);
    VERSION.setRelease(this, begun + 2);
  }

  /**
   * How many L2 entries in a row, from one on, have a COPIED flag that is known to be right. What
   * is read of the entries after this call is at least as new as what was looked at.
   *
   * @param entry index of the first
   * @param wanted how many to look at
   */
  public int verifiedFrom(int entry, int wanted) {
    int found = 0;
    while (found < wanted) {
      int index = entry + found;
      long bits = (long) WORDS.getAcquire(verified, index / Long.SIZE) >>> index;
      int ones = Long.numberOfTrailingZeros(~bits);
      int left = Long.SIZE - index % Long.SIZE;
      found += Math.min(ones, left);
      if (ones < left) {
        break;
      }
    }
    return Math.min(found, wanted);
  }

  /** Whether the COPIED flag of an L2 entry is known to be right. */
  public boolean isVerified(int entry) {
    return verifiedFrom(entry, 1) == 1;
  }

  /**
   * The COPIED flag of an L2 entry is right, and stays so. Called after the entry has been written
   * or looked at.
   */
  public void setVerified(int entry) {
    WORDS.getAndBitwiseOr(verified, entry / Long.SIZE, 1L << entry);
  }

  @Override
  public boolean tryEvict() {
    return STATE.compareAndSet(this, 0, EVICTED);
  }

  /**
   * Marks the slice as ahead of the disk.
   *
   * @return whether it was not so before; see {@link #isEvicted()} for the third outcome
   */
  boolean setDirty() {
    int before = (int) STATE.getAndBitwiseOr(this, DIRTY);
    return (before & DIRTY) == 0;
  }

  boolean isDirty() {
    return (state & DIRTY) != 0;
  }

  boolean isEvicted() {
    return (state & EVICTED) != 0;
  }

  /** A copy of the words is being written; they count as clean from here on. */
  void beginWriting() {
    STATE.getAndBitwiseOr(this, WRITING);
    STATE.getAndBitwiseAnd(this, ~DIRTY);
  }

  /** The end of what {@link #beginWriting()} began. */
  void endWriting() {
    STATE.getAndBitwiseAnd(this, ~WRITING);
  }

  /** The words themselves, for the holder of the store's lock. */
  public long[] words() {
    return words;
  }
}
