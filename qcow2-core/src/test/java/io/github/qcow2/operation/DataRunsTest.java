package io.github.qcow2.operation;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.transfer.ZeroScan;
import java.nio.ByteBuffer;
import java.util.SplittableRandom;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;

class DataRunsTest {
  private static final int SECTOR = 512;

  @Property(tries = 500)
  void everyBlockIsInARunOfItsKindAndNeighbouringRunsDiffer(
      @ForAll long seed,
      @ForAll @IntRange(min = 1, max = 60) int sectors,
      @ForAll @IntRange(min = 0, max = 20) int startSector,
      @ForAll @IntRange(min = 1, max = 9) int blockSectors,
      @ForAll @IntRange(min = 0, max = 100) int percentOfZeroes) {
    ByteBuffer bytes = ByteBuffer.allocateDirect(sectors * SECTOR);
    SplittableRandom random = new SplittableRandom(seed);
    for (int sector = 0; sector < sectors; sector++) {
      if (random.nextInt(100) >= percentOfZeroes) {
        bytes.put(sector * SECTOR + random.nextInt(SECTOR), (byte) 1);
      }
    }
    long position = (long) startSector * SECTOR;
    int blockSize = blockSectors * SECTOR;

    DataRuns runs = DataRuns.of(bytes, position, blockSize);

    int run = 0;
    for (int from = 0; from < bytes.limit(); ) {
      int to = (int) Math.min(bytes.limit(), from + blockSize - (position + from) % blockSize);
      if (from == runs.end(run)) {
        run++;
        assertThat(runs.isZero(run)).isNotEqualTo(runs.isZero(run - 1));
      }
      assertThat(from).isBetween(runs.start(run), runs.end(run));
      assertThat(to).isLessThanOrEqualTo(runs.end(run));
      assertThat(runs.isZero(run)).isEqualTo(ZeroScan.isZero(bytes, from, to));
      from = to;
    }
    assertThat(run).isEqualTo(runs.count() - 1);
    assertThat(runs.end(run)).isEqualTo(bytes.limit());
  }
}
