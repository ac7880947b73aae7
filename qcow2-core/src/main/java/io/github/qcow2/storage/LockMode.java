package io.github.qcow2.storage;

/**
 * Whether a host file is locked against other programs while it is open.
 *
 * <p>The locks are those of QEMU: shared record locks on single bytes from offset 100 (what a
 * program does with the file) and from offset 200 (what it does not want others to do), so that a
 * virtual machine, {@code qemu-nbd}, {@code qemu-img} and this library refuse each other's files.
 * Any number may have a file open for reading; who has it open for writing is alone with it.
 *
 * <ul>
 *   <li><b>Within this process</b> the same rule is kept by a register of open files, also where
 *       the file system has no locks. Two storages that read one file share its locks.
 *   <li><b>With a {@link HostFileProvider}</b> that has them, the locks are those of one
 *       descriptor: nothing but closing the storage drops them, neither other code that opens and
 *       closes the file nor an interrupt, and a writer is seen through a file that may only be
 *       read, too. What follows is about locks as Java has them.
 *   <li><b>The operating system drops all of a process's locks on a file as soon as the process
 *       closes any descriptor of it.</b> Storages know about each other and avoid that. Other code
 *       of the process cannot: whoever reads an open image by other means (say, {@link
 *       java.nio.file.Files#readAllBytes}) leaves it without locks, and nobody notices.
 *   <li><b>An interrupt</b> closes a channel, and so drops the locks for a moment; they are taken
 *       again before the operation is repeated. If another program has come in between, the storage
 *       fails with {@link io.github.qcow2.error.ImageLockedException} from then on, and nothing
 *       more is written.
 *   <li><b>A file that may only be read</b> by this process: Java can look for the lock of another
 *       only where it may write. Such a file is locked against writers that come later; one that is
 *       there already is not seen.
 *   <li><b>Cost:</b> a second file descriptor for each locked file. For a file that is opened
 *       read-only it is opened for reading and writing, if that is allowed; nothing is ever written
 *       through it.
 * </ul>
 */
public enum LockMode {
  /**
   * Neither takes locks nor respects those of others; also for two storages of one process. To look
   * at an image while a virtual machine writes to it: what is read may be out of date or
   * inconsistent. Writing so corrupts the image as soon as anybody else writes as well.
   */
  OFF,

  /**
   * Takes locks, and goes on without where the file system has none, after a warning in the log.
   * The default everywhere.
   */
  AUTO,

  /**
   * Takes locks, and refuses to open the file where that is not possible, or where a writer could
   * not be seen, with {@link io.github.qcow2.error.UnsupportedFeatureException}.
   */
  REQUIRED
}
