package io.github.qcow2.testkit.amend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.qcow2.Qcow2Image;
import io.github.qcow2.ReferencePolicy;
import io.github.qcow2.error.LimitExceededException;
import io.github.qcow2.error.ReferenceDeniedException;
import io.github.qcow2.error.UnsupportedFeatureException;
import io.github.qcow2.format.Header;
import io.github.qcow2.format.HeaderExtension;
import io.github.qcow2.storage.HeapStorage;
import io.github.qcow2.testkit.build.ImageBuilder;
import io.github.qcow2.testkit.model.Content;
import io.github.qcow2.testkit.oracle.SpecOracle;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Names and flags in a header change as a whole or not at all, however long the header is. */
final class HeaderChangeTest {
  private static final int UNKNOWN = 0x12345678;

  private static byte[] image(int clusterBits, String dataFile, int... unknownBytes) {
    ImageBuilder image = ImageBuilder.of(clusterBits, 1 << 20);
    for (int length : unknownBytes) {
      image.extension(UNKNOWN + length, Content.bytes(length, 0, length));
    }
    return image.dataFile(dataFile).build().bytes();
  }

  private static Header header(byte[] image) throws IOException {
    return Qcow2Image.inspect(HeapStorage.copyOf("image", image)).header();
  }

  private static List<HeaderExtension> unknown(byte[] image) throws IOException {
    return header(image).extensions().stream()
        .filter(extension -> extension.type() != HeaderExtension.DATA_FILE)
        .toList();
  }

  @ParameterizedTest
  @CsvSource({
    "9, 5, 300, 0",
    "9, 200, 5, 0",
    "12, 900, 700, 0",
    "12, 5, 900, 400",
    "12, 900, 5, 400",
    "16, 1000, 1000, 900",
    "16, 5, 6, 0",
    "16, 30, 600, 3000"
  })
  void nameOfTheDataFileChangesAsAWhole(int clusterBits, int before, int after, int unknown)
      throws IOException {
    byte[] image = image(clusterBits, "b".repeat(before), unknown == 0 ? 5 : unknown, 3);
    String name = "a".repeat(after);
    AmendTrial trial = new AmendTrial(image, amender -> amender.dataFile(name));
    byte[] amended = trial.amended();
    assertThat(header(amended).dataFile()).isEqualTo(name);
    assertThat(unknown(amended)).isEqualTo(unknown(image));
    assertThat(trial.cutPower()).isPositive();
  }

  @Test
  void extensionThatLeadsAroundTheOldListIsGoneInTheEnd() throws IOException {
    byte[] image = image(12, "b".repeat(900), 400);
    byte[] amended = new AmendTrial(image, amender -> amender.dataFile("a".repeat(800))).amended();
    assertThat(header(amended).extensions())
        .extracting(HeaderExtension::type)
        .containsExactlyInAnyOrder(UNKNOWN + 400, HeaderExtension.DATA_FILE);
  }

  @Test
  void headerWithoutRoomForTwoListsIsRefusedBeforeAnythingIsWritten() throws IOException {
    byte[] image = image(10, "b".repeat(500));
    HeapStorage storage = HeapStorage.copyOf("image", image);
    assertThatThrownBy(
            () -> Qcow2Image.amend(storage).refcountBits(8).dataFile("a".repeat(500)).run())
        .isInstanceOf(LimitExceededException.class)
        .hasMessageContaining("room");
    assertThat(storage.toByteArray()).isEqualTo(image);
  }

  @Test
  void nameThatIsLongerThanTheClusterIsRefusedBeforeAnythingIsWritten() throws IOException {
    byte[] image = image(9, "data");
    HeapStorage storage = HeapStorage.copyOf("image", image);
    assertThatThrownBy(() -> Qcow2Image.amend(storage).dataFile("a".repeat(600)).run())
        .isInstanceOf(LimitExceededException.class);
    assertThat(storage.toByteArray()).isEqualTo(image);
  }

