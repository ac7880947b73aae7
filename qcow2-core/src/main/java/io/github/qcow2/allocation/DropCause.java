package io.github.qcow2.allocation;

/** Why host clusters are given back, which decides whether the host is told so. */
public enum DropCause {
  /**
   * A write has put the guest's data elsewhere. Never passed on: the next write needs the space.
   */
  REPLACED,
  /** The guest has discarded or zeroed them. */
  REQUEST,
  /** A snapshot that held them is gone. */
  SNAPSHOT,
  /** Tables that have moved, and whatever has no other name. */
  OTHER,
  /**
   * They have come to nothing: a change failed after it had taken them, or the disk now ends before
   * them. Always passed on.
   */
  UNUSED
}
