package io.github.qcow2;

/**
 * When what is written to a disk reaches the storage below the host's cache.
 *
 * <p>The order in which the host gets to see the writes is the same in every mode, so the death of
 * the process alone never leaves more than leaked clusters (or, with lazy refcounts, an image that
 * is repaired when it is next opened for writing). The modes differ in the barriers between the
 * writes, and so in what a power cut leaves; a crash of the host's operating system counts as one.
 */
public enum Durability {
  /**
   * Barriers where a flush needs them; QEMU's {@code cache=writeback}, and the default.
   *
   * <ul>
   *   <li><b>After a process crash:</b> everything is there that was written before a {@code
   *       flush()} that has returned. What was written since is there or not, sector by sector.
   *   <li><b>After a power cut:</b> the same.
   * </ul>
   */
  WRITEBACK,

  /**
   * A flush at the end of every change; QEMU's {@code cache=writethrough}. Threads whose changes
   * end at about the same time share one.
   *
   * <ul>
   *   <li><b>After a process crash:</b> everything is there that was written, zeroed or discarded
   *       by a call that has returned.
   *   <li><b>After a power cut:</b> the same.
   * </ul>
   */
  WRITETHROUGH,

  /**
   * No barrier at all, not even in {@code flush()} and {@code close()}; QEMU's {@code
   * cache=unsafe}. For disks that are made again rather than repaired, such as the target of a
   * conversion.
   *
   * <ul>
   *   <li><b>After a process crash:</b> as with {@link #WRITEBACK}.
   *   <li><b>After a power cut:</b> nothing is promised. Any of the writes since the file was last
   *       made durable may be missing, those of tables included: the image may be broken beyond
   *       repair, without saying so.
   * </ul>
   */
  UNSAFE;

  /** Whether barriers are issued. */
  boolean hasBarriers() {
    return this != UNSAFE;
  }
}