  @Test
  void emptyNameOfTheDataFileIsRemoved() throws IOException {
    byte[] image = image(16, "data", 7);
    byte[] amended = new AmendTrial(image, amender -> amender.dataFile("")).amended();
    assertThat(header(amended).dataFile()).isNull();
    assertThat(header(amended).hasDataFile()).isTrue();
    assertThat(unknown(amended)).isEqualTo(unknown(image));
  }

  @Test
  void imageWithoutDataFileIsGivenNone() throws IOException {
    byte[] image = ImageBuilder.of(9, 1 << 20).build().bytes();
    HeapStorage storage = HeapStorage.copyOf("image", image);
    assertThatThrownBy(() -> Qcow2Image.amend(storage).dataFile("data").run())
        .isInstanceOf(UnsupportedFeatureException.class);
    assertThatThrownBy(() -> Qcow2Image.amend(storage).rawDataFile(true).run())
        .isInstanceOf(UnsupportedFeatureException.class);
    Qcow2Image.amend(storage).rawDataFile(false).run();
    assertThat(storage.toByteArray()).isEqualTo(image);
  }

  @Test
  void rawDataFileCanBeGivenUpButNotBegunWith() throws IOException {
    byte[] image = ImageBuilder.of(9, 64 << 10).dataFile("data").rawDataFile().build().bytes();
    AmendTrial trial = new AmendTrial(image, amender -> amender.rawDataFile(false));
    byte[] amended = trial.amended();
    assertThat(trial.cutPower()).isEqualTo(2);
    image[95] &= ~2;
    assertThat(amended).isEqualTo(image);
    HeapStorage storage = HeapStorage.copyOf("image", amended);
    assertThatThrownBy(() -> Qcow2Image.amend(storage).rawDataFile(true).run())
        .isInstanceOf(UnsupportedFeatureException.class);
  }

  @Test
  void sizeChangesLast() throws IOException {
    byte[] image = ImageBuilder.of(9, 64 << 10).data(3, Content.bytes(1, 0, 512)).build().bytes();
    HeapStorage storage = HeapStorage.copyOf("image", image);
    Qcow2Image.amend(storage).refcountBits(1).size(128 << 10).run();
    assertThat(header(storage.toByteArray()).size()).isEqualTo(128 << 10);
    Qcow2Image.amend(storage).lazyRefcounts(true).size(512).permitShrinking().run();
    byte[] amended = storage.toByteArray();
    assertThat(header(amended).size()).isEqualTo(512);
    assertThat(header(amended).hasLazyRefcounts()).isTrue();
    assertThat(SpecOracle.of(amended).check().findings()).isEmpty();
  }

  @Test
  void smallerSizeHasToBePermitted() throws IOException {
    byte[] image = ImageBuilder.of(9, 64 << 10).build().bytes();
    HeapStorage storage = HeapStorage.copyOf("image", image);
    assertThatThrownBy(() -> Qcow2Image.amend(storage).lazyRefcounts(true).size(512).run())
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> Qcow2Image.amend(storage).size(511))
        .isInstanceOf(IllegalArgumentException.class);
    assertThat(storage.toByteArray()).isEqualTo(image);
  }

  @Test
  void backingFileIsOpenedForAChangeOfSizeOnly() throws IOException {
    byte[] image = ImageBuilder.of(9, 64 << 10).backing("base.raw", "raw").build().bytes();
    HeapStorage storage = HeapStorage.copyOf("image", image);
    assertThatThrownBy(() -> Qcow2Image.amend(storage).lazyRefcounts(true).size(128 << 10).run())
        .isInstanceOf(ReferenceDeniedException.class);
    assertThat(storage.toByteArray()).isEqualTo(image);
    Qcow2Image.amend(storage)
        .references(
            reference -> {
              throw new AssertionError(reference);
            })
        .lazyRefcounts(true)
        .refcountBits(8)
        .run();
    assertThat(header(storage.toByteArray()).hasLazyRefcounts()).isTrue();
    Qcow2Image.amend(storage)
        .references(ReferencePolicy.explicit(Qcow2Image.create(new HeapStorage("b"), 512).build()))
        .size(128 << 10)
        .run();
    assertThat(header(storage.toByteArray()).size()).isEqualTo(128 << 10);
  }
}
