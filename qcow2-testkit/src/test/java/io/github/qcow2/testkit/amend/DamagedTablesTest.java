package io.github.qcow2.testkit.amend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.qcow2.Qcow2Image;
import io.github.qcow2.ReferencePolicy;
import io.github.qcow2.error.CorruptImageException;
import io.github.qcow2.storage.HeapStorage;
import io.github.qcow2.testkit.build.BuiltImage;
import io.github.qcow2.testkit.build.ImageBuilder;
import io.github.qcow2.testkit.fault.Fault;
import io.github.qcow2.testkit.fault.FaultyStorage;
import io.github.qcow2.testkit.fault.StorageCall;
import io.github.qcow2.testkit.model.Content;
import io.github.qcow2.testkit.oracle.SpecOracle;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Changes of the size, and of what an image is, where its tables are not what they should be. */
@Timeout(value = 2, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class DamagedTablesTest {
  private static final int REFCOUNT_TABLE_OFFSET = 48;
  private static final int L1_ENTRIES = 36;
  private static final int L1_OFFSET = 40;
  private static final int SIZE = 24;
  private static final int SNAPSHOTS_OFFSET = 64;
  private static final int SNAPSHOT_L1_ENTRIES = 8;
  private static final long COPIED = 1L << 63;

  private static byte[] created(int clusterSize, long size, long... written) throws IOException {
    HeapStorage file = new HeapStorage("image");
    try (Qcow2Image image = Qcow2Image.create(file, size).clusterSize(clusterSize).build()) {
      for (long position : written) {
        image.write(ByteBuffer.wrap(Content.bytes(7, position, clusterSize)), position);
      }
    }
    return file.toByteArray();
  }

  private static int firstBlock(ByteBuffer image) {
    return (int) image.getLong((int) image.getLong(REFCOUNT_TABLE_OFFSET));
  }

  private static Qcow2Image open(HeapStorage file) throws IOException {
    return Qcow2Image.open(file).writable().build();
  }

  @Test
  void tablesThatNobodyCountsAreNotCutOff() throws IOException {
    byte[] bytes = created(4096, 1 << 20, 0, 4096);
    ByteBuffer image = ByteBuffer.wrap(bytes);
    int block = firstBlock(image);
    Arrays.fill(bytes, block, block + 4096, (byte) 0);
    HeapStorage file = HeapStorage.copyOf("image", bytes);
    try (Qcow2Image opened = open(file)) {
      assertThatThrownBy(() -> opened.shrink(1 << 18)).isInstanceOf(CorruptImageException.class);
      assertThat(opened.size()).isEqualTo(1 << 20);
    }
    assertThat(file.toByteArray()).hasSameSizeAs(bytes);
    assertThat(SpecOracle.of(file.toByteArray()).read(4096, 4096))
        .isEqualTo(Content.bytes(7, 4096, 4096));
  }

  @Test
  void shrinkingStopsWhereManyEntriesLeadToOneTable() throws IOException {
    int cluster = 64 << 10;
    byte[] empty = created(cluster, 16384L * 8192 * cluster);
    int table = (empty.length + cluster - 1) & -cluster;
    ByteBuffer image = ByteBuffer.wrap(Arrays.copyOf(empty, table + cluster));
    int l1 = (int) image.getLong(L1_OFFSET);
    for (int i = 0; i < image.getInt(L1_ENTRIES); i++) {
      image.putLong(l1 + 8 * i, COPIED | table);
    }
    for (int i = 0; i < cluster / 8; i++) {
      image.putLong(table + 8 * i, COPIED | (2L * i + 1000) * cluster);
    }
    try (Qcow2Image opened = open(HeapStorage.copyOf("image", image.array()))) {
      assertThatThrownBy(() -> opened.shrink(0)).isInstanceOf(CorruptImageException.class);
    }
  }

  @Test
  void tableWithATooHighCountDoesNotFillTheMemoryWithWhatItDrops() throws IOException {
    int cluster = 64 << 10;
    byte[] bytes = created(cluster, 512L << 20, 0);
    ByteBuffer image = ByteBuffer.wrap(bytes);
    int table = (int) (image.getLong((int) image.getLong(L1_OFFSET)) & ~COPIED);
    image.putShort(firstBlock(image) + 2 * (table / cluster), (short) -1);
    for (int i = 0; i < cluster / 8; i++) {
      image.putLong(table + 8 * i, (i + 100L) * cluster | 1);
    }
    HeapStorage file = HeapStorage.copyOf("image", bytes);
    assertThatThrownBy(() -> Qcow2Image.amend(file).version(2).run())
        .isInstanceOf(CorruptImageException.class);
  }

  @Test
  void refcountBlocksBehindTheEndOfTheFileAreNotRead() throws IOException {
    int cluster = 2 << 20;
    byte[] empty = created(cluster, cluster);
    int table = (empty.length + cluster - 1) & -cluster;
    ByteBuffer image = ByteBuffer.wrap(Arrays.copyOf(empty, table + (8 << 20)));
    image.putLong(table, firstBlock(image));
    image.putLong(REFCOUNT_TABLE_OFFSET, table);
    image.putInt(REFCOUNT_TABLE_OFFSET + 8, (8 << 20) / cluster);
    for (int i = 1; i < 1 << 20; i++) {
      image.putLong(table + 8 * i, (i + 1000L) * cluster);
    }
    HeapStorage file = HeapStorage.copyOf("image", image.array());
    assertThatThrownBy(() -> Qcow2Image.amend(file).refcountBits(32).run())
        .isInstanceOf(CorruptImageException.class);
    try (Qcow2Image opened = open(file)) {
      assertThatThrownBy(() -> opened.shrink(512)).isInstanceOf(CorruptImageException.class);
    }
  }

  @Test
  void entriesBehindTheEndDoNotShowWhenTheDiskGrows() throws IOException {
    byte[] bytes = created(512, 1 << 20, 0, 20 << 10, 512 << 10);
    ByteBuffer.wrap(bytes).putLong(SIZE, 16 << 10);
    HeapStorage file = HeapStorage.copyOf("image", bytes);
    try (Qcow2Image image = open(file)) {
      image.grow(1 << 20);
    }
    SpecOracle oracle = SpecOracle.of(file.toByteArray());
    assertThat(oracle.check().findings()).isEmpty();
    assertThat(oracle.read(0, 1 << 20)).isEqualTo(Arrays.copyOf(Content.bytes(7, 0, 512), 1 << 20));
  }

  @Test
  void tablesOfSnapshotsThatTheFileCannotHoldAreRefused() {
    byte[] bytes = ImageBuilder.of(9, 64 << 10).snapshot("one").build().bytes();
    ByteBuffer image = ByteBuffer.wrap(bytes);
    int record = (int) image.getLong(SNAPSHOTS_OFFSET);
    image.putInt(record + SNAPSHOT_L1_ENTRIES, 1 << 20);
    HeapStorage file = HeapStorage.copyOf("image", bytes);
    assertThatThrownBy(() -> Qcow2Image.amend(file).version(2).run())
        .isInstanceOf(CorruptImageException.class)
        .hasMessageContaining("L1 tables of the snapshots");
    assertThat(file.toByteArray()).isEqualTo(bytes);
  }

  @Test
  void rawDataFileIsTheDiskAfterAShrinkThatFailed() throws IOException {
    ImageBuilder builder = ImageBuilder.of(9, 96 << 10).dataFile("data").rawDataFile();
    for (int cluster = 0; cluster < 192; cluster++) {
      builder.data(cluster, Content.bytes(cluster, 0, 512));
    }
    BuiltImage built = builder.build();
    HeapStorage data = HeapStorage.copyOf("data", built.dataFile());
    FaultyStorage file = new FaultyStorage(HeapStorage.copyOf("image", built.bytes()));
    ByteBuffer disk = ByteBuffer.allocate(96 << 10);
    try (Qcow2Image image =
        Qcow2Image.open(file)
            .writable()
            .references(reference -> new ReferencePolicy.Answer.UseStorage(data))
            .build()) {
      file.faults().plan(Fault.at(1).of(StorageCall.WRITE));
      assertThatThrownBy(() -> image.shrink(0)).isInstanceOf(IOException.class);
      assertThat(file.faults().hits()).isEqualTo(1);
      image.read(disk, 0);
    }
    assertThat(disk.array()).isEqualTo(Arrays.copyOf(data.toByteArray(), 96 << 10));
  }

  @Test
  void dataFileThatIsTooShortBecomesAsLongAsTheDisk() throws IOException {
    BuiltImage built =
        ImageBuilder.of(9, 96 << 10)
            .dataFile("data")
            .rawDataFile()
            .data(0, Content.bytes(1, 0, 512))
            .build();
    HeapStorage data = HeapStorage.copyOf("data", Arrays.copyOf(built.dataFile(), 512));
    try (Qcow2Image image =
        Qcow2Image.open(HeapStorage.copyOf("image", built.bytes()))
            .writable()
            .references(reference -> new ReferencePolicy.Answer.UseStorage(data))
            .build()) {
      assertThat(image.size()).isEqualTo(data.size());
    }
    assertThat(data.toByteArray()).isEqualTo(built.dataFile());
  }
}
