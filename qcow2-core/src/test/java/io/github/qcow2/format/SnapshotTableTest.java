package io.github.qcow2.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.github.qcow2.error.CorruptImageException;
import io.github.qcow2.error.LimitExceededException;
import io.github.qcow2.error.Qcow2Exception;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.OptionalLong;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

class SnapshotTableTest {
  private static final long TABLE_OFFSET = 0x50000;

  /**
   * The table that qemu-img 7.2 wrote for snapshots "naïve name" and "second" of a 10 MiB image.
   */
  private static byte[] madeByQemu() {
    return HexFormat.of()
        .parseHex(
            ("0000000000040000 00000001 0001 000b 6b017a81 03cfc8c8 0000000000000000 00000000"
                    + "00000018 0000000000000000 0000000000a00000 0000000000000000"
                    + "31 6e61c3af7665206e616d65 00000000"
                    + "0000000000060000 00000001 0001 0006 6b017a81 04f5da08 0000000000000000"
                    + "00000000 00000018 0000000000000000 0000000000a00000 0000000000000000"
                    + "32 7365636f6e64 00")
                .replace(" ", ""));
  }

  private static Header header(int snapshots) throws Qcow2Exception {
    return HeaderFixture.of("v3").read().withSnapshotTable(TABLE_OFFSET, snapshots);
  }

  /** Hands the reader what it asks for, with zeros past the end as from a file. */
  private static SnapshotTable read(byte[] file, int snapshots, Limits limits)
      throws Qcow2Exception {
    SnapshotTableReader reader = new SnapshotTableReader("image", header(snapshots), limits);
    while (!reader.isComplete()) {
      int from = Math.toIntExact(reader.position() - TABLE_OFFSET);
      reader.accept(
          ByteBuffer.wrap(
              from >= file.length
                  ? new byte[reader.bytesWanted()]
                  : Arrays.copyOfRange(file, from, from + reader.bytesWanted())));
    }
    return reader.table();
  }

  private static SnapshotRecord record(String id, String name) {
    return SnapshotRecord.ofDisk(id, name, Instant.EPOCH, 0x60000, 1, 512);
  }

  @Test
  void tableOfQemu() throws Qcow2Exception {
    SnapshotTable table = read(madeByQemu(), 2, Limits.DEFAULT);
    assertThat(table.records()).extracting(SnapshotRecord::id).containsExactly("1", "2");
    assertThat(table.records())
        .extracting(SnapshotRecord::name)
        .containsExactly("naïve name", "second");
    SnapshotRecord first = table.records().get(0);
    assertThat(first.l1TableOffset()).isEqualTo(0x40000);
    assertThat(first.l1Entries()).isEqualTo(1);
    assertThat(first.date()).isEqualTo(Instant.ofEpochSecond(0x6b017a81L, 0x03cfc8c8));
    assertThat(first.vmClockNanos()).isZero();
    assertThat(first.vmStateSize()).isZero();
    assertThat(first.diskSize()).hasValue(10 << 20);
    assertThat(first.icount()).hasValue(0);
    assertThat(first.extraDataBytes()).isEqualTo(24);
    assertThat(table.entryOffset(1)).isEqualTo(80);
    assertThat(table.byteLength()).isEqualTo(152);
    assertThat(table.encode("image", Limits.DEFAULT)).isEqualTo(madeByQemu());
  }

  @Test
  void newRecordsAreThoseOfQemu() throws Qcow2Exception {
    Instant date = Instant.ofEpochSecond(0x6b017a81L);
    SnapshotTable table =
        new SnapshotTable(
            List.of(
                SnapshotRecord.ofDisk(
                    "1", "naïve name", date.plusNanos(0x03cfc8c8), 0x40000, 1, 10 << 20),
                SnapshotRecord.ofDisk(
                    "2", "second", date.plusNanos(0x04f5da08), 0x60000, 1, 10 << 20)));
    assertThat(table.encode("image", Limits.DEFAULT)).isEqualTo(madeByQemu());
    assertThat(table.records()).isEqualTo(read(madeByQemu(), 2, Limits.DEFAULT).records());
  }

  /** An entry with extra data of another length, names that are no UTF-8, and junk for padding. */
  private static byte[] entry(int extra, int idLength, int nameLength) {
    int length = (40 + extra + idLength + nameLength + 7) & -8;
    byte[] bytes = new byte[length];
    Arrays.fill(bytes, 40, 40 + extra + idLength + nameLength, (byte) 0xc3);
    ByteBuffer.wrap(bytes)
        .putLong(0, 0x60000)
        .putInt(8, 1)
        .putShort(12, (short) idLength)
        .putShort(14, (short) nameLength)
        .putInt(32, 0x8000_0001)
        .putInt(36, extra);
    return bytes;
  }

