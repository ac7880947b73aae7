package io.github.qcow2.testkit.durability;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.Qcow2Image;
import io.github.qcow2.ZeroMode;
import io.github.qcow2.format.L1Entry;
import io.github.qcow2.storage.HeapStorage;
import io.github.qcow2.testkit.fault.FaultyStorage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** How often the file is asked for tables, and how often it is told of them. */
final class MetadataTransfersTest {
  private static final int SLICE = 4096;
  private static final int CLUSTER = 64 << 10;

  /** What one slice maps, and one table of 16 slices. */
  private static final long BYTES_PER_SLICE = SLICE / Long.BYTES * (long) CLUSTER;

  private static final long BYTES_PER_TABLE = CLUSTER / Long.BYTES * (long) CLUSTER;

  @Test
  void readWhoseSliceIsMissingReadsThatSliceAndNoMore() throws IOException {
    long size = 2 * BYTES_PER_TABLE;
    HeapStorage heap = new HeapStorage("image");
    try (Qcow2Image image = Qcow2Image.create(heap, size).build()) {
      image.writeZeroes(0, size, ZeroMode.KEEP_ALLOCATED);
    }
    FaultyStorage file = new FaultyStorage(HeapStorage.copyOf("image", heap.toByteArray()));
    int slices = (int) (size / BYTES_PER_SLICE);
    try (Qcow2Image image = Qcow2Image.open(file).l2CacheSize(slices / 10 * (long) SLICE).build()) {
      ByteBuffer bytes = ByteBuffer.allocate(4096);
      Random random = new Random(1);
      long hitsUntilNow = 0;
      int missing = 0;
      for (int i = 0; i < 1000; i++) {
        long before = file.bytesRead();
        image.read(bytes.clear(), random.nextInt((int) (size / 4096)) * 4096L);

        boolean hit = image.l2CacheStatistics().hits() > hitsUntilNow;
        hitsUntilNow = image.l2CacheStatistics().hits();
        assertThat(file.bytesRead() - before).isEqualTo(hit ? 0 : SLICE);
        missing += hit ? 0 : 1;
      }
      assertThat(missing).isBetween(800, 999);
    }
  }

  @Test
  void diskWhoseSlicesAllFitIsWrittenWithoutABarrierUntilItIsFlushed() throws IOException {
    assertThat(barriersOfWritesToEachSlice(16 * SLICE)).isZero();
    assertThat(barriersOfWritesToEachSlice(8 * SLICE)).isPositive();
  }

  private static long barriersOfWritesToEachSlice(long cacheBytes) throws IOException {
    RecordedFile file = image();
    try (Qcow2Image image = Qcow2Image.open(file).writable().l2CacheSize(cacheBytes).build()) {
      file.forget();
      writeToEachSlice(image);
      long barriers = file.barriers();
      image.flush();
      assertThat(file.barriers()).isGreaterThan(barriers);
      return barriers;
    }
  }

  @Test
  void dirtySlicesInARowAreWrittenInOneTransfer() throws IOException {
    RecordedFile file = image();
    try (Qcow2Image image = Qcow2Image.open(file).writable().build()) {
      writeToEachSlice(image);
      file.forget();

      image.flush();

      long table =
          L1Entry.offset(
              ByteBuffer.wrap(file.toByteArray()).getLong((int) image.header().l1TableOffset()));
      List<RecordedFile.Write> writes =
          file.writes().stream().filter(write -> write.touches(table, table + CLUSTER)).toList();
      assertThat(writes).hasSize(1);
      assertThat(writes.get(0).position()).isEqualTo(table);
      assertThat(writes.get(0).bytes().remaining()).isEqualTo(CLUSTER);
    }
  }

  private static RecordedFile image() throws IOException {
    HeapStorage empty = new HeapStorage("image");
    Qcow2Image.create(empty, BYTES_PER_TABLE).createOnly();
    return new RecordedFile(empty.toByteArray());
  }

  private static void writeToEachSlice(Qcow2Image image) throws IOException {
    for (long at = 0; at < BYTES_PER_TABLE; at += BYTES_PER_SLICE) {
      image.write(ByteBuffer.wrap(new byte[] {1}), at);
    }
  }
}
