package io.github.qcow2.testkit.build;

import java.util.NavigableMap;
import java.util.TreeMap;

/**
 * What a disk holds, and how large it is: now, or when a snapshot was made.
 *
 * @param name of the snapshot
 * @param size of the disk in bytes
 * @param clusters by guest cluster
 */
record Snapshot(String name, long size, NavigableMap<Long, Cluster> clusters) {
  Snapshot {
    clusters = new TreeMap<>(clusters);
  }
}
