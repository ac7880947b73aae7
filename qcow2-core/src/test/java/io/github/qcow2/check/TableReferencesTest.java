package io.github.qcow2.check;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.qcow2.error.LimitExceededException;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

final class TableReferencesTest {
  @Property(tries = 50)
  void referencesAreCountedPerTable(@ForAll long seed, @ForAll @IntRange(max = 5000) int count)
      throws LimitExceededException {
    TableReferences tables = new TableReferences(new CheckBudget("image", 1 << 30, 0));
    Random random = new Random(seed);
    Map<Long, int[]> expected = new HashMap<>();
    for (int i = 0; i < count; i++) {
      long offset = (1 + random.nextInt(count)) * 512L;
      boolean active = random.nextBoolean();
      tables.add(offset, active, i);
      int[] counts = expected.computeIfAbsent(offset, key -> new int[3]);
      counts[0]++;
      if (active && counts[1]++ == 0) {
        counts[2] = i;
      }
    }

    assertThat(tables.size()).isEqualTo(expected.size());
    assertThat(tables.sortedOffsets())
        .isSorted()
        .containsExactlyInAnyOrder(expected.keySet().toArray(new Long[0]));
    expected.forEach(
        (offset, counts) -> {
          assertThat(tables.total(offset)).isEqualTo(counts[0]);
          assertThat(tables.active(offset)).isEqualTo(counts[1]);
          assertThat(tables.firstActiveIndex(offset)).isEqualTo(counts[2]);
        });
  }

  @Test
  void memoryIsAccountedFor() throws LimitExceededException {
    TableReferences tables = new TableReferences(new CheckBudget("image", 1 << 20, 0));

    assertThatExceptionOfType(LimitExceededException.class)
        .isThrownBy(
            () -> {
              for (long i = 1; i < 1_000_000; i++) {
                tables.add(i * 512, true, 0);
              }
            });
  }
}
