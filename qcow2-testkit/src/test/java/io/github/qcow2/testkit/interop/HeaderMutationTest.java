package io.github.qcow2.testkit.interop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.github.qcow2.ImageInfo;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.ReferencePolicy;
import io.github.qcow2.error.CorruptImageException;
import io.github.qcow2.error.LimitExceededException;
import io.github.qcow2.error.Qcow2Exception;
import io.github.qcow2.error.UnsupportedFeatureException;
import io.github.qcow2.format.HeaderProblem;
import io.github.qcow2.testkit.qemu.QemuTools;
import io.github.qcow2.testkit.qemu.RequiresQemu;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** One wrong number in a header: refused, each for its own reason, before anything is written. */
final class HeaderMutationTest {
  @TempDir Path directory;

  /** What QEMU does with a header that is refused here. */
  private enum Qemu {
    REFUSES,
    /** Shows the image, but reads and writes nothing. */
    SHOWS_ONLY,
    OPENS
  }

  /**
   * A header with one thing wrong.
   *
   * @param name what is wrong
   * @param refusal class of the exception
   * @param offset of the field
   * @param rule words that the exception has
   * @param isShown whether the image can be inspected all the same
   */
  private record Mutation(
      String name,
      Consumer<ByteBuffer> change,
      Class<? extends Qcow2Exception> refusal,
      long offset,
      String rule,
      boolean isShown,
      Qemu qemu) {
    @Override
    public String toString() {
      return name;
    }
  }

  private static Mutation corrupt(
      String name, Consumer<ByteBuffer> change, long offset, String rule) {
    return new Mutation(
        name, change, CorruptImageException.class, offset, rule, false, Qemu.REFUSES);
  }

  private static Mutation beyondLimit(
      String name, Consumer<ByteBuffer> change, long offset, String rule) {
    return new Mutation(
        name, change, LimitExceededException.class, offset, rule, false, Qemu.REFUSES);
  }

  private static Mutation unsupported(
      String name, Consumer<ByteBuffer> change, long offset, String rule, boolean isShown) {
    return new Mutation(
        name, change, UnsupportedFeatureException.class, offset, rule, isShown, Qemu.REFUSES);
  }

  static List<Mutation> mutations() {
    return List.of(
        unsupported("no magic", h -> h.putInt(0, 0), 0, "not a qcow2 image", false),
        unsupported("version 1", h -> h.putInt(4, 1), 4, "version 1", false),
        unsupported("version 4", h -> h.putInt(4, 4), 4, "version 4", false),
        corrupt("8 cluster bits", h -> h.putInt(20, 8), 20, "cluster bits 8"),
        corrupt("22 cluster bits", h -> h.putInt(20, 22), 20, "cluster bits 22"),
        corrupt("negative cluster bits", h -> h.putInt(20, -1), 20, "cluster bits 4294967295"),
        corrupt("header length 103", h -> h.putInt(100, 103), 100, "header length 103"),
        corrupt("header length 70000", h -> h.putInt(100, 70_000), 100, "header length 70000"),
        corrupt("refcount order 7", h -> h.putInt(96, 7), 96, "refcount order 7"),
        unsupported(
            "incompatible feature bit 5",
            h -> h.putLong(72, 1 << 5),
            72,
            "unknown incompatible feature: bit 5",
            true),
        corrupt("compression type without its bit", h -> h.put(104, (byte) 1), 104, "bit clear"),
        corrupt("compression bit without a type", h -> h.putLong(72, 8), 104, "bit set"),
        unsupported(
            "compression type 2",
            h -> h.putLong(72, 8).put(104, (byte) 2),
            104,
            "unknown compression type 2",
            true),
        corrupt("no L1 entries", h -> h.putInt(36, 0), 36, "L1 table of 0 entries is too small"),
        corrupt("L1 table unaligned", h -> h.putLong(40, 0x30200), 40, "not cluster aligned"),
        new Mutation(
            "L1 table at 0, where QEMU takes the header for one",
            h -> h.putLong(40, 0),
            CorruptImageException.class,
            40,
            "which is 0",
            false,
            Qemu.OPENS),
        corrupt("L1 table at the end of numbers", h -> h.putLong(40, -1L << 16), 40, "L1 table"),
        beyondLimit("L1 table above 32 MiB", h -> h.putInt(36, 4_194_305), 36, "4194305 entries"),
        beyondLimit("negative L1 size", h -> h.putInt(36, -1), 36, "4294967295 entries"),
        beyondLimit("negative size", h -> h.putLong(24, -512), 24, "virtual size"),
        corrupt("size that L1 is too short for", h -> h.putLong(24, 1L << 40), 36, "too small"),
        corrupt("no refcount table", h -> h.putInt(56, 0), 56, "no refcount table"),
        beyondLimit("refcount table above 8 MiB", h -> h.putInt(56, 129), 56, "129 clusters"),
        corrupt("refcount table unaligned", h -> h.putLong(48, 0x10001), 48, "cluster aligned"),
        beyondLimit("65537 snapshots", h -> h.putInt(60, 65_537), 60, "65537 snapshots"),
        corrupt(
            "snapshot table unaligned",
            h -> h.putInt(60, 1).putLong(64, 0x30001),
            64,
            "snapshot table"),
        corrupt(
            "backing name beyond the first cluster",
            h -> h.putLong(8, 65_537).putInt(16, 8),
            8,
            "beyond the first cluster"),
        corrupt(
            "backing name of 1024 bytes",
            h -> h.putLong(8, 0x1000).putInt(16, 1024),
            16,
            "1024 bytes"),
        unsupported("crypt method 3", h -> h.putInt(32, 3), 32, "unknown method 3", true),
        corrupt(
            "extension of 70000 bytes",
            h -> h.putInt(116, 70_000),
            116,
            "70000 bytes reaches beyond its area"),
        new Mutation(
            "raw data without a data file",
            h -> h.putLong(88, 2),
            CorruptImageException.class,
            88,
            "raw external data without an external data file",
            true,
            Qemu.SHOWS_ONLY),
        corrupt(
            "header of 109 bytes, so that an extension begins in the middle of one",
            h -> h.putInt(100, 109),
            113,
            "reaches beyond its area"));
  }

