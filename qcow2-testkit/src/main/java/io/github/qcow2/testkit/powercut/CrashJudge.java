package io.github.qcow2.testkit.powercut;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** Somebody who finds out whether a state is one that a power cut may leave. */
@FunctionalInterface
public interface CrashJudge {
  /**
   * Looks at a state.
   *
   * @return what is wrong with it, or null
   * @throws IOException if it cannot be looked at, which is as bad
   */
  @Nullable String findFault(CrashState state) throws IOException;
}
