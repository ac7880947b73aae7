package io.github.qcow2.metadata;

import org.jetbrains.lincheck.datastructures.IntGen;
import org.jetbrains.lincheck.datastructures.ModelCheckingOptions;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;
import org.junit.jupiter.api.Test;

/** What is read of tables without a lock, under all interleavings up to some length. */
final class MetadataLincheckTest {
  /** Entries of two words: what is read is what one change has written, and the latest. */
  public static final class Pairs {
    private final TableSlice slice = new TableSlice(0, new long[4]);
    private long next = 1;

    @Operation(nonParallelGroup = "store's lock")
    public void change() {
      slice.setPair(0, next, next + 100);
      next++;
    }

    @Operation
    public long read() {
      while (true) {
        int begun = slice.beginRead();
        long first = slice.word(0);
        long second = slice.word(1);
        if (slice.endRead(begun)) {
          return 1000 * first + second;
        }
      }
    }
  }

  /** Which clusters are tables, at the moment at which the hash table must grow. */
  @Param(name = "cluster", gen = IntGen.class, conf = "31:33")
  public static final class Clusters {
    private final TableClusters clusters = new TableClusters(1);

    public Clusters() {
      for (int cluster = 1; cluster < 32; cluster++) {
        clusters.add(cluster, ClusterKind.ACTIVE_L2);
      }
    }

    @Operation
    public void add(@Param(name = "cluster") int cluster) {
      clusters.add(cluster, ClusterKind.REFCOUNT_BLOCK);
    }

    @Operation
    public void remove(@Param(name = "cluster") int cluster) {
      clusters.remove(cluster, ClusterKind.REFCOUNT_BLOCK);
    }

    @Operation
    public int kinds(@Param(name = "cluster") int cluster) {
      return clusters.kinds(cluster);
    }
  }

  private static ModelCheckingOptions options() {
    return new ModelCheckingOptions()
        .threads(2)
        .actorsPerThread(3)
        .actorsBefore(0)
        .actorsAfter(1)
        .iterations(12)
        .invocationsPerIteration(300)
        // The loops that fill a longer hash table.
        .loopBound(1_000)
        .minimizeFailedScenario(false);
  }

  @Test
  void pairOfWordsIsReadAsOneChangeHasLeftIt() {
    options().check(Pairs.class);
  }

  @Test
  void clustersThatAreTablesAreFoundWhateverElseIsGoingOn() {
    options().check(Clusters.class);
  }
}
