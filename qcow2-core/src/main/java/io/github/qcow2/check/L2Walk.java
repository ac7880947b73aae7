package io.github.qcow2.check;

import io.github.qcow2.format.Geometry;
import io.github.qcow2.storage.Storage;
import io.github.qcow2.transfer.Checkpoint;
import io.github.qcow2.transfer.ReadAhead;
import io.github.qcow2.transfer.ReadAhead.Step;
import io.github.qcow2.transfer.ReadAhead.Transfer;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Brings every L2 table to {@link L2Check}, once each and in file order. Neighbouring tables are
 * read in one transfer, and a thread reads ahead while entries are being checked, unless there is
 * so little to read that starting the thread would take longer.
 */
final class L2Walk {
  private static final int TRANSFER = 1 << 20;
  private static final int WITHOUT_READ_AHEAD = 256 << 10;

  private final Storage storage;
  private final Geometry geometry;
  private final TableReferences tables;
  private final CheckBudget budget;

  L2Walk(Storage storage, Geometry geometry, TableReferences tables, CheckBudget budget) {
    this.storage = storage;
    this.geometry = geometry;
    this.tables = tables;
    this.budget = budget;
  }

  /** Walks all tables; reports one cluster of progress for each. */
  void walk(L2Check check, Checkpoint checkpoint) throws IOException {
    int clusterSize = geometry.clusterSize();
    int transfer =
        (int) Math.min(Math.max(TRANSFER, clusterSize), (long) tables.size() * clusterSize);
    Runs runs = new Runs(tables.sortedOffsets(), transfer);
    if ((long) tables.size() * clusterSize <= WITHOUT_READ_AHEAD) {
      walkHere(runs, check, checkpoint);
      return;
    }
    long done = 0;
    try (ReadAhead<Run> ahead = ReadAhead.start(storage.name(), this::read, runs, transfer)) {
      for (Transfer<Run> next = ahead.next(); next != null; next = ahead.next()) {
        Run step = next.step();
        check(step, next.bytes(), check);
        ahead.release(next);
        done += step.length();
        checkpoint.reached(done);
      }
    } catch (InterruptedException e) {
      throw checkpoint.interrupted();
    }
  }

  private void read(Run run, ByteBuffer destination) throws IOException {
    storage.read(destination, run.position);
  }

  private void walkHere(Runs runs, L2Check check, Checkpoint checkpoint) throws IOException {
    long done = 0;
    for (Run run = runs.next(); run != null; run = runs.next()) {
      if (Thread.interrupted()) {
        throw checkpoint.interrupted();
      }
      ByteBuffer bytes = ByteBuffer.allocate((int) run.length);
      storage.read(bytes, run.position);
      check(run, bytes.flip(), check);
      done += run.length;
      checkpoint.reached(done);
    }
  }

  private void check(Run run, ByteBuffer bytes, L2Check check) throws IOException {
    budget.tables(run.length);
    for (int at = 0; at < run.length; at += geometry.clusterSize()) {
      check.check(bytes, at, run.position + at, tables);
    }
  }

  /** Tables that lie behind one another in the file. */
  private record Run(long position, long length) implements Step {
    @Override
    public boolean read() {
      return true;
    }
  }

  /** Puts tables that lie behind one another into one transfer. */
  private final class Runs implements ReadAhead.Plan<Run> {
    private final long[] offsets;
    private final int transfer;
    private int next;

    Runs(long[] offsets, int transfer) {
      this.offsets = offsets;
      this.transfer = transfer;
    }

    @Override
    public @Nullable Run next() {
      if (next == offsets.length) {
        return null;
      }
      long start = offsets[next];
      long end = start;
      while (next < offsets.length
          && offsets[next] == end
          && end + geometry.clusterSize() - start <= transfer) {
        end += geometry.clusterSize();
        next++;
      }
      return new Run(start, end - start);
    }
  }
}
