package io.github.qcow2.testkit.model;

import io.github.qcow2.Preallocation;
import io.github.qcow2.ZeroMode;

/**
 * One thing that can be done to a disk. Positions and lengths are guest bytes and lie inside the
 * disk the operation was made for.
 */
public sealed interface DiskOperation {
  /**
   * Writes {@link Content#bytes} of the seed.
   *
   * @param position first guest byte
   * @param length in bytes
   * @param seed of the content
   */
  record Write(long position, int length, long seed) implements DiskOperation {
    /** The bytes to write. */
    public byte[] bytes() {
      return Content.bytes(seed, position, length);
    }
  }

  /**
   * Writes {@link Content#compressible} of the seed in compressed clusters; plainly, where the
   * device is no qcow2 image, or has its data in a file of its own.
   *
   * @param position first guest byte, a multiple of the cluster size
   * @param length in bytes: whole clusters, or up to the end of the disk
   * @param seed of the content
   */
  record WriteCompressed(long position, int length, long seed) implements DiskOperation {
    /** The bytes to write. */
    public byte[] bytes() {
      return Content.compressible(seed, position, length);
    }
  }

  /**
   * Makes a range read as zeros.
   *
   * @param position first guest byte
   * @param length in bytes
   * @param mode what becomes of the space
   */
  record WriteZeroes(long position, int length, ZeroMode mode) implements DiskOperation {}

  /**
   * Says that a range no longer matters.
   *
   * @param position first guest byte
   * @param length in bytes
   */
  record Discard(long position, int length) implements DiskOperation {}

  /**
   * Reads a range and compares it with what is expected there.
   *
   * @param position first guest byte
   * @param length in bytes
   */
  record Read(long position, int length) implements DiskOperation {}

  /**
   * Makes the disk larger; plain devices, which cannot, stay as they are.
   *
   * @param size the new size in bytes, not less than the present one
   * @param preallocation what the new clusters are given
   */
  record Grow(long size, Preallocation preallocation) implements DiskOperation {
    /** Growth without preallocation. */
    public Grow(long size) {
      this(size, Preallocation.OFF);
    }
  }

  /**
   * Makes the disk smaller; plain devices, which cannot, stay as they are.
   *
   * @param size the new size in bytes, not more than the present one
   */
  record Shrink(long size) implements DiskOperation {}

  /** Makes everything durable. */
  record Flush() implements DiskOperation {}

  /** Closes the device and opens it again. */
  record Reopen() implements DiskOperation {}
}
