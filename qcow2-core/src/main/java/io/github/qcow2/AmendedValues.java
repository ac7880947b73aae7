package io.github.qcow2;

import org.jspecify.annotations.Nullable;

/** What {@link ImageAmender} collects; null for what is to stay as it is. */
final class AmendedValues {
  @Nullable Integer refcountOrder;
  @Nullable Boolean lazyRefcounts;
}
