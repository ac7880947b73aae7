package io.github.qcow2.testkit.contract;

import io.github.qcow2.cache.MetadataCache;
import io.github.qcow2.cache.MetadataCaches;

class ClockCacheContractTest extends MetadataCacheContract {
  @Override
  protected MetadataCache.Factory factory() {
    return MetadataCaches.clock();
  }
}
