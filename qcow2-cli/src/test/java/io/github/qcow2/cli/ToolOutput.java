package io.github.qcow2.cli;

import java.util.function.UnaryOperator;

/** What a run of a tool came to. */
record ToolOutput(int exitCode, String stdout, String stderr) {
  /** The same with both streams changed. */
  ToolOutput map(UnaryOperator<String> change) {
    return new ToolOutput(exitCode, change.apply(stdout), change.apply(stderr));
  }
}
