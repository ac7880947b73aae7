package io.github.qcow2.allocation;

import java.util.concurrent.atomic.AtomicBoolean;
import org.jetbrains.lincheck.Lincheck;
import org.junit.jupiter.api.Test;

/** Nobody is inside with an old address when the gate says so, under many interleavings. */
final class OperationGateLincheckTest {
  @Test
  void clusterIsOutOfReachTwoPhasesAfterItsMappingHasGone() {
    Lincheck.runConcurrentTest(
        1_000,
        () -> {
          OperationGate gate = new OperationGate();
          AtomicBoolean mapped = new AtomicBoolean(true);
          AtomicBoolean reused = new AtomicBoolean();
          AtomicBoolean sawForeign = new AtomicBoolean();
          Thread reader =
              new Thread(
                  () -> {
                    int ticket = gate.enter();
                    boolean seen = mapped.get();
                    if (seen && reused.get()) {
                      sawForeign.set(true);
                    }
                    gate.exit(ticket);
                  });
          reader.start();
          mapped.set(false);
          long dropped = gate.phase();
          for (int i = 0; i < 2; i++) {
            if (dropped + 2 <= gate.advance()) {
              reused.set(true);
            }
          }
          join(reader);
          if (sawForeign.get()) {
            throw new AssertionError("the cluster was used again under a reader");
          }
        });
  }

  private static void join(Thread thread) {
    try {
      thread.join();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
