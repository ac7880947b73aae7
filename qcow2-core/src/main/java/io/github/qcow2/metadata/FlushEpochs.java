package io.github.qcow2.metadata;

import java.io.IOException;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Decides what is written when. Nothing else orders writes.
 *
 * <pre>
 *   epoch 7 is filled:   refcounts raised, data written, L2 entries changed in the cache,
 *                        dropped clusters noted under the number 7
 *   ────────────────── close: 8 is filled from here on ──────────────────
 *   refcount slices                                    (counts only ever too high: leaks)
 *   ═══ barrier A′ and refcount table entries,         only if a refcount block was added
 *   ═══ barrier A                                      covers guest data and new L2 tables too
 *   L2 slices and L1 entries, as they were at the close
 *   ═══ barrier B                                      7 is durable: its dropped clusters may be
 *                                                      given back
 * </pre>
 *
 * <p>Whatever a power cut leaves of this, no durable entry points to a cluster whose count or whose
 * data is not durable (I2, I3), and nothing has been given back that a durable entry points to (I4,
 * I5). Barriers with nothing to cover are left out.
 *
 * <p><b>Lazy refcounts</b> (version 3): the header's dirty bit is set, between two barriers, before
 * the first change of a session, and cleared by {@link #close} once everything is durable. In
 * between nobody relies on counts on disk, so an epoch leaves the first line of the drawing out:
 *
 * <pre>
 *   ═══ barrier A                                      covers guest data and new L2 tables
 *   L2 slices and L1 entries
 *   ═══ barrier B
 * </pre>
 *
 * <p>Refcount slices then are written only where the cache is full of them, or a table moves;
 * blocks and their table stay sound at every instant, though the counts in them may be anything.
 * After a power cut they are counted anew when the image is next opened for writing.
 *
 * <p>Owns the epoch numbers and the dirty bit. {@code flushLock} lets one thread write at a time;
 * it is taken before the locks of the two stores, never after. The number of the epoch being filled
 * changes under the L2 store's lock.
 */
public final class FlushEpochs {
  private final TrackedFile image;
  private final @Nullable TrackedFile data;
  private final HeaderFile header;
  private final boolean lazy;
  private final TopTable l1;
  private final SliceStore l2;
  private final TopTable refcountTable;
  private final SliceStore refcounts;
  private final ReentrantLock flushLock = new ReentrantLock();

  /** Changes under the L2 store's lock, by the holder of {@link #flushLock}. */
  private volatile long filling = 1;

  /** The last epoch whose entries have been written; guarded by {@link #flushLock}. */
  private long written;

  /** The last epoch whose entries are durable. */
  private volatile long durable;

  /** Whether the header says that counts are stale; changes under {@link #flushLock}. */
  private volatile boolean dirty;

  /** How many flushes have begun; changes under {@link #flushLock}. */
  private volatile long flushesBegun;

  /** The last of these that succeeded; guarded by {@link #flushLock}. */
  private long flushesDone;

  /** Work that must not run while an epoch is being written. */
  @FunctionalInterface
  public interface Exclusive {
    /** Runs under the flush lock. */
    void run() throws IOException;
  }

  /**
   * Puts the parts of one image under one order.
   *
   * @param image the image file
   * @param data the external data file, if there is one
   * @param header of the image, whose dirty bit is clear
   * @param lazy whether counts on disk may be stale while the image is open
   */
  public FlushEpochs(
      TrackedFile image,
      @Nullable TrackedFile data,
      HeaderFile header,
      boolean lazy,
      TopTable l1,
      SliceStore l2,
      TopTable refcountTable,
      SliceStore refcounts) {
    this.image = image;
    this.data = data;
    this.header = header;
    this.lazy = lazy;
    this.l1 = l1;
    this.l2 = l2;
    this.refcountTable = refcountTable;
    this.refcounts = refcounts;
  }

  /** The epoch that changes belong to now. The caller holds the L2 store's lock. */
  public long filling() {
    return filling;
  }

  /** The last epoch whose changes are durable. */
  public long durable() {
    return durable;
  }

  /**
   * Comes before any change of an entry or a count. With lazy refcounts the first call makes the
   * dirty bit durable. The caller holds none of the locks that come after the flush lock.
   */
  public void beforeChange() throws IOException {
    if (!lazy || dirty) {
      return;
    }
    flushLock.lock();
    try {
      if (!dirty) {
        header.markDirty(true);
        dirty = true;
      }
    } finally {
      flushLock.unlock();
    }
  }

  /**
   * Makes everything durable, stale counts included, and then says in the header that nothing is
   * stale any more. On an error the dirty bit stays. Nothing is changed after this.
   *
   * @param sound whether counts can be relied on as far as anybody knows; if not, the bit stays too
   */
  public void close(boolean sound) throws IOException {
    flushLock.lock();
    try {
      writeEpoch();
      writeRefcounts();
      barrier();
      durable = written;
      if (dirty && sound) {
        header.markDirty(false);
        dirty = false;
      }
    } finally {
      flushLock.unlock();
    }
  }

  /**
   * Makes everything durable that was done before the call: one barrier, or two, rarely three. None
   * if a flush that began after the call, while it waited for its turn, has done so.
   */
  public void flush() throws IOException {
    long begunBefore = flushesBegun;
    flushLock.lock();
    try {
      if (flushesDone > begunBefore) {
        return;
      }
      long number = flushesBegun + 1;
      flushesBegun = number;
      writeEpoch();
      barrier();
      durable = written;
      flushesDone = number;
    } finally {
      flushLock.unlock();
    }
  }

  /** Writes all dirty tables, in order, so that their slices can be evicted; one barrier less. */
  public void writeBack() throws IOException {
    flushLock.lock();
    try {
      writeEpoch();
    } finally {
      flushLock.unlock();
    }
  }

  /** Whether so much is dirty that {@link #writeBack()} should run before more is changed. */
  public boolean isCrowded() {
    return l2.isCrowded() || refcounts.isCrowded();
  }

  /**
   * Runs something that moves a table: no epoch is written meanwhile, and everything that was dirty
   * before is durable.
   */
  public void exclusively(Exclusive action) throws IOException {
    flushLock.lock();
    try {
      writeEpoch();
      barrier();
      durable = written;
      action.run();
    } finally {
      flushLock.unlock();
    }
  }

  /**
   * Runs something that changes the header and nothing else. What is dirty stays so: this is for
   * when it may be impossible to write.
   */
  public void withoutFlush(Exclusive action) throws IOException {
    flushLock.lock();
    try {
      action.run();
    } finally {
      flushLock.unlock();
    }
  }

  /** A barrier for the holder of the flush lock: inside {@link #exclusively}. */
  public void barrier() throws IOException {
    if (data != null) {
      data.barrier();
    }
    image.barrier();
  }

  private void writeEpoch() throws IOException {
    List<SliceStore.Frozen> slices = List.of();
    List<TopTable.Frozen> sectors = List.of();
    boolean done = false;
    try {
      long closing;
      l2.lock().lock();
      try {
        slices = l2.freeze();
        sectors = l1.freeze();
        closing = filling;
        filling = closing + 1;
      } finally {
        l2.lock().unlock();
      }
      if (!lazy || refcounts.isCrowded()) {
        writeRefcounts();
      }
      if (!slices.isEmpty() || !sectors.isEmpty()) {
        barrier();
        l2.write(slices);
        writeTopTable(l1, sectors);
      }
      written = closing;
      done = true;
    } finally {
      if (!done) {
        abandon(l2, slices, l1, sectors);
      }
    }
  }

  /**
   * Writes refcounts. They are taken after the L2 entries, so they hold at least the counts that
   * those entries need; counts are lowered only after the entries that needed them are durably
   * gone, so writing them early or twice never does harm. The caller holds the flush lock: inside
   * {@link #exclusively}.
   */
  public void writeRefcounts() throws IOException {
    List<SliceStore.Frozen> slices = List.of();
    List<TopTable.Frozen> sectors = List.of();
    boolean done = false;
    try {
      refcounts.lock().lock();
      try {
        slices = refcounts.freeze();
        sectors = refcountTable.freeze();
      } finally {
        refcounts.lock().unlock();
      }
      if (!slices.isEmpty()) {
        refcounts.write(slices);
      }
      if (!sectors.isEmpty()) {
        barrier();
        writeTopTable(refcountTable, sectors);
      }
      done = true;
    } finally {
      if (!done) {
        abandon(refcounts, slices, refcountTable, sectors);
      }
    }
  }

  /** What could not be written is dirty as before. */
  private static void abandon(
      SliceStore store,
      List<SliceStore.Frozen> slices,
      TopTable table,
      List<TopTable.Frozen> sectors) {
    store.lock().lock();
    try {
      store.abandon(slices);
      table.thaw(sectors);
    } finally {
      store.lock().unlock();
    }
  }

  private void writeTopTable(TopTable table, List<TopTable.Frozen> sectors) throws IOException {
    for (TopTable.Frozen each : sectors) {
      image.writeWords(each.words, each.offset, table.kind());
    }
  }
}
