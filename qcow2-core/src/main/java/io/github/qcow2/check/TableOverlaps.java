package io.github.qcow2.check;

import io.github.qcow2.check.Finding.Kind;
import io.github.qcow2.format.Geometry;
import java.io.IOException;

/**
 * Finds L2 tables whose cluster is in use for something else too. Stored counts that are too low
 * give most overlaps away; this is about counts that agree, as a faulty writer leaves them.
 */
final class TableOverlaps {
  private final Geometry geometry;
  private final StoredCounts stored;
  private final ReferenceCounter counter;
  private final FindingLog log;

  TableOverlaps(Geometry geometry, StoredCounts stored, ReferenceCounter counter, FindingLog log) {
    this.geometry = geometry;
    this.stored = stored;
    this.counter = counter;
    this.log = log;
  }

  /** Compares the references to each table with those to its cluster. Comes after all counting. */
  void check(TableReferences tables) throws IOException {
    long max = stored.width().max();
    for (long offset : tables.sortedOffsets()) {
      long cluster = geometry.clusterIndex(offset);
      long references = counter.references(cluster);
      long asTable = tables.total(offset);
      if (geometry.isClusterAligned(offset)
          && references > asTable
          && references < max
          && !counter.isTable(cluster)
          && stored.get(cluster) >= references) {
        log.add(
            Kind.OVERLAP,
            offset,
            () ->
                "ERROR L2 table overlaps with something in cluster "
                    + cluster
                    + " reference="
                    + references
                    + " as table="
                    + asTable);
      }
    }
  }
}
