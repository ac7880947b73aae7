package io.github.qcow2.check;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.error.Qcow2Exception;
import io.github.qcow2.format.Geometry;
import java.io.IOException;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;

final class ImageCheckFuzzTest {
  @Property(tries = 400)
  void anyBytesGiveAReportOrARefusal(
      @ForAll long seed, @ForAll @IntRange(max = 6) int order, @ForAll boolean extended)
      throws IOException {
    Random random = new Random(seed);
    Geometry geometry =
        extended ? new Geometry(3, 14, order, true) : new Geometry(3, 9, order, false);
    HandMadeImage image = new HandMadeImage(geometry, random.nextInt(8) == 0 ? 4 : 0);
    for (int i = 0; i < 8; i++) {
      image.map(random.nextInt(geometry.l2Entries()), 5 + i);
    }
    for (int i = random.nextInt(12); i >= 0; i--) {
      poke(image, random);
    }

    try {
      CheckReport report = ImageCheck.of(image.storage).memory(16 << 20).tables(64 << 20).run();
      assertThat(report.findings()).hasSizeLessThanOrEqualTo(CheckReport.MAX_FINDINGS);
      assertThat(report.isClean()).isEqualTo(report.findingsTotal() == 0);
      assertThat(report.findings()).allMatch(finding -> finding.message().matches("\\p{Print}+"));
    } catch (Qcow2Exception e) {
      assertThat(e.image()).isEqualTo("hand-made");
    }
  }

  private static void poke(HandMadeImage image, Random random) throws IOException {
    long value =
        switch (random.nextInt(4)) {
          case 0 -> random.nextLong();
          case 1 -> 1L << random.nextInt(64);
          case 2 -> image.cluster(random.nextInt(16)) | (random.nextLong() & (3L << 62));
          default -> random.nextInt(70_000);
        };
    switch (random.nextInt(6)) {
      case 0 -> image.setInt(random.nextInt(36) * 4L, (int) value);
      case 1 -> image.setLong(random.nextInt(18) * 8L, value);
      case 2 -> image.setLong(image.cluster(1) + 8L * random.nextInt(4), value);
      case 3 -> image.l1(random.nextInt(2), value);
      default -> image.setLong(random.nextInt((int) image.cluster(8) / 8) * 8L, value);
    }
  }
}
