package io.github.qcow2.testkit.amend;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.ImageAmender;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.storage.HeapStorage;
import io.github.qcow2.testkit.build.ImageBuilder;
import io.github.qcow2.testkit.build.RandomImage;
import io.github.qcow2.testkit.fault.Fault;
import io.github.qcow2.testkit.fault.FaultyStorage;
import io.github.qcow2.testkit.generate.ImageShape;
import io.github.qcow2.testkit.oracle.SpecOracle;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Whatever call of the host fails, the image is sound, and amending it again completes it. */
final class AmendFaultTest {
  private static final int CALLS_AT_MOST = 2000;

  /** An image, how much of it is kept, and what it is to become. */
  private static final class Work {
    final String name;
    final byte[] image;
    final long kept;
    final Consumer<ImageAmender> values;

    Work(String name, byte[] image, long kept, Consumer<ImageAmender> values) {
      this.name = name;
      this.image = image;
      this.kept = kept;
      this.values = values;
    }

    @Override
    public String toString() {
      return name;
    }
  }

  static List<Work> works() throws IOException {
    ImageShape two = new ImageShape(2, 9, 4, false, 64 << 10, ImageShape.Backing.NONE, 0);
    ImageShape three = new ImageShape(3, 9, 4, false, 64 << 10, ImageShape.Backing.NONE, 0);
    byte[] old = RandomImage.describe(two, 3).build().bytes();
    ImageBuilder flagged = RandomImage.describe(three, 4).zero(1).zero(90);
    return List.of(
        new Work(
            "up",
            old,
            64 << 10,
            amender -> amender.version(3).refcountBits(64).lazyRefcounts(true)),
        new Work("down", flagged.build().bytes(), 64 << 10, amender -> amender.version(2)),
        new Work(
            "name",
            PlantedAmendRun.withLongHeader(),
            1 << 20,
            amender -> amender.dataFile("a".repeat(700))),
        new Work(
            "shrink",
            PlantedAmendRun.full(),
            10_240,
            amender -> amender.size(10_240).permitShrinking()));
  }

  private static void amend(FaultyStorage file, Work work) throws IOException {
    ImageAmender amender = Qcow2Image.amend(file);
    work.values.accept(amender);
    amender.run();
  }

  @ParameterizedTest
  @MethodSource("works")
  void failureOfAnyCallLeavesTheImageSound(Work work) throws IOException {
    byte[] content = SpecOracle.of(work.image).read(0, (int) work.kept);
    int failures = 0;
    for (boolean forGood : new boolean[] {false, true}) {
      boolean failed = true;
      for (int call = 1; failed && call < CALLS_AT_MOST; call++) {
        HeapStorage heap = HeapStorage.copyOf("image", work.image);
        FaultyStorage file = new FaultyStorage(heap);
        file.faults().plan(forGood ? Fault.at(call).forGood() : Fault.at(call));
        failed = false;
        try {
          amend(file, work);
        } catch (IOException e) {
          failed = true;
          failures++;
        }
        failed |= file.faults().hits() > 0;
        file.faults().heal();
        SpecOracle left = SpecOracle.of(heap.toByteArray());
        String when = work + ", call " + call + (forGood ? ", for good" : "");
        if (!left.header().isDirty()) {
          assertThat(left.check().isSafe()).as("%s: %s", when, left.check()).isTrue();
        }
        assertThat(Arrays.mismatch(left.read(0, (int) work.kept), content)).as(when).isEqualTo(-1);
        amend(file, work);
        SpecOracle done = SpecOracle.of(heap.toByteArray());
        assertThat(done.check().isSafe()).as("%s: %s", when, done.check()).isTrue();
        assertThat(Arrays.mismatch(done.read(0, (int) work.kept), content)).as(when).isEqualTo(-1);
      }
      assertThat(failed).isFalse();
    }
    assertThat(failures).isGreaterThan(10);
  }
}
