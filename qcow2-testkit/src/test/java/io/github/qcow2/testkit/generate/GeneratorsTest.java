package io.github.qcow2.testkit.generate;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.testkit.generate.ImageShape.Backing;
import io.github.qcow2.testkit.model.DiskOperation;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

final class GeneratorsTest {
  @Example
  void everyKindOfShapeTurnsUp() {
    Map<String, Integer> kinds = new TreeMap<>();
    ImageShapes.any()
        .sampleStream()
        .limit(2000)
        .forEach(shape -> kindsOf(shape).forEach(kind -> kinds.merge(kind, 1, Integer::sum)));

    assertThat(kinds).containsKeys("version 2", "version 3", "extended", "tail", "many tables");
    assertThat(kinds).containsKeys("RAW -1", "RAW 0", "RAW 1", "QCOW2 -1", "QCOW2 0", "QCOW2 1");
    assertThat(kinds).containsKeys("NONE 0");
    for (int bits = 9; bits <= 21; bits++) {
      assertThat(kinds).containsKey("bits " + bits);
    }
    for (int order = 0; order <= 6; order++) {
      assertThat(kinds).containsKey("order " + order);
    }
    for (String common : List.of("version 2", "extended", "tail", "many tables", "bits 9")) {
      assertThat(kinds.get(common)).as(common).isGreaterThan(100);
    }
  }

  private static List<String> kindsOf(ImageShape shape) {
    List<String> kinds = new ArrayList<>();
    kinds.add("version " + shape.version());
    kinds.add("bits " + shape.clusterBits());
    kinds.add("order " + shape.refcountOrder());
    if (shape.extendedL2()) {
      kinds.add("extended");
    }
    if (shape.size() % shape.clusterSize() != 0) {
      kinds.add("tail");
    }
    if (shape.size() > shape.bytesPerL2Table()) {
      kinds.add("many tables");
    }
    boolean backed = shape.backing() != Backing.NONE;
    kinds.add(
        shape.backing() + " " + (backed ? Long.signum(shape.backingSize() - shape.size()) : 0));
    return kinds;
  }

  @Property(tries = 500)
  void operationsLieInsideTheDisk(@ForAll DiskHistory history) {
    assertThat(history.operations()).isNotEmpty().hasSizeLessThanOrEqualTo(40);
    for (DiskOperation operation : history.operations()) {
      if (operation instanceof DiskOperation.Write write) {
        assertInside(history.shape(), write.position(), write.length());
        assertThat(write.bytes()).hasSize(write.length());
      } else if (operation instanceof DiskOperation.WriteZeroes zeroes) {
        assertInside(history.shape(), zeroes.position(), zeroes.length());
      } else if (operation instanceof DiskOperation.Discard discard) {
        assertInside(history.shape(), discard.position(), discard.length());
      } else if (operation instanceof DiskOperation.Read read) {
        assertInside(history.shape(), read.position(), read.length());
      }
    }
  }

  private static void assertInside(ImageShape shape, long position, int length) {
    assertThat(position).isNotNegative();
    assertThat(length).isPositive();
    assertThat(position + length).isLessThanOrEqualTo(shape.size());
  }
}
