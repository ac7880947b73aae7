package io.github.qcow2.testkit.build;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;

/** An L1 table that is being laid out, with the L2 tables below it. */
final class MappingTable {
  /** An L2 table: one of several L1 tables, if they map the same clusters there. */
  static final class L2 {
    /** What it maps, by guest cluster. */
    final NavigableMap<Long, Cluster> clusters;

    /** Whether it can be reached from the active L1 table, so that COPIED has a meaning in it. */
    final boolean active;

    long offset;

    L2(NavigableMap<Long, Cluster> clusters, boolean active) {
      this.clusters = clusters;
      this.active = active;
    }
  }

  final Snapshot source;
  final int entries;
  final boolean active;

  /** By index in the L1 table. */
  final Map<Integer, L2> l2s = new LinkedHashMap<>();

  long offset;

  private MappingTable(Snapshot source, int entries, boolean active) {
    this.source = source;
    this.entries = entries;
    this.active = active;
  }

  /** The tables of an image: the active one first, then those of the snapshots. */
  static List<MappingTable> of(ImageBuilder image) {
    List<MappingTable> tables = new ArrayList<>();
    tables.add(
        table(image, new Snapshot("", image.size, image.clusters), true, List.copyOf(tables)));
    for (Snapshot snapshot : image.snapshots) {
      tables.add(table(image, snapshot, false, List.copyOf(tables)));
    }
    return tables;
  }

  private static MappingTable table(
      ImageBuilder image, Snapshot source, boolean active, List<MappingTable> before) {
    MappingTable table = new MappingTable(source, image.l1Entries(source.size()), active);
    long perTable = image.clustersPerL2Table();
    for (int i = 0; i < table.entries; i++) {
      NavigableMap<Long, Cluster> part =
          source.clusters().subMap(i * perTable, true, (i + 1) * perTable, false);
      if (!part.isEmpty()) {
        table.l2s.put(i, shared(before, i, part, active));
      }
    }
    return table;
  }

  private static L2 shared(
      List<MappingTable> before, int index, NavigableMap<Long, Cluster> part, boolean active) {
    for (MappingTable table : before) {
      L2 other = table.l2s.get(index);
      if (other != null && other.clusters.equals(part)) {
        return other;
      }
    }
    return new L2(part, active);
  }
}
