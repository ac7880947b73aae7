package io.github.qcow2.testkit.qemu;

import java.util.Map;

/**
 * The verdict of {@code qemu-img check}.
 *
 * @param corruptions wrong refcounts, entries and tables: data may be lost
 * @param leaks clusters whose refcount is higher than the number of references
 * @param checkErrors how often the check itself could not go on
 * @param totalClusters guest clusters of the disk
 * @param allocatedClusters guest clusters with a host cluster of their own, or compressed
 * @param fragmentedClusters guest clusters that do not follow the one before on the host
 * @param compressedClusters guest clusters stored compressed
 * @param imageEndOffset first host byte after the last cluster in use
 * @param output what the tool printed, with a line for each problem
 */
public record QemuCheck(
    long corruptions,
    long leaks,
    long checkErrors,
    long totalClusters,
    long allocatedClusters,
    long fragmentedClusters,
    long compressedClusters,
    long imageEndOffset,
    ToolResult output) {

  /** Whether nothing at all was found, leaks included. */
  public boolean isClean() {
    return corruptions == 0 && leaks == 0 && checkErrors == 0;
  }

  /** Reads the JSON form, in which numbers that are zero are left out. */
  static QemuCheck of(Map<String, Object> json, ToolResult output) {
    return new QemuCheck(
        number(json, "corruptions"),
        number(json, "leaks"),
        number(json, "check-errors"),
        number(json, "total-clusters"),
        number(json, "allocated-clusters"),
        number(json, "fragmented-clusters"),
        number(json, "compressed-clusters"),
        number(json, "image-end-offset"),
        output);
  }

  private static long number(Map<String, Object> json, String key) {
    return json.get(key) instanceof Number number ? number.longValue() : 0;
  }
}
