package io.github.qcow2.metadata;

import static io.github.qcow2.metadata.ClusterKind.ACTIVE_L2;
import static io.github.qcow2.metadata.ClusterKind.INACTIVE_L2;
import static io.github.qcow2.metadata.ClusterKind.REFCOUNT_BLOCK;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Which clusters are tables, for readers without a lock. */
final class TableClustersTest {
  private static final long LARGEST_CLUSTER = (1L << 47) - 1;

  @Test
  void agreesWithCountsPerClusterAndKindWhateverIsAddedAndRemoved() {
    TableClusters clusters = new TableClusters();
    Map<Long, Map<ClusterKind, Integer>> model = new HashMap<>();
    ClusterKind[] kinds = {ACTIVE_L2, REFCOUNT_BLOCK, INACTIVE_L2};
    Random random = new Random(7);
    for (int i = 0; i < 50_000; i++) {
      // Two thousand clusters come and go, so slots run out many times.
      long cluster = random.nextInt(2000) * (random.nextBoolean() ? 1L : LARGEST_CLUSTER / 2000);
      ClusterKind kind = kinds[random.nextInt(kinds.length)];
      Map<ClusterKind, Integer> counts =
          model.computeIfAbsent(cluster, c -> new EnumMap<>(ClusterKind.class));
      int count = counts.getOrDefault(kind, 0);
      // Only one kind of a cluster is referred to more than once: see below.
      boolean mayAdd = count == 0 || counts.size() == 1;
      if (random.nextBoolean() && mayAdd) {
        clusters.add(cluster, kind);
        counts.put(kind, count + 1);
      } else if (count > 0 && (counts.size() == 1 || sum(counts) == counts.size())) {
        clusters.remove(cluster, kind);
        counts.put(kind, count - 1);
        counts.remove(kind, 0);
      }
    }
    model.forEach((cluster, counts) -> assertThat(clusters.kinds(cluster)).isEqualTo(mask(counts)));
    assertThat(model.values()).filteredOn(counts -> sum(counts) > counts.size()).isNotEmpty();
  }

  private static int sum(Map<ClusterKind, Integer> counts) {
    return counts.values().stream().mapToInt(Integer::intValue).sum();
  }

  private static int mask(Map<ClusterKind, Integer> counts) {
    return counts.keySet().stream().mapToInt(ClusterKind::bit).sum();
  }

  @Test
  void clusterStaysTableUntilItsLastReferenceIsGone() {
    TableClusters clusters = new TableClusters();
    clusters.add(5, ACTIVE_L2);
    clusters.add(5, ACTIVE_L2);
    clusters.remove(5, ACTIVE_L2);
    assertThat(clusters.kinds(5)).isEqualTo(ACTIVE_L2.bit());
    clusters.remove(5, ACTIVE_L2);
    assertThat(clusters.kinds(5)).isZero();
    clusters.remove(5, ACTIVE_L2);
    assertThat(clusters.kinds(5)).isZero();
  }

  @Test
  void clusterWithMoreReferencesThanCanBeCountedStaysTable() {
    TableClusters clusters = new TableClusters();
    for (int i = 0; i < 1000; i++) {
      clusters.add(5, ACTIVE_L2);
    }
    for (int i = 0; i < 1000; i++) {
      clusters.remove(5, ACTIVE_L2);
    }
    assertThat(clusters.kinds(5)).isEqualTo(ACTIVE_L2.bit());
  }

  @Test
  void clusterOfTwoKindsLosesOneOfThem() {
    TableClusters clusters = new TableClusters();
    clusters.add(LARGEST_CLUSTER, ACTIVE_L2);
    clusters.add(LARGEST_CLUSTER, INACTIVE_L2);
    clusters.remove(LARGEST_CLUSTER, ACTIVE_L2);
    assertThat(clusters.kinds(LARGEST_CLUSTER)).isEqualTo(INACTIVE_L2.bit());
    clusters.remove(LARGEST_CLUSTER, REFCOUNT_BLOCK);
    assertThat(clusters.kinds(LARGEST_CLUSTER)).isEqualTo(INACTIVE_L2.bit());
  }

  /** Those that stay are never missed, however the table grows under the reader. */
  @Test
  void readersFindEveryTableWhileOthersComeAndGo() throws InterruptedException {
    TableClusters clusters = new TableClusters();
    for (long cluster = 0; cluster < 30; cluster++) {
      clusters.add(cluster, ACTIVE_L2);
    }
    AtomicBoolean done = new AtomicBoolean();
    AtomicInteger missed = new AtomicInteger();
    AtomicInteger invented = new AtomicInteger();
    List<Thread> readers = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      Thread reader =
          new Thread(
              () -> {
                while (!done.get()) {
                  for (long cluster = 0; cluster < 30; cluster++) {
                    if (clusters.kinds(cluster) != ACTIVE_L2.bit()) {
                      missed.incrementAndGet();
                    }
                    if ((clusters.kinds(cluster + 1_000_000) & ACTIVE_L2.bit()) != 0) {
                      invented.incrementAndGet();
                    }
                  }
                }
              });
      reader.start();
      readers.add(reader);
    }
    List<Thread> writers = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      long base = 1_000_000L + i * 100_000L;
      Thread writer =
          new Thread(
              () -> {
                for (int round = 0; round < 20; round++) {
                  for (long cluster = base; cluster < base + 5000; cluster++) {
                    clusters.add(cluster, REFCOUNT_BLOCK);
                  }
                  for (long cluster = base; cluster < base + 5000; cluster++) {
                    clusters.remove(cluster, REFCOUNT_BLOCK);
                  }
                }
                for (long cluster = base; cluster < base + 500; cluster++) {
                  clusters.add(cluster, REFCOUNT_BLOCK);
                }
              });
      writer.start();
      writers.add(writer);
    }
    for (Thread writer : writers) {
      writer.join();
    }
    done.set(true);
    for (Thread reader : readers) {
      reader.join();
    }
    assertThat(missed).hasValue(0);
    assertThat(invented).hasValue(0);
    for (long cluster = 1_000_000; cluster < 1_105_000; cluster++) {
      boolean table = cluster % 100_000 < 500;
      assertThat(clusters.kinds(cluster)).isEqualTo(table ? REFCOUNT_BLOCK.bit() : 0);
    }
  }
}