  private Path mutated(Mutation mutation) throws IOException {
    Path path = directory.resolve("image.qcow2");
    Qcow2Image.create(path, 1 << 20).overwriteExisting().createOnly();
    byte[] file = Files.readAllBytes(path);
    mutation.change.accept(ByteBuffer.wrap(file));
    return Files.write(path, file);
  }

  private static void assertRefused(Mutation mutation, Throwable thrown) {
    assertThat(thrown).as("%s", mutation).isExactlyInstanceOf(mutation.refusal);
    Qcow2Exception refusal = (Qcow2Exception) thrown;
    assertThat(refusal.offset()).as("offset of %s", mutation).isEqualTo(mutation.offset);
    assertThat(refusal.rule()).as("%s", mutation).contains(mutation.rule);
    assertThat(refusal.image()).endsWith("image.qcow2");
  }

  @ParameterizedTest
  @MethodSource("mutations")
  void imageIsRefusedForItsOwnReason(Mutation mutation) throws IOException {
    Path path = mutated(mutation);
    byte[] before = Files.readAllBytes(path);

    assertRefused(mutation, catchThrowable(() -> Qcow2Image.open(path).build()));
    assertRefused(
        mutation,
        catchThrowable(
            () -> Qcow2Image.open(path).writable().references(ReferencePolicy.allowAll()).build()));
    if (mutation.isShown) {
      ImageInfo info = Qcow2Image.inspect(path);
      assertThat(info.isReadable()).isFalse();
      assertThat(info.problems())
          .filteredOn(problem -> problem.kind().preventsReading())
          .singleElement()
          .satisfies(problem -> assertRefused(mutation, toException(problem, info)));
    } else {
      assertRefused(mutation, catchThrowable(() -> Qcow2Image.inspect(path)));
    }
    assertThat(Files.readAllBytes(path)).isEqualTo(before);
  }

  private static Qcow2Exception toException(HeaderProblem problem, ImageInfo info) {
    return problem.toException(info.name());
  }

  @ParameterizedTest
  @MethodSource("mutations")
  @RequiresQemu
  void qemuRefusesItToo(Mutation mutation) throws IOException {
    QemuTools qemu = QemuTools.required();
    Path path = mutated(mutation);
    boolean shows = qemu.img("info", "-f", "qcow2", path.toString()).succeeded();
    boolean reads = qemu.io(path, "read 0 512").succeeded();

    assertThat(shows).as("qemu-img info, %s", mutation).isEqualTo(mutation.qemu != Qemu.REFUSES);
    assertThat(reads).as("qemu-io read, %s", mutation).isEqualTo(mutation.qemu == Qemu.OPENS);
  }

  /** What becomes of the other mark, that counts are stale, is told where repairs are. */
  @Test
  void imageMarkedAsCorruptIsReadButNotWritten() throws IOException {
    Path path = mutated(unsupported("", h -> h.putLong(72, 2), 0, "", true));
    try (Qcow2Image image = Qcow2Image.open(path).build()) {
      assertThat(GuestBytes.of(image, 0, 512)).containsOnly(0);
    }
    assertThat(catchThrowable(() -> Qcow2Image.open(path).writable().build()))
        .isInstanceOf(Qcow2Exception.class);
    assertThat(Qcow2Image.inspect(path).isReadable()).isTrue();
    assertThat(Qcow2Image.inspect(path).problems()).hasSize(1);
  }
}
