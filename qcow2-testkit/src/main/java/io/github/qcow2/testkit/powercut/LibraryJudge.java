package io.github.qcow2.testkit.powercut;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.Extent;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.check.CheckReport;
import io.github.qcow2.check.ImageCheck;
import io.github.qcow2.storage.Storage;
import io.github.qcow2.testkit.oracle.ByteSource;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Judges with the library: it opens the image read-only, reads all of it, checks it, and opens it
 * for writing. Whatever opening for writing has changed by the time it is closed is judged by the
 * specification again, and then nothing is excused.
 */
final class LibraryJudge implements CrashJudge {
  private final PowerCutDisk disk;
  private final GuestJournal journal;
  private final SpecJudge specification;
  private final long sizeAtFirst;
  private final List<Extent> storedElsewhere;

  LibraryJudge(PowerCutDisk disk, GuestJournal journal, SpecJudge specification)
      throws IOException {
    this.disk = disk;
    this.journal = journal;
    this.specification = specification;
    PowerCutLog untouched = disk.log();
    Storage data = disk.hasDataFile() ? untouched.open(PowerCutDisk.DATA_FILE) : null;
    try (Qcow2Image image = disk.openReadOnly(untouched.open(PowerCutDisk.IMAGE), data)) {
      this.sizeAtFirst = image.size();
      this.storedElsewhere = elsewhere(image);
    }
  }

  @Override
  public @Nullable String findFault(CrashState state) throws IOException {
    boolean dirty;
    ScratchStorage data = disk.hasDataFile() ? state.scratch(PowerCutDisk.DATA_FILE) : null;
    try (Qcow2Image image = disk.openReadOnly(state.scratch(PowerCutDisk.IMAGE), data)) {
      dirty = image.header().isDirty();
      String fault = findWrongContent(image, state.instant());
      if (fault != null) {
        return fault;
      }
    }
    if (!dirty) {
      CheckReport report = ImageCheck.of(state.storage(PowerCutDisk.IMAGE)).run();
      if (report.corruptions() > 0 || report.checkErrors() > 0) {
        return "the library's check: " + report.findings();
      }
    }
    return openForWriting(state, dirty);
  }

  private @Nullable String openForWriting(CrashState state, boolean dirty) throws IOException {
    ScratchStorage image = state.scratch(PowerCutDisk.IMAGE);
    ScratchStorage data = disk.hasDataFile() ? state.scratch(PowerCutDisk.DATA_FILE) : null;
    disk.openWritable(image, data).close();
    if (!image.isChanged() && !dirty) {
      return null;
    }
    String fault =
        specification.findFault(
            disk.oracle(
                ByteSource.of(image.toByteArray()),
                data == null ? null : ByteSource.of(data.toByteArray())),
            state.instant(),
            false);
    return fault == null ? null : "after opening for writing, " + fault;
  }

  private @Nullable String findWrongContent(Qcow2Image image, long instant) throws IOException {
    String fault = journal.findFault(source(image), instant);
    if (fault != null) {
      return "the library's read: " + fault;
    }
    for (int i = 0; i < specification.snapshots(); i++) {
      try (BlockDevice snapshot = image.openSnapshot(image.snapshots().get(i).id())) {
        if (!specification.isSnapshot(i, source(snapshot))) {
          return "the library's read of snapshot " + i;
        }
      }
    }
    return storedElsewhere.equals(elsewhere(image))
        ? null
        : "outside the windows something is stored otherwise than before";
  }

  /** How everything is stored that is outside the windows, where nothing is ever changed. */
  private List<Extent> elsewhere(Qcow2Image image) throws IOException {
    List<Extent> extents = new ArrayList<>();
    long at = 0;
    for (GuestJournal.Window window : journal.windows()) {
      if (at < window.position() && at < sizeAtFirst) {
        extents.addAll(image.extents(at, Math.min(window.position(), sizeAtFirst) - at).toList());
      }
      at = window.end();
    }
    return extents;
  }

  static ByteSource source(BlockDevice device) {
    return new ByteSource() {
      @Override
      public long size() {
        return device.size();
      }

      @Override
      public void read(long position, byte[] target, int offset, int length) throws IOException {
        int inside = (int) Math.max(0, Math.min(length, device.size() - position));
        device.read(ByteBuffer.wrap(target, offset, inside), position);
        Arrays.fill(target, offset + inside, offset + length, (byte) 0);
      }
    };
  }
}
