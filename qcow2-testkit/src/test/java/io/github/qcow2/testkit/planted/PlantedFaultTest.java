package io.github.qcow2.testkit.planted;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The power-cut experiment finds the mistakes it is there to find, and no others. */
final class PlantedFaultTest {
  private static final String RUN = "io.github.qcow2.testkit.powercut.PlantedRun";

  private static String firstFinding(PlantedLibrary library) throws Exception {
    Callable<?> run = (Callable<?>) library.loadClass(RUN).getConstructor().newInstance();
    return (String) run.call();
  }

  @ParameterizedTest
  @EnumSource(PlantedFault.class)
  void plantedFaultIsFound(PlantedFault fault) throws Exception {
    assertThat(firstFinding(fault.library())).isNotEmpty();
  }

  @Test
  void nothingIsFoundWhereNothingIsPlanted() throws Exception {
    assertThat(firstFinding(new PlantedLibrary(Map.of()))).isEmpty();
  }
}
