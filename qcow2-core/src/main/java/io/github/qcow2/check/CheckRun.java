package io.github.qcow2.check;

import io.github.qcow2.format.Geometry;
import io.github.qcow2.format.Header;
import io.github.qcow2.format.HeaderExtension;
import io.github.qcow2.format.HeaderProblem;
import io.github.qcow2.format.HeaderReader;
import io.github.qcow2.format.Limits;
import io.github.qcow2.progress.Progress;
import io.github.qcow2.storage.Storage;
import io.github.qcow2.transfer.Checkpoint;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * One check of one image, phase by phase: L1 tables, snapshots, bitmaps, L2 tables, refcount
 * structures, and the comparison of all counts at the end.
 */
final class CheckRun {
  private final Storage storage;
  private final Limits limits;
  private final Progress progress;
  private final CheckBudget budget;
  private final FindingLog log = new FindingLog();
  private final MappingStatistics statistics = new MappingStatistics();

  CheckRun(Storage storage, Limits limits, Progress progress, CheckBudget budget) {
    this.storage = storage;
    this.limits = limits;
    this.progress = progress;
    this.budget = budget;
  }

  CheckReport run() throws IOException {
    Header header = readHeader();
    Geometry geometry = header.geometry();
    long fileLength = storage.size();
    TableReader reader = new TableReader(storage, fileLength, budget);
    ReferenceCounter counter =
        new ReferenceCounter(storage.name(), fileLength, geometry, log, budget);
    StoredCounts stored = StoredCounts.read(header, storage, fileLength, budget);
    TableReferences tables = new TableReferences(budget);
    L1Walk l1 = new L1Walk(reader, fileLength, geometry, stored, counter, tables, log);

    counter.countTable(0, geometry.clusterSize());
    l1.walk(header.l1TableOffset(), header.l1Entries(), true);
    new SnapshotWalk(storage, header, limits, budget, l1, counter, log).walk();
    boolean leaksKnown =
        new BitmapWalk(storage, header, limits, budget, reader, counter, log).walk();
    countEncryptionHeader(header, counter);

    RefcountTableWalk refcounts = new RefcountTableWalk(stored, geometry, counter, log);
    RefcountComparison comparison =
        new RefcountComparison(geometry, stored, counter, log, leaksKnown);
    long tableBytes = (long) tables.size() * geometry.clusterSize();
    Checkpoint checkpoint =
        new Checkpoint(
            progress,
            storage.name(),
            "the check",
            tableBytes + comparison.blocks() * geometry.clusterSize());
    checkpoint.reached(0);
    L2Check l2 = new L2Check(geometry, header.hasDataFile(), stored, counter, statistics, log);
    new L2Walk(storage, geometry, tables, budget).walk(l2, checkpoint);
    refcounts.count(header.refcountTableOffset());
    comparison.compare(checkpoint, tableBytes);
    new TableOverlaps(geometry, stored, counter, log).check(tables);
    return report(header, comparison);
  }

  private Header readHeader() throws IOException {
    ByteBuffer prefix = start(HeaderReader.CLUSTER_SIZE_PREFIX);
    int clusterSize = HeaderReader.clusterSize(storage.name(), prefix);
    Header header = HeaderReader.read(storage.name(), start(clusterSize), limits);
    for (HeaderProblem problem : header.problems()) {
      // Tables are never encrypted, so the key is not needed to check them.
      if (problem.kind().preventsReading() && problem.kind() != HeaderProblem.Kind.ENCRYPTED) {
        throw problem.toException(storage.name());
      }
    }
    return header;
  }

  private ByteBuffer start(int length) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate((int) Math.min(length, storage.size()));
    storage.read(bytes, 0);
    return bytes.flip();
  }

  /** The LUKS header and its key material (qcow2 spec, "Full disk encryption header pointer"). */
  private void countEncryptionHeader(Header header, ReferenceCounter counter) throws IOException {
    HeaderExtension extension = header.extension(HeaderExtension.ENCRYPTION);
    if (extension != null) {
      ByteBuffer place = ByteBuffer.wrap(extension.data());
      counter.countTable(place.getLong(0), place.getLong(Long.BYTES));
    }
  }

  private CheckReport report(Header header, RefcountComparison comparison) {
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
