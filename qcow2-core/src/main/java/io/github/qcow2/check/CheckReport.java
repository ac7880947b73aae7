package io.github.qcow2.check;

import java.util.List;

/**
 * The verdict of an {@link ImageCheck}, with the numbers that {@code qemu-img check} gives.
 *
 * <p>The statistics are about the active disk; snapshots do not count.
 *
 * @param corruptions how many things were found that endanger data
 * @param leaks clusters whose stored reference count is too high
 * @param checkErrors how often the check could not look at something
 * @param totalClusters guest clusters of the disk
 * @param allocatedClusters guest clusters that have a host cluster or are compressed
 * @param fragmentedClusters of these, the ones that do not follow the one before on the host;
 *     compressed ones always count
 * @param compressedClusters guest clusters that are compressed
 * @param imageEndOffset the byte after the last cluster of the file that is in use
 * @param findings the first {@link #MAX_FINDINGS} findings, in the order in which they were made
 * @param findingsTotal how many findings there were, kept or not
 */
public record CheckReport(
    long corruptions,
    long leaks,
    long checkErrors,
    long totalClusters,
    long allocatedClusters,
    long fragmentedClusters,
    long compressedClusters,
    long imageEndOffset,
    List<Finding> findings,
    long findingsTotal) {

  /** How many findings are kept; all of them are counted. */
  public static final int MAX_FINDINGS = 1000;

  /** Makes the report immutable. */
  public CheckReport {
    findings = List.copyOf(findings);
  }

  /** Whether nothing at all was found, leaks included. */
  public boolean isClean() {
    return corruptions == 0 && leaks == 0 && checkErrors == 0;
  }
}