  @Test
  void fieldsMissingFromShortExtraDataAreNotInvented() throws Qcow2Exception {
    SnapshotRecord none = read(entry(0, 1, 1), 1, Limits.DEFAULT).records().get(0);
    assertThat(none.vmStateSize()).isEqualTo(0x8000_0001L);
    assertThat(none.diskSize()).isEmpty();
    assertThat(none.icount()).isEmpty();
    SnapshotRecord eight = read(entry(8, 1, 1), 1, Limits.DEFAULT).records().get(0);
    assertThat(eight.vmStateSize()).isEqualTo(0xc3c3_c3c3_c3c3_c3c3L);
    assertThat(eight.diskSize()).isEmpty();
    SnapshotRecord sixteen = read(entry(16, 1, 1), 1, Limits.DEFAULT).records().get(0);
    assertThat(sixteen.diskSize()).hasValue(0xc3c3_c3c3_c3c3_c3c3L);
    assertThat(sixteen.icount()).isEmpty();
    byte[] noCount = entry(24, 1, 1);
    ByteBuffer.wrap(noCount).putLong(56, -1);
    assertThat(read(noCount, 1, Limits.DEFAULT).records().get(0).icount()).isEmpty();
  }

  @Property(tries = 200)
  void whateverWasReadIsWrittenByteForByte(
      @ForAll @Size(min = 1, max = 5) List<@IntRange(max = 1024) Integer> extras,
      @ForAll @IntRange(max = 65_535) int idLength,
      @ForAll @IntRange(max = 65_535) int nameLength)
      throws Qcow2Exception {
    ByteBuffer file = ByteBuffer.allocate(1 << 20);
    for (int extra : extras) {
      file.put(entry(extra, idLength, nameLength));
    }
    byte[] bytes = Arrays.copyOf(file.array(), file.position());
    SnapshotTable table = read(bytes, extras.size(), Limits.DEFAULT);
    assertThat(table.byteLength()).isEqualTo(bytes.length);
    assertThat(table.encode("image", Limits.DEFAULT)).isEqualTo(bytes);
    assertThat(table.records().get(0).nameBytes()).hasSize(nameLength);
  }

  @Test
  void manyEntriesAreReadInPieces() throws Qcow2Exception {
    ByteBuffer file = ByteBuffer.allocate(3000 * 80);
    for (int i = 0; i < 3000; i++) {
      file.put(entry(24, 4, 9));
    }
    SnapshotTable table = read(file.array(), 3000, Limits.DEFAULT);
    assertThat(table.encode("image", Limits.DEFAULT)).isEqualTo(file.array());
  }

  @Property
  void randomTablesAreReadOrRefused(
      @ForAll byte[] noise,
      @ForAll @IntRange(max = 2000) int at,
      @ForAll @IntRange(max = 100) int n)
      throws Qcow2Exception {
    byte[] file = Arrays.copyOf(madeByQemu(), 2000 + noise.length);
    System.arraycopy(noise, 0, file, at, noise.length);
    try {
      SnapshotTable table = read(file, n, Limits.DEFAULT);
      assertThat(table.records()).hasSize(n);
      for (SnapshotRecord record : table.records()) {
        assertThat(record.date()).isNotNull();
        assertThat(record.toString()).isNotNull();
      }
    } catch (LimitExceededException e) {
      assertThat(e.offset()).isGreaterThanOrEqualTo(TABLE_OFFSET);
    }
  }

  @Test
  void extraDataIsLimited() throws Qcow2Exception {
    assertThat(read(entry(1024, 1, 1), 1, Limits.DEFAULT).records()).hasSize(1);
    byte[] tooMuch = entry(1025, 1, 1);
    LimitExceededException thrown =
        catchThrowableOfType(LimitExceededException.class, () -> read(tooMuch, 1, Limits.DEFAULT));
    assertThat(thrown.offset()).isEqualTo(TABLE_OFFSET + 36);
    byte[] negative = entry(0, 1, 1);
    ByteBuffer.wrap(negative).putInt(36, -1);
    assertThatThrownBy(() -> read(negative, 1, Limits.DEFAULT))
        .isInstanceOf(LimitExceededException.class);
  }

