package io.github.qcow2.testkit.planted;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The power-cut experiment finds the mistakes it is there to find, and no others. */
final class PlantedFaultTest {
  private static String firstFinding(PlantedLibrary library, String name) throws Exception {
    Callable<?> run = (Callable<?>) library.loadClass(name).getConstructor().newInstance();
    return (String) run.call();
  }

  @ParameterizedTest
  @EnumSource(PlantedFault.class)
  void plantedFaultIsFound(PlantedFault fault) throws Exception {
    assertThat(firstFinding(fault.library(), fault.run())).isNotEmpty();
  }

  @Test
  void nothingIsFoundWhereNothingIsPlanted() throws Exception {
    for (String run : List.of(PlantedFault.WRITING, PlantedFault.AMENDING)) {
      assertThat(firstFinding(new PlantedLibrary(Map.of()), run)).isEmpty();
    }
  }
}
