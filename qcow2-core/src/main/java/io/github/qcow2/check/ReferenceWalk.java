package io.github.qcow2.check;

import io.github.qcow2.format.Geometry;
import io.github.qcow2.format.Header;
import io.github.qcow2.format.HeaderExtension;
import io.github.qcow2.format.HeaderProblem;
import io.github.qcow2.format.HeaderReader;
import io.github.qcow2.format.Limits;
import io.github.qcow2.storage.Storage;
import io.github.qcow2.transfer.Checkpoint;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Follows everything in an image that refers to host clusters, and counts it: the header, L1
 * tables, snapshots, bitmaps, the encryption header, L2 tables and the refcount structures. What is
 * wrong with an entry on the way goes to the log. Used once, by one thread.
 */
final class ReferenceWalk {
  private final Storage storage;
  private final long fileLength;
  private final Header header;
  private final Limits limits;
  private final CheckBudget budget;
  private final RefcountTable refcountTable;
  private final @Nullable StoredCounts stored;
  private final FindingLog log;
  private final ReferenceCounter counter;
  private final TableReferences tables;
  private final MappingStatistics statistics = new MappingStatistics();
  private boolean complete = true;

  /**
   * For one image.
   *
   * @param stored what COPIED flags are compared with, or null to leave them alone
   */
  ReferenceWalk(
      Storage storage,
      long fileLength,
      Header header,
      Limits limits,
      CheckBudget budget,
      RefcountTable refcountTable,
      @Nullable StoredCounts stored,
      FindingLog log)
      throws IOException {
    this.storage = storage;
    this.fileLength = fileLength;
    this.header = header;
    this.limits = limits;
    this.budget = budget;
    this.refcountTable = refcountTable;
    this.stored = stored;
    this.log = log;
    this.counter = new ReferenceCounter(storage.name(), fileLength, header.geometry(), log, budget);
    this.tables = new TableReferences(budget);
  }

  /**
   * Reads the header of an image whose tables can be followed.
   *
   * @throws io.github.qcow2.error.Qcow2Exception if they cannot
   */
  static Header readHeader(Storage storage, Limits limits) throws IOException {
    ByteBuffer prefix = start(storage, HeaderReader.CLUSTER_SIZE_PREFIX);
    int clusterSize = HeaderReader.clusterSize(storage.name(), prefix);
    Header header = HeaderReader.read(storage.name(), start(storage, clusterSize), limits);
    for (HeaderProblem problem : header.problems()) {
      // Tables are never encrypted, so the key is not needed to check them.
      if (problem.kind().preventsReading() && !isEncryption(problem.kind())) {
        throw problem.toException(storage.name());
      }
    }
    return header;
  }

  private static boolean isEncryption(HeaderProblem.Kind kind) {
    return kind == HeaderProblem.Kind.NEEDS_PASSPHRASE || kind == HeaderProblem.Kind.ENCRYPTED;
  }

  private static ByteBuffer start(Storage storage, int length) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate((int) Math.min(length, storage.size()));
    storage.read(bytes, 0);
    return bytes.flip();
  }

  /** Comes first: counts the references of all but L2 tables and refcounts. */
  void collect() throws IOException {
    Geometry geometry = header.geometry();
    TableReader reader = new TableReader(storage, fileLength, budget);
    L1Walk l1 = new L1Walk(reader, fileLength, geometry, stored, counter, tables, log);
    counter.countTable(0, geometry.clusterSize());
    l1.walk(header.l1TableOffset(), header.l1Entries(), true);
    new SnapshotWalk(storage, header, limits, budget, l1, counter, log).walk();
    complete = new BitmapWalk(storage, header, limits, budget, reader, counter, log).walk();
    countEncryptionHeader();
  }

  /** Bytes of the L2 tables that were found. Comes after {@link #collect}. */
  long tableBytes() {
    return (long) tables.size() * header.geometry().clusterSize();
  }

  /** Comes second: counts what L2 tables and refcounts refer to; reports {@link #tableBytes}. */
  void count(Checkpoint checkpoint) throws IOException {
    Geometry geometry = header.geometry();
    L2Check l2 = new L2Check(geometry, header.hasDataFile(), stored, counter, statistics, log);
    new L2Walk(storage, geometry, tables, budget).walk(l2, checkpoint);
    new RefcountTableWalk(refcountTable, geometry, counter, log).count();
  }

  /** The LUKS header and its key material (qcow2 spec, "Full disk encryption header pointer"). */
  private void countEncryptionHeader() throws IOException {
    HeaderExtension extension = header.extension(HeaderExtension.ENCRYPTION);
    if (extension != null) {
      ByteBuffer place = ByteBuffer.wrap(extension.data());
      counter.countTable(place.getLong(0), place.getLong(Long.BYTES));
    }
  }

  /** Whether all references could be counted. */
  boolean isComplete() {
    return complete;
  }

  /** What was counted. */
  ReferenceCounter counter() {
    return counter;
  }

  /** The L2 tables. */
  TableReferences tables() {
    return tables;
  }

  /** How the active disk is mapped. */
  MappingStatistics statistics() {
    return statistics;
  }
}
