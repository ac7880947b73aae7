package io.github.qcow2.testkit.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

final class ContentTest {
  @Property(tries = 300)
  void partOfTheContentIsTheContentOfThePart(
      @ForAll long seed,
      @ForAll @IntRange(max = 100) int from,
      @ForAll @IntRange(max = 100) int length) {
    byte[] whole = Content.bytes(seed, 1 << 20, 200);

    assertThat(Content.bytes(seed, (1 << 20) + from, length))
        .isEqualTo(Arrays.copyOfRange(whole, from, from + length));
  }

  @Test
  void noTwoPlacesAndNoTwoSeedsHoldTheSameWord() {
    Set<String> words = new HashSet<>();
    for (long seed = 0; seed < 50; seed++) {
      for (long position = 0; position < 8_000; position += 8) {
        assertThat(words.add(Arrays.toString(Content.bytes(seed, position, 8)))).isTrue();
      }
    }
  }
}
