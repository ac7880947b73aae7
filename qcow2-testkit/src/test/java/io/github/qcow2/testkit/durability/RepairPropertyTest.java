package io.github.qcow2.testkit.durability;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.Qcow2Image;
import io.github.qcow2.error.Qcow2Exception;
import io.github.qcow2.storage.HeapStorage;
import io.github.qcow2.testkit.build.RandomImage;
import io.github.qcow2.testkit.generate.DiskHistories;
import io.github.qcow2.testkit.generate.DiskHistory;
import io.github.qcow2.testkit.generate.ImageShape;
import io.github.qcow2.testkit.generate.ImageShapes;
import io.github.qcow2.testkit.model.DiskOperation;
import io.github.qcow2.testkit.model.ReferenceDisk;
import io.github.qcow2.testkit.model.SideBySide;
import io.github.qcow2.testkit.oracle.FindingKind;
import io.github.qcow2.testkit.oracle.SpecOracle;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.ShrinkingMode;

/** Whatever counts say in an image that was not closed, the next writer finds them right. */
final class RepairPropertyTest {
  private static final int SECTOR = 512;

  private static Arbitrary<ImageShape> shapes(long size) {
    return ImageShapes.upTo(size)
        .filter(shape -> shape.version() == 3 && shape.backing() == ImageShape.Backing.NONE)
        .filter(shape -> shape.clusterBits() <= 16);
  }

  @Provide
  Arbitrary<ImageShape> shapes() {
    return shapes(64L << 20);
  }

  @Provide
  Arbitrary<DiskHistory> histories() {
    return DiskHistories.on(shapes(1L << 20), 30);
  }

  @Property(tries = 300, shrinking = ShrinkingMode.BOUNDED)
  void staleCountsAndFlagsAreMadeRight(@ForAll("shapes") ImageShape shape, @ForAll long seed)
      throws IOException {
    Random random = new Random(seed);
    byte[] image = RandomImage.describe(shape, seed).build().bytes();
    List<byte[]> contents = StaleImage.contents(image);
    StaleImage stale = StaleImage.of(image);
    if (random.nextBoolean()) {
      stale.withRandomCounts(random);
    }
    if (random.nextBoolean()) {
      stale.withRandomFlags(random);
    }
    if (random.nextInt(3) == 0) {
      stale.withoutBlocks(random);
    }
    StaleImage.assertSound(StaleImage.repaired(stale.bytes()), contents);
  }

  @Property(tries = 150, shrinking = ShrinkingMode.BOUNDED)
  void sessionThatEndsAnywhereIsRepairedAndLosesNothingFlushed(
      @ForAll("histories") DiskHistory history, @ForAll long seed) throws IOException {
    ImageShape shape = history.shape();
    HeapStorage created = new HeapStorage("image");
    Qcow2Image.create(created, shape.size())
        .clusterSize(shape.clusterSize())
        .refcountBits(shape.refcountBits())
        .extendedL2(shape.extendedL2())
        .lazyRefcounts(true)
        .createOnly();
    RecordedFile[] file = {new RecordedFile(created.toByteArray())};
    SideBySide sides =
        new SideBySide(
            new ReferenceDisk(shape.size()),
            () -> {
              file[0] = new RecordedFile(file[0].toByteArray());
              return Qcow2Image.open(file[0]).writable().cacheSize(4096).build();
            });
    int end = new Random(seed).nextInt(history.operations().size() + 1);
    // What the disk held at the last flush, and after each change since.
    List<byte[]> allowed = new ArrayList<>(List.of(content(sides)));
    for (DiskOperation operation : history.operations().subList(0, end)) {
      sides.apply(operation);
      if (operation instanceof DiskOperation.Flush || operation instanceof DiskOperation.Reopen) {
        allowed.clear();
      }
      allowed.add(content(sides));
    }
    for (byte[] left : List.of(file[0].toByteArray(), file[0].durable())) {
      byte[] repaired = StaleImage.repaired(left);
      SpecOracle oracle = SpecOracle.of(repaired);
      assertThat(oracle.check().findings()).isEmpty();
      assertThat(oracle.header().isDirty()).isFalse();
      assertEachSectorIsOneOf(allowed, oracle.read(0, (int) shape.size()));
    }
    sides.close();
  }

  @Property(tries = 400, shrinking = ShrinkingMode.BOUNDED)
  void damagedImageIsMadeSoundOrRefusedUnchanged(
      @ForAll("shapes") ImageShape shape, @ForAll long seed) throws IOException {
    Random random = new Random(seed);
    byte[] image = RandomImage.describe(shape, seed).build().bytes();
    byte[] stale = StaleImage.of(image).withRandomCounts(random).withDamage(random).bytes();
    RecordedFile file = new RecordedFile(stale);
    try {
      Qcow2Image.open(file).writable().build().close();
    } catch (Qcow2Exception e) {
      assertThat(file.writes()).isEmpty();
      return;
    }
    Set<FindingKind> mended =
        Set.of(
            FindingKind.REFCOUNT_TOO_LOW,
            FindingKind.LEAK,
            FindingKind.OVERLAP,
            FindingKind.COPIED_DANGEROUS,
            FindingKind.COPIED_STALE);
    assertThat(SpecOracle.of(file.toByteArray()).check().findings())
        // Two uses of a cluster as data are safe now: it is counted twice, so a write copies it.
        .filteredOn(finding -> !finding.text().matches(".*data in a cluster used for .*data"))
        .noneMatch(finding -> mended.contains(finding.kind()));
  }

  private static byte[] content(SideBySide sides) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate((int) sides.device().size());
    sides.device().read(bytes, 0);
    return bytes.array();
  }

  private static void assertEachSectorIsOneOf(List<byte[]> allowed, byte[] content) {
    for (int at = 0; at < content.length; at += SECTOR) {
      int from = at;
      assertThat(allowed)
          .as("sector at " + at)
          .anyMatch(each -> Arrays.equals(each, from, from + SECTOR, content, from, from + SECTOR));
    }
  }
}
