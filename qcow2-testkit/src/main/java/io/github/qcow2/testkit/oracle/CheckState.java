package io.github.qcow2.testkit.oracle;

import io.github.qcow2.testkit.oracle.ClusterUse.Kind;
import java.io.IOException;

/** What the parts of one check share: the image, what its clusters are used for, the findings. */
final class CheckState {
  final ByteSource image;
  final HeaderFields header;
  final long fileSize;
  final int clusterBits;
  final int clusterSize;
  final ClusterUse use;
  final Findings findings;

  CheckState(ByteSource image, HeaderFields header, Findings findings) throws IOException {
    this.image = image;
    this.header = header;
    this.findings = findings;
    this.fileSize = image.size();
    this.clusterBits = header.clusterBits();
    this.clusterSize = header.clusterSize();
    // One more than the file has: something short may begin exactly at the end.
    this.use = new ClusterUse(((fileSize + clusterSize - 1) >>> clusterBits) + 1);
  }

  /**
   * Counts a use of every cluster that a range touches.
   *
   * @return whether the range lies in the file, as it should. Its last cluster may be cut off by
   *     the end of the file: what is missing reads as zeros
   */
  boolean uses(long offset, long length, Kind kind) {
    if (offset < 0
        || length < 0
        || offset > fileSize
        || length - (fileSize - offset) >= clusterSize) {
      findings.add(
          FindingKind.BEYOND_END, offset, kind + ", %d bytes, in a file of %d", length, fileSize);
      return false;
    }
    long last = (offset + length - 1) >> clusterBits;
    for (long cluster = offset >>> clusterBits; cluster <= last; cluster++) {
      Kind before = use.use(cluster, kind);
      if (before != null && !(before == kind && kind.isShareable())) {
        findings.add(
            FindingKind.OVERLAP, cluster << clusterBits, kind + " in a cluster used for " + before);
      }
    }
    return true;
  }

  /** Whether an offset, where it must be one of a whole cluster, is one. */
  boolean isAligned(long entryOffset, long offset, Kind kind) {
    if ((offset & (clusterSize - 1)) == 0) {
      return true;
    }
    findings.add(
        FindingKind.MISALIGNED, entryOffset, kind + " at 0x%x, not at a cluster's start", offset);
    return false;
  }

  /** Finds fault with bits that must be zero. */
  void reserved(long entryOffset, long bits) {
    if (bits != 0) {
      findings.add(FindingKind.RESERVED_BITS, entryOffset, "reserved bits 0x%x are set", bits);
    }
  }
}
