package io.github.qcow2.testkit.powercut;

import io.github.qcow2.Qcow2Image;
import io.github.qcow2.testkit.model.Content;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * Cuts the power again while somebody recovers from the first time: opens the image for writing,
 * writes three times, flushes and closes, and judges what a power cut leaves of that.
 */
final class RecoveryJudge implements CrashJudge {
  private static final int WRITES = 3;
  private static final int MOST_BYTES = 3000;
  private static final int SECTOR = Digests.SECTOR;

  private final PowerCutDisk disk;
  private final CrashBounds bounds;
  private final PowerCutReport report;

  /**
   * Prepares to recover.
   *
   * @param report where the states of recoveries are counted
   */
  RecoveryJudge(PowerCutDisk disk, CrashBounds bounds, PowerCutReport report) {
    this.disk = disk;
    this.bounds = bounds;
    this.report = report;
  }

  @Override
  public @Nullable String findFault(CrashState state) throws IOException {
    PowerCutLog log = state.recover();
    GuestJournal journal = new GuestJournal(log, disk.oracle(state).content(), disk.windows());
    SpecJudge specification = new SpecJudge(disk, journal);
    Random random = new Random(state.digest());
    try (JournaledDevice device = record(log, journal)) {
      for (int i = 0; i < WRITES; i++) {
        writeSomewhere(device, journal, random);
      }
      device.flush();
    }
    String[] fault = new String[1];
    CrashStates.of(log)
        .journal(journal)
        .bounds(bounds)
        .seed(state.digest())
        .forEach(
            each -> {
              report.countDuringRecovery(each.digest());
              if (fault[0] == null) {
                String found = specification.findFault(each);
                fault[0] = found == null ? null : "recovery, " + each + ": " + found;
              }
            });
    return fault[0];
  }

  private JournaledDevice record(PowerCutLog log, GuestJournal journal) throws IOException {
    Qcow2Image image = disk.openWritable(log);
    return new JournaledDevice(image, journal, log);
  }

  private static void writeSomewhere(JournaledDevice device, GuestJournal journal, Random random)
      throws IOException {
    List<GuestJournal.Window> windows = journal.windows();
    GuestJournal.Window window = windows.get(random.nextInt(windows.size()));
    long end = Math.min(device.size(), window.end());
    if (window.position() < end) {
      int sectors = (int) ((end - window.position()) / SECTOR);
      long position = window.position() + (long) random.nextInt(sectors) * SECTOR;
      int length = (int) Math.min(1 + random.nextInt(MOST_BYTES), end - position);
      byte[] bytes = Content.bytes(random.nextLong(), position, length);
      device.write(ByteBuffer.wrap(bytes), position);
    }
  }
}
