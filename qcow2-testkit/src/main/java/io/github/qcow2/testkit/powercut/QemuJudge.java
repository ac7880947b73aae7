package io.github.qcow2.testkit.powercut;

import io.github.qcow2.testkit.oracle.ByteSource;
import io.github.qcow2.testkit.qemu.QemuCheck;
import io.github.qcow2.testkit.qemu.QemuTools;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Judges with QEMU's tools: {@code qemu-img check} finds nothing but leaks, and what {@code
 * qemu-img convert} reads is what the {@link GuestJournal} allows. An image whose dirty bit is set
 * is opened for writing by the library first. Writes files into a directory, always the same.
 */
final class QemuJudge implements CrashJudge {
  private static final String BACKING_NAME = "backing.raw";

  private final PowerCutDisk disk;
  private final GuestJournal journal;
  private final QemuTools qemu;
  private final Path directory;

  QemuJudge(PowerCutDisk disk, GuestJournal journal, QemuTools qemu, Path directory)
      throws IOException {
    this.disk = disk;
    this.journal = journal;
    this.qemu = qemu;
    this.directory = directory;
    byte[] backing = disk.backing();
    if (backing != null) {
      Files.write(directory.resolve(BACKING_NAME), backing);
    }
  }

  @Override
  public @Nullable String findFault(CrashState state) throws IOException {
    ScratchStorage image = state.scratch(PowerCutDisk.IMAGE);
    if (disk.oracle(state).header().isDirty()) {
      disk.openWritable(image, null).close();
    }
    Path path = Files.write(directory.resolve("image.qcow2"), image.toByteArray());
    QemuCheck check = qemu.check(path);
    if (check.corruptions() > 0 || check.checkErrors() > 0) {
      return "qemu-img check: " + check.output();
    }
    String fault = journal.findFault(ByteSource.of(qemu.content(path)), state.instant());
    return fault == null ? null : "qemu-img convert: " + fault;
  }
}
