package io.github.qcow2;

/**
 * Whether what is written is searched for zeros (QEMU's {@code detect-zeroes}). Of each write,
 * every subcluster's part (cluster's, where there are no subclusters) that is all zeros is then
 * made to read as zeros as {@link BlockDevice#writeZeroes} would, instead of being written.
 */
public enum ZeroDetection {
  /** Zeros are written as any data. */
  OFF,
  /** As by {@link ZeroMode#KEEP_ALLOCATED}. */
  ON,
  /** As by {@link ZeroMode#MAY_UNMAP}. */
  UNMAP
}
