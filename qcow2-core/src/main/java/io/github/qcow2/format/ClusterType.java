package io.github.qcow2.format;

/**
 * What an L2 entry says about a guest cluster or, with extended L2 entries, about a subcluster
 * (qcow2 spec, "Cluster mapping").
 */
public enum ClusterType {
  /** Reads from the backing file, or as zeros where there is none. */
  UNALLOCATED,

  /** Reads as zeros and occupies no host cluster. */
  ZERO_PLAIN,

  /** Reads as zeros although a host cluster is reserved for it. */
  ZERO_ALLOCATED,

  /** Reads from its host cluster. */
  NORMAL,

  /** Reads by decompressing a run of host bytes. */
  COMPRESSED
}
