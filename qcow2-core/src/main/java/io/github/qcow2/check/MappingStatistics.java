package io.github.qcow2.check;

/** Counts the guest clusters of the active disk. */
final class MappingStatistics {
  private long allocated;
  private long fragmented;
  private long compressed;

  /** Adds what an L2 table maps, once for each L1 entry that refers to it. */
  void add(long allocatedClusters, long fragmentedClusters, long compressedClusters, long times) {
    allocated += allocatedClusters * times;
    fragmented += fragmentedClusters * times;
    compressed += compressedClusters * times;
  }

  long allocated() {
    return allocated;
  }

  long fragmented() {
    return fragmented;
  }

  long compressed() {
    return compressed;
  }
}
