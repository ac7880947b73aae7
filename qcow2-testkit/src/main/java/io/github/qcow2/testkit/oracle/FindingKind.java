package io.github.qcow2.testkit.oracle;

/** What can be wrong with an image, and how bad that is. */
public enum FindingKind {
  /** The header has no meaning: nothing else was checked. */
  HEADER(Severity.CORRUPTION),
  /** A header extension is malformed, or there more than once. */
  EXTENSION(Severity.CORRUPTION),
  /** A cluster has more references than its refcount says: it may be given away while in use. */
  REFCOUNT_TOO_LOW(Severity.CORRUPTION),
  /** A cluster has fewer references than its refcount says: space is lost, no data. */
  LEAK(Severity.LEAK),
  /** COPIED is set in an active table for a cluster with several references: a trap for writers. */
  COPIED_DANGEROUS(Severity.CORRUPTION),
  /** COPIED in an active table is not what the refcount says, but nobody can be harmed by it. */
  COPIED_STALE(Severity.STALE),
  /** COPIED is set where there is no cluster it could speak of, or on a compressed cluster. */
  COPIED_MISPLACED(Severity.CORRUPTION),
  /** An offset that must be a whole number of clusters is not. */
  MISALIGNED(Severity.CORRUPTION),
  /** One cluster is used for two things that must not share one. */
  OVERLAP(Severity.CORRUPTION),
  /** Something lies a cluster or more past the end of the file. */
  BEYOND_END(Severity.CORRUPTION),
  /** Bits that must be zero are not. */
  RESERVED_BITS(Severity.CORRUPTION),
  /** The flag for a cluster of zeros, which version 2 does not know. */
  ZERO_FLAG_IN_VERSION_2(Severity.CORRUPTION),
  /** A bitmap of subclusters says what it must not. */
  SUBCLUSTERS(Severity.CORRUPTION),
  /** Something that an image with an external data file must not have. */
  DATA_FILE(Severity.CORRUPTION),
  /** The snapshot table, or an entry of it, is malformed. */
  SNAPSHOT(Severity.CORRUPTION),
  /** The bitmap directory, or a bitmap, is malformed. */
  BITMAP(Severity.CORRUPTION);

  /** How bad a finding is. */
  public enum Severity {
    /** Data is lost, or will be when somebody writes. */
    CORRUPTION,
    /** A flag is out of date: allowed only while the image is marked dirty. */
    STALE,
    /** Space is lost. */
    LEAK
  }

  private final Severity severity;

  FindingKind(Severity severity) {
    this.severity = severity;
  }

  /** How bad that is. */
  public Severity severity() {
    return severity;
  }
}
