package io.github.qcow2;

/** What becomes of the host clusters under a range that is to read as zeros. */
public enum ZeroMode {
  /** Clusters keep their place in the host file, so that later writes need no allocation. */
  KEEP_ALLOCATED,
  /** Clusters are given back to the image's free space. */
  MAY_UNMAP
}