  @Test
  void theTableIsLimited() throws Qcow2Exception {
    Limits limits = Limits.DEFAULT.withSnapshotTableBytes(152);
    assertThat(read(madeByQemu(), 2, limits).records()).hasSize(2);
    LimitExceededException thrown =
        catchThrowableOfType(
            LimitExceededException.class,
            () -> read(madeByQemu(), 2, limits.withSnapshotTableBytes(151)));
    assertThat(thrown.offset()).isEqualTo(TABLE_OFFSET + 80);
    SnapshotTable two = new SnapshotTable(List.of(record("1", "a"), record("2", "b")));
    assertThatThrownBy(() -> two.encode("image", Limits.DEFAULT.withSnapshots(1)))
        .isInstanceOf(LimitExceededException.class);
    assertThatThrownBy(() -> two.encode("image", Limits.DEFAULT.withSnapshotTableBytes(143)))
        .isInstanceOf(LimitExceededException.class);
  }

  @Test
  void aTableNearTheEndOfTheOffsetsIsRefused() throws Qcow2Exception {
    Header header = HeaderFixture.of("v3").read().withSnapshotTable(0x7fff_ffff_fff0_0000L, 1);
    assertThatThrownBy(() -> new SnapshotTableReader("image", header, Limits.DEFAULT))
        .isInstanceOf(CorruptImageException.class);
  }

  @Test
  void noSnapshotsNeedNoBytes() throws Qcow2Exception {
    SnapshotTableReader reader = new SnapshotTableReader("image", header(0), Limits.DEFAULT);
    assertThat(reader.isComplete()).isTrue();
    assertThat(reader.table().records()).isEmpty();
    assertThat(reader.table().byteLength()).isZero();
  }

  @Test
  void misuseIsAnErrorOfTheCaller() throws Qcow2Exception {
    SnapshotTableReader reader = new SnapshotTableReader("image", header(1), Limits.DEFAULT);
    assertThatThrownBy(() -> reader.accept(ByteBuffer.allocate(100)))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(reader::table).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> record("1", "x".repeat(65_536)))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(
            () -> SnapshotRecord.ofDisk("1", "n", Instant.ofEpochSecond(1L << 32), 0, 0, 0))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void namesEndAtTheirFirstNulAndKeepTheirBytes() throws Qcow2Exception {
    byte[] bytes = entry(24, 1, 3);
    bytes[40 + 24] = '7';
    System.arraycopy("a\0b".getBytes(StandardCharsets.UTF_8), 0, bytes, 40 + 25, 3);
    SnapshotRecord record = read(bytes, 1, Limits.DEFAULT).records().get(0);
    assertThat(record.id()).isEqualTo("7");
    assertThat(record.name()).isEqualTo("a");
    assertThat(record.nameBytes()).containsExactly('a', 0, 'b');
  }

  private static SnapshotTable tableOf(long l1Offset, int l1Entries, long diskSize) {
    return new SnapshotTable(
        List.of(
            record("1", "first"),
            SnapshotRecord.ofDisk("2", "x", Instant.EPOCH, l1Offset, l1Entries, diskSize)));
  }

  @Test
  void onlyASoundL1TableIsUsable() throws Qcow2Exception {
    Header header = header(2);
    assertThatCode(
            () -> tableOf(0x60000, 1, 1 << 29).requireUsable(1, "image", header, Limits.DEFAULT))
        .doesNotThrowAnyException();
    for (SnapshotTable broken :
        List.of(
            tableOf(0x60200, 1, 512),
            tableOf(0, 1, 512),
            tableOf(-65_536, 1, 512),
            tableOf(0x7fff_ffff_ffff_0000L, 1 << 20, 512),
            tableOf(0x60000, 1, (1 << 29) + 1),
            tableOf(0x60000, 0, 512),
            tableOf(0x60000, 1, -512))) {
      CorruptImageException thrown =
          catchThrowableOfType(
              CorruptImageException.class,
              () -> broken.requireUsable(1, "image", header, Limits.DEFAULT));
      assertThat(thrown.offset()).isEqualTo(TABLE_OFFSET + 72);
    }
    for (int entries : new int[] {4_194_305, -1}) {
      assertThatThrownBy(
              () ->
                  tableOf(0x60000, entries, 512).requireUsable(1, "image", header, Limits.DEFAULT))
          .isInstanceOf(LimitExceededException.class);
    }
    SnapshotRecord withoutSize = read(entry(0, 1, 1), 1, Limits.DEFAULT).records().get(0);
    assertThat(withoutSize.diskSize()).isEqualTo(OptionalLong.empty());
    assertThatCode(
            () ->
                new SnapshotTable(List.of(withoutSize))
                    .requireUsable(0, "image", header, Limits.DEFAULT))
        .doesNotThrowAnyException();
  }
}
