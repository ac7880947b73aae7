package io.github.qcow2.check;

import io.github.qcow2.format.Geometry;
import io.github.qcow2.format.Header;
import io.github.qcow2.format.Limits;
import io.github.qcow2.progress.Progress;
import io.github.qcow2.storage.Storage;
import io.github.qcow2.transfer.Checkpoint;
import java.io.IOException;

/**
 * One check of one image: all references are counted, then compared with the counts that the file
 * stores.
 */
final class CheckRun {
  private final Storage storage;
  private final Limits limits;
  private final Progress progress;
  private final CheckBudget budget;
  private final FindingLog log = new FindingLog();

  CheckRun(Storage storage, Limits limits, Progress progress, CheckBudget budget) {
    this.storage = storage;
    this.limits = limits;
    this.progress = progress;
    this.budget = budget;
  }

  CheckReport run() throws IOException {
    Header header = ReferenceWalk.readHeader(storage, limits);
    Geometry geometry = header.geometry();
    long fileLength = storage.size();
    RefcountTable table = RefcountTable.read(header, storage, fileLength, budget);
    StoredCounts stored = StoredCounts.read(table, storage, fileLength, geometry, budget);
    ReferenceWalk walk =
        new ReferenceWalk(storage, fileLength, header, limits, budget, table, stored, log);
    walk.collect();
    RefcountComparison comparison =
        new RefcountComparison(geometry, stored, walk.counter(), log, walk.isComplete());
    Checkpoint checkpoint =
        new Checkpoint(
            progress,
            storage.name(),
            "the check",
            walk.tableBytes() + comparison.blocks() * geometry.clusterSize());
    checkpoint.reached(0);
    walk.count(checkpoint);
    comparison.compare(checkpoint, walk.tableBytes());
    new TableOverlaps(geometry, stored, walk.counter(), log).check(walk.tables());
    return report(header, walk.statistics(), comparison);
  }

  private CheckReport report(
      Header header, MappingStatistics statistics, RefcountComparison comparison) {
    Geometry geometry = header.geometry();
    return new CheckReport(
        log.corruptions(),
        log.leaks(),
        log.checkErrors(),
        geometry.clustersFor(header.size()),
        statistics.allocated(),
        statistics.fragmented(),
        statistics.compressed(),
        (comparison.lastUsed() + 1) << geometry.clusterBits(),
        log.kept(),
        log.total());
  }
}
