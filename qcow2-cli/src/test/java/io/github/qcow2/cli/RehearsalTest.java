package io.github.qcow2.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RehearsalTest {
  @TempDir Path directory;

  @Test
  void everyCommandSucceeds() {
    assertThat(Rehearsal.run(directory)).isEmpty();
  }
}
