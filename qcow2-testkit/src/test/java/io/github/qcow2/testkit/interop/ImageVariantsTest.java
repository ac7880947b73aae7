package io.github.qcow2.testkit.interop;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** What the other tests of this package rely on to have run over. */
final class ImageVariantsTest {
  @Test
  void everyTwoChoicesThatCanMeetDoMeet() {
    assertThat(pairs(ImageVariants.all())).isEqualTo(pairs(ImageVariants.possible()));
    assertThat(ImageVariants.all().size()).isLessThan(120);
  }

  private static Set<String> pairs(List<ImageVariant> variants) {
    Set<String> pairs = new HashSet<>();
    for (ImageVariant variant : variants) {
      for (String first : variant.choices()) {
        for (String second : variant.choices()) {
          pairs.add(first + " with " + second);
        }
      }
    }
    return pairs;
  }
}
