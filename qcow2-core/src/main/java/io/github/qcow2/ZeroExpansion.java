package io.github.qcow2;

import io.github.qcow2.allocation.ClusterAllocator;
import io.github.qcow2.allocation.ClusterRun;
import io.github.qcow2.allocation.DropCause;
import io.github.qcow2.allocation.Quarantine;
import io.github.qcow2.allocation.Refcounts;
import io.github.qcow2.format.Geometry;
import io.github.qcow2.format.L2Entry;
import io.github.qcow2.metadata.Damage;
import io.github.qcow2.metadata.FlushEpochs;
import io.github.qcow2.metadata.SliceStore;
import io.github.qcow2.metadata.TableSlice;
import io.github.qcow2.progress.Progress;
import io.github.qcow2.transfer.Checkpoint;
import java.io.IOException;

/**
 * Does away with zero flags, which version 2 does not have: a cluster that reads as zeros becomes
 * one that holds zeros, or, without a backing file, one that is not allocated.
 *
 * <p>A table that snapshots share is changed in place, since all that lead to it see the same: what
 * it refers to counts as often as the table itself. The order of writes is that of any change, so a
 * power cut leaves each cluster as it was or as it is to be, and leaks at worst.
 *
 * <p>Used by one thread, while nobody else uses the image; not for extended L2 entries.
 */
final class ZeroExpansion {
  private final WritePath path;
  private final Parts parts;
  private final Geometry geometry;

  /** What is changed, and whether zeros have to be written because something lies below. */
  record Parts(
      String image,
      Geometry geometry,
      Damage damage,
      SliceStore l2,
      Refcounts refcounts,
      ClusterAllocator allocator,
      Quarantine quarantine,
      FlushEpochs epochs,
      boolean hasBacking) {}

  ZeroExpansion(WritePath path, Parts parts) {
    this.path = path;
    this.parts = parts;
    this.geometry = parts.geometry;
  }

  /**
   * Changes tables, durably.
   *
   * @param tables host offsets of all L2 tables
   */
  void run(long[] tables, Progress progress) throws IOException {
    Checkpoint checkpoint =
        new Checkpoint(
            progress,
            parts.image,
            "the expansion of zero clusters",
            (long) tables.length << geometry.clusterBits());
    long done = 0;
    checkpoint.reached(0);
    for (long table : tables) {
      long references = parts.refcounts.count(geometry.clusterIndex(table));
      if (references == 0) {
        throw parts.damage.found(table, "an L2 table is in use, but its refcount is 0");
      }
      for (int at = 0; at < geometry.clusterSize(); at += parts.l2.sliceBytes()) {
        expandSlice(table + at, references);
      }
      done += geometry.clusterSize();
      checkpoint.reached(done);
    }
    path.flush();
  }

  private void expandSlice(long offset, long references) throws IOException {
    TableSlice slice = parts.l2.slice(offset);
    for (int word = 0; word < slice.length(); word++) {
      long entry = slice.word(word);
      if (L2Entry.compressed(entry) || (entry & L2Entry.ZERO) == 0) {
        continue;
      }
      String broken = L2Entry.brokenRule(entry, 0, geometry, false, 0);
      if (broken != null) {
        throw parts.damage.found(offset + (long) word * Long.BYTES, "L2 entry: " + broken);
      }
      path.beforeStep();
      expand(offset, word, L2Entry.offset(entry), references);
    }
  }

  /**
   * Changes one entry.
   *
   * @param host where its cluster is, or 0
   */
  private void expand(long slice, int word, long host, long references) throws IOException {
    if (!parts.hasBacking) {
      publish(slice, word, 0, host, references);
    } else if (host != 0 && parts.refcounts.count(geometry.clusterIndex(host)) == 1) {
      parts.allocator.zeroCluster(host);
      publish(slice, word, L2Entry.normal(host, true), 0, references);
    } else {
      ClusterRun fresh = parts.allocator.allocate(1);
      long counted = 1;
      boolean done = false;
      try {
        long offset = fresh.first() << geometry.clusterBits();
        parts.allocator.zeroCluster(offset);
        for (; counted < references; counted++) {
          parts.allocator.addReference(fresh);
        }
        publish(slice, word, L2Entry.normal(offset, references == 1), host, references);
        done = true;
      } finally {
        for (long left = counted; left > 0 && !done; left--) {
          parts.allocator.giveBack(fresh, DropCause.UNUSED);
        }
      }
    }
  }

  /** Puts an entry into its place, and what it led to into quarantine. */
  private void publish(long offset, int word, long entry, long dropped, long references)
      throws IOException {
    while (true) {
      TableSlice slice = parts.l2.slice(offset);
      parts.l2.lock().lock();
      try {
        if (!parts.l2.markDirty(slice)) {
          continue;
        }
        slice.setWord(word, entry);
        for (long i = 0; i < references && dropped != 0; i++) {
          parts.quarantine.add(
              parts.epochs.filling(),
              Quarantine.Kind.DATA,
              DropCause.OTHER,
              geometry.clusterIndex(dropped),
              1);
        }
        return;
      } finally {
        parts.l2.lock().unlock();
      }
    }
  }
}
