package io.github.qcow2.allocation;

import io.github.qcow2.format.Geometry;
import io.github.qcow2.metadata.FlushEpochs;
import io.github.qcow2.metadata.TableSlice;
import io.github.qcow2.metadata.TrackedFile;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * Gives up refcount blocks that count nothing any more, or only themselves.
 *
 * <pre>
 *   counts, all of them
 *   ═══ barrier
 *   0 in the table entries of blocks that count nothing
 *   ═══ barrier
 *   counts of those blocks fall that another block counts
 * </pre>
 *
 * <p>A power cut leaves leaks at worst. Called under the flush lock and the lock of the refcount
 * store: as long as a table entry on the disk may still lead to a block, nobody must take its
 * cluster.
 */
final class RefcountTail {
  private final Geometry geometry;
  private final TrackedFile file;
  private final Refcounts refcounts;
  private final FlushEpochs epochs;

  RefcountTail(Geometry geometry, TrackedFile file, Refcounts refcounts, FlushEpochs epochs) {
    this.geometry = geometry;
    this.file = file;
    this.refcounts = refcounts;
    this.epochs = epochs;
  }

  /**
   * Gives up blocks.
   *
   * @return the number of the cluster behind the last one in use
   */
  long cut() throws IOException {
    epochs.writeRefcounts();
    epochs.barrier();
    // A block that counts another one may count nothing once that has gone.
    for (List<Integer> empty = emptyBlocks(); !empty.isEmpty(); empty = emptyBlocks()) {
      giveUp(empty);
    }
    return clustersInUse();
  }

  private List<Integer> emptyBlocks() throws IOException {
    List<Integer> empty = new ArrayList<>();
    for (int index = 0; index < refcounts.table().length(); index++) {
      if (refcounts.table().get(index) != 0 && isEmpty(index)) {
        refcounts.table().checkWritable(index);
        empty.add(index);
      }
    }
    return empty;
  }

  private boolean isEmpty(int index) throws IOException {
    long first = firstCluster(index);
    long end = firstCluster(index + 1);
    long block = refcounts.blockOffset(first);
    if (block >= file.size()) {
      // All zeros, and there could be more of these than anybody can wait for.
      return true;
    }
    long itself = block >>> geometry.clusterBits();
    long used = nextUsed(first, end);
    return used == end || (used == itself && nextUsed(used + 1, end) == end);
  }

  /** First cluster with a count in {@code [from, to)}, all of which one block covers. */
  private long nextUsed(long from, long to) throws IOException {
    long at = from;
    while (at < to) {
      TableSlice slice = refcounts.slice(refcounts.blockOffset(at), at);
      int index = refcounts.indexInSlice(at);
      int length = (int) Math.min(to - at, refcounts.countsPerSlice() - index);
      int found = refcounts.width().nextUsed(slice.words(), index, index + length);
      if (found < index + length) {
        return at + (found - index);
      }
      at += length;
    }
    return to;
  }

  private void giveUp(List<Integer> indexes) throws IOException {
    long[] before = indexes.stream().mapToLong(refcounts.table()::get).toArray();
    List<Long> countedElsewhere = new ArrayList<>();
    boolean done = false;
    try {
      for (int index : indexes) {
        long block = refcounts.blockOffset(firstCluster(index));
        long cluster = block >>> geometry.clusterBits();
        if (refcounts.tableIndex(cluster) != index) {
          countedElsewhere.add(cluster);
        }
        refcounts.blocks().forgetChanges(block, geometry.clusterSize());
        refcounts.table().set(index, 0);
      }
      epochs.writeRefcounts();
      epochs.barrier();
      done = true;
    } finally {
      if (!done) {
        // The blocks are in the file as they were.
        for (int i = 0; i < before.length; i++) {
          refcounts.table().set(indexes.get(i), before[i]);
        }
      }
    }
    for (long cluster : countedElsewhere) {
      if (refcounts.blockOffset(cluster) != 0) {
        refcounts.add(cluster, 1, -1);
      }
    }
  }

  private long clustersInUse() throws IOException {
    for (int index = refcounts.table().length() - 1; index >= 0; index--) {
      if (refcounts.table().get(index) != 0) {
        long first = firstCluster(index);
        long end = firstCluster(index + 1);
        long last = -1;
        for (long used = nextUsed(first, end); used < end; used = nextUsed(used + 1, end)) {
          last = used;
        }
        if (last >= 0) {
          return last + 1;
        }
      }
    }
    return 1;
  }

  private long firstCluster(int index) {
    return (long) index << geometry.refcountBlockBits();
  }
}
