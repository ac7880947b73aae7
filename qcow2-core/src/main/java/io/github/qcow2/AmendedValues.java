package io.github.qcow2;

import org.jspecify.annotations.Nullable;

/** What {@link ImageAmender} collects; null for what is to stay as it is. */
final class AmendedValues {
  @Nullable Integer version;
  @Nullable Integer refcountOrder;

  /** An empty one is to be removed. */
  @Nullable String dataFile;

  @Nullable Boolean rawDataFile;
  @Nullable Boolean lazyRefcounts;

  /** In bytes. */
  @Nullable Long size;

  boolean permitsShrinking;
  Preallocation preallocation = Preallocation.OFF;
}
