package io.github.qcow2.testkit.powercut;

import io.github.qcow2.testkit.model.DiskOperation;
import io.github.qcow2.testkit.oracle.ByteSource;
import io.github.qcow2.testkit.oracle.CheckResult;
import io.github.qcow2.testkit.qemu.QemuTools;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Does things to a disk, cuts the power at every moment, and judges what is left.
 *
 * <pre>{@code
 * PowerCutDisk disk = PowerCutDisk.of("4 KiB", ImageBuilder.of(12, 1 << 20).build().bytes());
 * PowerCutReport report = new PowerCutReport();
 * new PowerCutExperiment(disk, report)
 *     .run("one write", List.of(new DiskOperation.Write(0, 4096, 1), new DiskOperation.Flush()));
 * assertThat(report.findings()).isEmpty();
 * }</pre>
 *
 * <p>The specification's oracle judges every state. Some of them, which the content decides, are
 * judged by the library too, some by QEMU, and from some somebody recovers. A finding names the
 * disk, the history and the {@link CrashPoint}; {@link #only} judges that state alone.
 *
 * <p>Keeps no state outside its objects and the report, and does the same each time. Not
 * thread-safe; several experiments may run at once.
 */
public final class PowerCutExperiment {
  private final PowerCutDisk disk;
  private final PowerCutReport report;
  private CrashBounds bounds = CrashBounds.FULL;
  private CrashBounds recoveryBounds = CrashBounds.QUICK;
  private long seed;
  private int libraryOneIn = 1;
  private int recoverOneIn = 50;
  private int qemuOneIn;
  private @Nullable QemuTools qemu;
  private @Nullable Path directory;
  private @Nullable CrashPoint only;

  /**
   * Prepares an experiment.
   *
   * @param report what is added to
   */
  public PowerCutExperiment(PowerCutDisk disk, PowerCutReport report) {
    this.disk = disk;
    this.report = report;
  }

  /** Sets how much is tried for the history, and for the recovery from one state. */
  public PowerCutExperiment bounds(CrashBounds history, CrashBounds recovery) {
    bounds = history;
    recoveryBounds = recovery;
    return this;
  }

  /** Sets what random choices depend on; 0 if not. */
  public PowerCutExperiment seed(long number) {
    seed = number;
    return this;
  }

  /**
   * Sets how many of the states are also judged by the library, and how many are recovered from.
   *
   * @param library one in so many, 0 for none; all if not set
   * @param recovery one in so many, 0 for none; 50 if not set
   */
  public PowerCutExperiment rates(int library, int recovery) {
    libraryOneIn = library;
    recoverOneIn = recovery;
    return this;
  }

  /**
   * Lets QEMU's tools judge, too. A backing file has to be called {@code backing.raw}. Not for a
   * disk with an external data file, which {@code qemu-img} looks for in its working directory.
   *
   * @param oneIn one state in so many
   * @param files an empty directory that nobody else uses
   */
  public PowerCutExperiment qemu(QemuTools tools, int oneIn, Path files) {
    qemu = tools;
    qemuOneIn = oneIn;
    directory = files;
    return this;
  }

  /** Judges only one state of the history, by everybody. */
  public PowerCutExperiment only(CrashPoint point) {
    only = point;
    return this;
  }

  /**
   * Records a history, closes the image and judges what power cuts leave.
   *
   * @param name what findings call the history
   * @param history what is done, by one thread
   */
  public void run(String name, List<DiskOperation> history) throws IOException {
    PowerCutLog log = disk.log();
    GuestJournal journal = disk.journal(log);
    long findingsBefore = report.findingsTotal();
    record(log, journal, name, history);
    if (report.findingsTotal() == findingsBefore) {
      judgeEnd(log, journal, name);
      judge(log, journal, name);
    }
    if (report.findingsTotal() > findingsBefore) {
      report.explain(disk.name() + " | " + name + " is " + history);
    }
  }

  private void record(
      PowerCutLog log, GuestJournal journal, String name, List<DiskOperation> history) {
    try {
      JournaledDevice device = open(log, journal);
      try {
        for (DiskOperation operation : history) {
          if (operation instanceof DiskOperation.Reopen) {
            device.close();
            device = open(log, journal);
          } else {
            device.apply(operation);
          }
        }
      } finally {
        device.close();
      }
    } catch (IOException | RuntimeException e) {
      find(name, "recording", stackOf(e));
    }
  }

  private JournaledDevice open(PowerCutLog log, GuestJournal journal) throws IOException {
    return new JournaledDevice(disk.openWritable(log), journal, log);
  }

  /** Without a power cut, not even leaks are left. */
  private void judgeEnd(PowerCutLog log, GuestJournal journal, String name) throws IOException {
    byte[] image = log.open(PowerCutDisk.IMAGE).toByteArray();
    ByteSource data =
        disk.hasDataFile() ? ByteSource.of(log.open(PowerCutDisk.DATA_FILE).toByteArray()) : null;
    CheckResult result = disk.oracle(ByteSource.of(image), data).check();
    if (!result.isClean()) {
      find(name, "end", "check: " + result);
    }
    String fault = journal.findFault(disk.oracle(ByteSource.of(image), data).content(), log.now());
    if (fault != null) {
      find(name, "end", fault);
    }
  }

  /**
   * Judges what power cuts leave of something that was recorded by other means.
   *
   * @param name what findings call it
   */
  public void judge(PowerCutLog log, GuestJournal journal, String name) throws IOException {
    report.histories++;
    SpecJudge specification = new SpecJudge(disk, journal);
    LibraryJudge library = new LibraryJudge(disk, journal, specification);
    RecoveryJudge recovery = new RecoveryJudge(disk, recoveryBounds, report);
    QemuJudge outside =
        qemu == null || directory == null ? null : new QemuJudge(disk, journal, qemu, directory);
    CrashStates states = CrashStates.of(log).journal(journal).bounds(bounds).seed(seed);
    CrashStates.Visitor judges =
        state -> {
          report.count(state.digest());
          boolean fine = judge(specification, state, name);
          if (fine && isChosen(state, 1, libraryOneIn)) {
            report.byLibrary++;
            fine = judge(library, state, name);
          }
          if (fine && isChosen(state, 2, recoverOneIn)) {
            report.recoveries++;
            fine = judge(recovery, state, name);
          }
          if (fine && outside != null && isChosen(state, 3, qemuOneIn)) {
            report.byQemu++;
            judge(outside, state, name);
          }
        };
    if (only == null) {
      states.forEach(judges);
    } else {
      states.replay(only, judges);
    }
    report.mostLeaks = Math.max(report.mostLeaks, specification.mostLeaks());
  }

  /** What is chosen depends on nothing but the state. */
  private boolean isChosen(CrashState state, int purpose, int oneIn) {
    if (oneIn <= 1 || only != null) {
      return oneIn != 0;
    }
    return Long.remainderUnsigned(Digests.mix(state.digest() + purpose), oneIn) == 0;
  }

  private boolean judge(CrashJudge judge, CrashState state, String name) {
    String fault;
    try {
      fault = judge.findFault(state);
    } catch (IOException | RuntimeException e) {
      fault = stackOf(e);
    }
    if (fault != null) {
      find(name, state.toString(), fault);
    }
    return fault == null;
  }

  private void find(String name, String when, String fault) {
    report.find(disk.name() + " | " + name + " | " + when + ": " + fault);
  }

  private static String stackOf(Throwable thrown) {
    StringBuilder text = new StringBuilder(thrown.toString());
    for (StackTraceElement element : thrown.getStackTrace()) {
      text.append("\n    at ").append(element);
    }
    return text.toString();
  }
}
