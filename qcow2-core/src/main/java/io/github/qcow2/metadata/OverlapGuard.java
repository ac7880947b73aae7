package io.github.qcow2.metadata;

import io.github.qcow2.error.CorruptImageException;
import io.github.qcow2.format.Geometry;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * Keeps every write to an image file away from clusters that serve another purpose (I7): data from
 * tables, and each kind of table from all others. An image whose entries point into its own tables,
 * or whose refcounts call a table free, would otherwise be destroyed by the next write.
 *
 * <p>Knows where tables are, in memory: a number of {@link TableRanges} and a hash of {@link
 * TableClusters}, of a few words for each entry of the L1 table and the refcount table. {@link
 * TrackedFile} asks before each write, without a lock. {@link TopTable} tells what changes, under
 * the lock of its store; the monitors here are taken after that and hold nothing up.
 *
 * <p>Finds overlaps between kinds, not two uses of one kind: two L2 entries that share a data
 * cluster are for a check to find.
 */
public final class OverlapGuard {
  private static final OverlapGuard OFF = new OverlapGuard(0, Set.of(), Damage.thrownOnly(""));

  /**
   * Where a table lies.
   *
   * @param offset in the host file, in bytes
   * @param length in bytes
   */
  public record Place(long offset, long length) {}

  private final int clusterBits;
  private final int protectedKinds;
  private final Damage damage;
  private final TableClusters clusters = new TableClusters();
  private volatile TableRanges ranges = TableRanges.NONE;

  /** A guard that lets everything pass. */
  public static OverlapGuard off() {
    return OFF;
  }

  /**
   * A guard that knows of no table yet but the header, which is in cluster 0.
   *
   * @param protectedKinds what it protects; of others it takes no note
   * @param damage learns of a write that was prevented
   */
  public OverlapGuard(int clusterBits, Set<ClusterKind> protectedKinds, Damage damage) {
    this.clusterBits = clusterBits;
    this.damage = damage;
    int bits = 0;
    for (ClusterKind kind : protectedKinds) {
      bits |= kind.bit();
    }
    this.protectedKinds = bits;
    if (protects(ClusterKind.HEADER)) {
      ranges = ranges.with(List.of(new TableRanges.Range(ClusterKind.HEADER, 0, 0)));
    }
  }

  /** Whether it protects clusters of this kind. */
  public boolean protects(ClusterKind kind) {
    return (protectedKinds & kind.bit()) != 0;
  }

  /**
   * Called before a write.
   *
   * @param position where in the host file, in bytes
   * @param length in bytes
   * @param kind what is written, which does not get into its own way
   * @throws CorruptImageException if a cluster that would be written to serves another purpose
   */
  public void check(long position, long length, ClusterKind kind) throws CorruptImageException {
    // The header is at the start of the file, whatever else claims that place; and that an image is
    // corrupt must be written there, whatever else is wrong with it.
    if (kind != ClusterKind.HEADER) {
      int hit = overlaps(position, length, kind);
      if (hit != 0) {
        throw damage.found(
            position, "preventing invalid write on metadata (overlaps with " + names(hit) + ")");
      }
    }
  }

  /**
   * Called before the file is cut: counts may wrongly call free what is behind the new end.
   *
   * @param length that the file will have, in bytes: whole clusters
   * @throws CorruptImageException if a table would be cut off
   */
  void checkCut(long length) throws CorruptImageException {
    long first = length >>> clusterBits;
    int hit = (ranges.kinds(first, Long.MAX_VALUE) | clusters.kindsFrom(first)) & protectedKinds;
    if (hit != 0) {
      throw damage.found(length, "tables would be cut off, which nobody counts: " + names(hit));
    }
  }

  /**
   * Called before an L2 entry changes: what it pointed to must not be given back if it is a table.
   *
   * @param entry where the entry is, in bytes
   * @param position of the data that it points to, in bytes
   * @param length of the data in bytes
   * @throws CorruptImageException if there is something else than data
   */
  public void checkData(long entry, long position, long length) throws CorruptImageException {
    int hit = overlaps(position, length, ClusterKind.DATA);
    if (hit != 0) {
      throw damage.found(entry, "L2 entry points to metadata (overlaps with " + names(hit) + ")");
    }
  }

  private int overlaps(long position, long length, ClusterKind kind) {
    int others = protectedKinds & ~kind.bit();
    if (others == 0 || length == 0) {
      return 0;
    }
    long first = position >>> clusterBits;
    long last = (position + length - 1) >>> clusterBits;
    int hit = ranges.kinds(first, last);
    for (long cluster = first; cluster <= last; cluster++) {
      hit |= clusters.kinds(cluster);
    }
    return hit & others;
  }

  private static String names(int kinds) {
    List<String> texts = new ArrayList<>();
    for (ClusterKind kind : ClusterKind.values()) {
      if ((kinds & kind.bit()) != 0) {
        texts.add(kind.text());
      }
    }
    return String.join(" and ", texts);
  }

  /** Takes note of tables of one kind, unless they {@linkplain #canBe can be} nowhere. */
  public synchronized void add(ClusterKind kind, List<Place> places) {
    if (protects(kind)) {
      List<TableRanges.Range> added = new ArrayList<>();
      for (Place place : places) {
        if (canBe(place)) {
          added.add(range(kind, place));
        }
      }
      ranges = ranges.with(added);
    }
  }

  /** A table is elsewhere from now on. */
  synchronized void move(ClusterKind kind, Place from, Place to) {
    add(kind, List.of(to));
    if (protects(kind) && canBe(from)) {
      ranges = ranges.without(range(kind, from));
    }
  }

  /** Whether a table can be there: whatever else an image says, nobody follows it. */
  public boolean canBe(Place place) {
    return place.length > 0
        && canBe(place.offset)
        && place.length <= Geometry.HOST_OFFSET_END - place.offset;
  }

  private boolean canBe(long offset) {
    return offset > 0
        && offset < Geometry.HOST_OFFSET_END
        && (offset & ((1L << clusterBits) - 1)) == 0;
  }

  private TableRanges.Range range(ClusterKind kind, Place place) {
    long end = place.offset + place.length;
    return new TableRanges.Range(kind, place.offset >>> clusterBits, (end - 1) >>> clusterBits);
  }

  /** An entry points to a table of one cluster, if to any. */
  void addCluster(ClusterKind kind, long offset) {
    if (protects(kind) && canBe(offset)) {
      clusters.add(offset >>> clusterBits, kind);
    }
  }

  /** An entry does not point there any more. */
  void removeCluster(ClusterKind kind, long offset) {
    if (protects(kind) && canBe(offset)) {
      clusters.remove(offset >>> clusterBits, kind);
    }
  }
}
