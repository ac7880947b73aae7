package io.github.qcow2.testkit.amend;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.testkit.build.ImageBuilder;
import io.github.qcow2.testkit.build.RandomImage;
import io.github.qcow2.testkit.generate.ImageShape;
import io.github.qcow2.testkit.powercut.CrashBounds;
import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Changes that are made of several are made one after the other, each as a whole. */
final class PowerCutAmendTest {
  private static final CrashBounds SOME = new CrashBounds(8, 8, 5, 4, 300);

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void severalChangesAreMadeOneAfterTheOther(int seed) throws IOException {
    ImageShape shape = new ImageShape(2, 9, 4, false, 64 << 10, ImageShape.Backing.NONE, 0);
    byte[] image = RandomImage.describe(shape, seed).build().bytes();
    AmendTrial up =
        new AmendTrial(image, amender -> amender.version(3).refcountBits(64).lazyRefcounts(true));
    assertThat(up.mayLeak().bounds(SOME).cutPower()).isGreaterThan(4);
    AmendTrial down = new AmendTrial(up.amended(), amender -> amender.version(2).refcountBits(16));
    assertThat(down.mayLeak().bounds(SOME).cutPower()).isGreaterThan(4);
  }

  @Test
  void imageThatWasNotClosedIsRepairedAndThenAmended() throws IOException {
    ImageShape shape = new ImageShape(3, 9, 4, false, 64 << 10, ImageShape.Backing.NONE, 0);
    ImageBuilder dirty = RandomImage.describe(shape, 5).features(1, 0, 0);
    AmendTrial trial = new AmendTrial(dirty.build().bytes(), amender -> amender.refcountBits(32));
    assertThat(trial.bounds(SOME).cutPower()).isGreaterThan(4);
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 512, 20_480, 33_280, 97_792})
  void diskThatShrinksHasOneSizeOrTheOtherAndNothingComesBack(long size) throws IOException {
    assertThat(new ShrinkTrial(PlantedAmendRun.full(), size).cutPower()).isGreaterThan(3);
  }
}
