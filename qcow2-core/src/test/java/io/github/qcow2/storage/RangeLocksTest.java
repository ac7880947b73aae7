package io.github.qcow2.storage;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class RangeLocksTest {
  @TempDir Path directory;
  private final FakeLocks system = new FakeLocks();
  private final List<RangeLocks> opened = new ArrayList<>();
  private Path path;

  /** What QEMU's tools were seen to lock and to mind, by what they do with a file. */
  @SuppressWarnings("ImmutableEnumChecker")
  private enum Qemu {
    WRITING_QCOW2(List.of(100, 101, 103, 201, 203), List.of(200, 201, 203, 101, 103)),
    WRITING_RAW(List.of(100, 101), List.of(200, 201)),
    READING_QCOW2(List.of(100, 201, 203), List.of(200, 101, 103)),
    READING_RAW(List.of(100), List.of(200));

    final List<Integer> locked;
    final List<Integer> minded;

    Qemu(List<Integer> locked, List<Integer> minded) {
      this.locked = locked;
      this.minded = minded;
    }

    boolean writes() {
      return locked.contains(101);
    }

    /** Whether this and somebody of ours may have the file open at the same time. */
    boolean goesWith(LockClaim claim) {
      return claim == LockClaim.READER ? !writes() : this == READING_RAW;
    }
  }

  @BeforeEach
  void makeFile() throws IOException {
    path = Files.write(directory.resolve("image"), new byte[1]);
  }

  @AfterEach
  void closeFile() {
    closeAll();
  }

  @Test
  void writerHoldsTheBytesOfQemusWriters() throws IOException {
    assertThat(locks("us", LockClaim.WRITER).take()).isNull();

    assertThat(system.heldBy("us")).containsExactly(100L, 101L, 103L, 201L, 203L);
  }

  @Test
  void readerHoldsTheBytesOfQemusReaders() throws IOException {
    assertThat(locks("us", LockClaim.READER).take()).isNull();

    assertThat(system.heldBy("us")).containsExactly(100L, 201L, 203L);
  }

  @Test
  void readersShareTheFile() throws IOException {
    assertThat(locks("one", LockClaim.READER).take()).isNull();
    assertThat(locks("two", LockClaim.READER).take()).isNull();
  }

  @Test
  void secondWriterIsRefused() throws IOException {
    assertThat(locks("one", LockClaim.WRITER).take()).isNull();

    assertThat(locks("two", LockClaim.WRITER).take())
        .isEqualTo("another process has the file open for writing");
    assertThat(system.heldBy("two")).isEmpty();
    assertThat(system.heldBy("one")).hasSize(5);
  }

  @Test
  void readerIsRefusedByAWriter() throws IOException {
    assertThat(locks("one", LockClaim.WRITER).take()).isNull();

    assertThat(locks("two", LockClaim.READER).take())
        .isEqualTo("another process has the file open for writing");
    assertThat(system.heldBy("two")).isEmpty();
  }

  @Test
  void writerIsRefusedByAReader() throws IOException {
    assertThat(locks("one", LockClaim.READER).take()).isNull();

    assertThat(locks("two", LockClaim.WRITER).take())
        .isEqualTo("another process does not allow others to write to the file");
    assertThat(system.heldBy("two")).isEmpty();
    assertThat(system.heldBy("one")).hasSize(3);
  }

  @ParameterizedTest
  @EnumSource
  void whoIsThereFirstKeepsQemuOutOrIsKeptOut(Qemu qemu) throws IOException {
    for (LockClaim claim : LockClaim.values()) {
      qemu.locked.forEach(position -> system.lock("qemu", position, true));
      assertThat(locks("us", claim).take() == null)
          .as("%s after %s", claim, qemu)
          .isEqualTo(qemu.goesWith(claim));
      closeAll();

      locks("us", claim).take();
      assertThat(qemu.minded.stream().noneMatch(at -> system.isLockedByOthers("qemu", at)))
          .as("%s after %s", qemu, claim)
          .isEqualTo(qemu.goesWith(claim));
      closeAll();
    }
  }

  /**
   * QEMU locks its bytes at one moment of ours and looks at those of others at the same moment or a
   * later one: for all such pairs of moments.
   */
  @ParameterizedTest
  @EnumSource
  void atNoMomentCanQemuSlipIn(Qemu qemu) throws IOException {
    for (LockClaim claim : LockClaim.values()) {
      if (qemu.goesWith(claim)) {
        continue;
      }
      int steps = steps(() -> assertThat(locks("us", claim).take()).isNull());
      closeAll();
      for (int first = 1; first <= steps; first++) {
        for (int second = first; second <= steps + 1; second++) {
          Newcomer newcomer = new Newcomer(qemu, first, second);
          system.beforeStep(newcomer::step);
          boolean opened = locks("us", claim).take() == null;
          system.beforeStep(() -> {});
          newcomer.finish();

          assertThat(opened && newcomer.opened)
              .as("%s and %s, who came at steps %d and %d", claim, qemu, first, second)
              .isFalse();
          closeAll();
        }
      }
    }
  }

  /** Taking locks that are there already does not let anybody in who wants to write as well. */
  @ParameterizedTest
  @EnumSource
  void locksAreNotGivenUpWhenTheyAreTakenAgain(LockClaim claim) throws IOException {
    RangeLocks ours = locks("us", claim);
    assertThat(ours.take()).isNull();
    Set<Long> held = system.heldBy("us");
    int steps = steps(() -> assertThat(ours.take()).isNull());
    for (Qemu qemu : List.of(Qemu.WRITING_QCOW2, Qemu.READING_QCOW2)) {
      for (int step = 1; !qemu.goesWith(claim) && step <= steps; step++) {
        Newcomer newcomer = new Newcomer(qemu, step, step);
        system.beforeStep(newcomer::step);
        assertThat(ours.take()).isNull();
        system.beforeStep(() -> {});

        assertThat(newcomer.opened).as("%s at step %d", qemu, step).isFalse();
        assertThat(system.heldBy("us")).isEqualTo(held);
      }
    }
  }

  @Test
  void attemptOfAnotherAtTheSameMomentIsNoReasonToRefuse() throws IOException {
    system.lock("other", 101, false);
    int[] steps = new int[1];
    system.beforeStep(
        () -> {
          if (++steps[0] == 5) {
            system.unlock("other", 101);
          }
        });

    assertThat(locks("us", LockClaim.READER).take()).isNull();
  }

  @Test
  void interruptIsKeptForTheCaller() throws IOException {
    system.lock("other", 101, true);
    Thread.currentThread().interrupt();

    assertThat(locks("us", LockClaim.READER).take()).isNotNull();
    assertThat(Thread.interrupted()).isTrue();
  }

  private interface Opening {
    void run() throws IOException;
  }

  /** How many moments there are at which somebody else could come. */
  private int steps(Opening opening) throws IOException {
    int[] steps = new int[1];
    system.beforeStep(() -> steps[0]++);
    opening.run();
    system.beforeStep(() -> {});
    return steps[0];
  }

  private RangeLocks locks(String process, LockClaim claim) throws IOException {
    RangeLocks locks =
        RangeLocks.open(HostFile.at(path), claim, system.as(process), FileChannel::close);
    opened.add(locks);
    return locks;
  }

  /** Everything of us and of QEMU is closed. */
  private void closeAll() {
    opened.forEach(RangeLocks::close);
    opened.clear();
    system.drop("us");
    system.drop("qemu");
  }

  private final class Newcomer {
    private final Qemu qemu;
    private final int first;
    private final int second;
    private int step;
    private boolean present;
    boolean opened;

    Newcomer(Qemu qemu, int first, int second) {
      this.qemu = qemu;
      this.first = first;
      this.second = second;
    }

    void step() {
      step++;
      if (step == first) {
        present = qemu.locked.stream().allMatch(at -> system.lock("qemu", at, true));
        leaveUnless(present);
      }
      if (step == second) {
        look();
      }
    }

    void finish() {
      if (step < second) {
        look();
      }
    }

    private void look() {
      opened = present && qemu.minded.stream().noneMatch(at -> system.isLockedByOthers("qemu", at));
      leaveUnless(opened);
    }

    private void leaveUnless(boolean stays) {
      if (!stays) {
        present = false;
        system.drop("qemu");
      }
    }
  }
}
