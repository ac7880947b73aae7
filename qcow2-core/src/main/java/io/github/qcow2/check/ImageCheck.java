package io.github.qcow2.check;

import io.github.qcow2.error.LimitExceededException;
import io.github.qcow2.error.OperationCancelledException;
import io.github.qcow2.error.UnsupportedFeatureException;
import io.github.qcow2.format.Limits;
import io.github.qcow2.progress.Progress;
import io.github.qcow2.storage.FileStorage;
import io.github.qcow2.storage.Storage;
import java.io.IOException;
import java.nio.file.Path;

/**
 * Looks for errors in an image without changing it: counts every reference to every cluster of the
 * file, compares the result with the reference counts that the file stores, and checks every table
 * entry on the way.
 *
 * <pre>{@code
 * CheckReport report = ImageCheck.of(path).run();
 * if (report.corruptions() > 0) { ... }
 * }</pre>
 *
 * <p>Whatever {@code qemu-img check} counts as a corruption or a leak is counted alike here. In
 * addition, this check reports what a read would refuse although {@code qemu-img check} passes it:
 * a zero flag in a version 2 image, an entry whose place in the data file is not its guest offset,
 * compressed data in the header's cluster, bit 0 of an extended L2 entry, tables that overlap under
 * reference counts that agree, snapshots next to a data file.
 *
 * <ul>
 *   <li><b>Files:</b> only the image itself is opened, never a backing or data file, so it is safe
 *       to check an image of a stranger. The guest data is not read, so encrypted images can be
 *       checked without their key.
 *   <li><b>Memory</b> is bounded by {@link #memory}; usual needs are 4 MiB for each TiB of a file
 *       with 64 KiB clusters, more with snapshots, and a few MiB besides.
 *   <li><b>Time</b> is bounded by {@link #tables}. A table is read once, however many snapshots
 *       share it.
 *   <li><b>Writers:</b> a file that is written to meanwhile gives findings that mean nothing, so
 *       one that is open for writing is refused; one opened with {@link
 *       io.github.qcow2.storage.LockMode#OFF} can be checked nevertheless. An image that is open in
 *       this process is checked through {@link io.github.qcow2.Qcow2Image#hostStorage}, after a
 *       flush.
 *   <li><b>Threads:</b> the calling thread checks, one more reads ahead. Interrupting the calling
 *       thread cancels; its flag stays set.
 * </ul>
 */
public final class ImageCheck {
  /** How much memory a check may use unless {@link #memory} says otherwise: 256 MiB. */
  public static final long DEFAULT_MEMORY = 256L << 20;

  /**
   * How many bytes of tables a check may read unless {@link #tables} says otherwise: 8 GiB. With 64
   * KiB clusters the L2 tables of 64 TiB of disk have that size.
   */
  public static final long DEFAULT_TABLES = 8L << 30;

  /** Looks at a file that is open. */
  private interface Work<T> {
    T on(Storage storage) throws IOException;
  }

  /** Opens the file, if that is to be done, for as long as the work takes. */
  private interface Opening {
    <T> T run(Work<T> work) throws IOException;
  }

  /** A file that is opened for the work. */
  private record OfPath(Path path) implements Opening {
    @Override
    public <T> T run(Work<T> work) throws IOException {
      try (Storage storage = FileStorage.open(path)) {
        return work.on(storage);
      }
    }
  }

  /** A file that is open already. */
  private record OfStorage(Storage storage) implements Opening {
    @Override
    public <T> T run(Work<T> work) throws IOException {
      return work.on(storage);
    }
  }

  private final Opening opening;
  private Limits limits = Limits.DEFAULT;
  private Progress progress = Progress.NONE;
  private long memory = DEFAULT_MEMORY;
  private long tables = DEFAULT_TABLES;

  private ImageCheck(Opening opening) {
    this.opening = opening;
  }

  /**
   * A check of a file, which is opened read-only, and locked against writers where that is
   * possible, for as long as {@link #run} takes.
   */
  public static ImageCheck of(Path path) {
    return new ImageCheck(new OfPath(path));
  }

  /** A check of a file that is open already. It stays open. */
  public static ImageCheck of(Storage storage) {
    return new ImageCheck(new OfStorage(storage));
  }

  /** How much the image may ask for. Default: {@link Limits#DEFAULT}. */
  public ImageCheck limits(Limits limits) {
    this.limits = limits;
    return this;
  }

  /** Who is told how far the check has come, in bytes of tables, and may cancel it. */
  public ImageCheck progress(Progress progress) {
    this.progress = progress;
    return this;
  }

  /**
   * The bytes of memory that may be used for what grows with the image.
   *
   * @throws IllegalArgumentException if not positive
   */
  public ImageCheck memory(long bytes) {
    this.memory = positive(bytes);
    return this;
  }

  /**
   * The bytes of tables that may be read.
   *
   * @throws IllegalArgumentException if not positive
   */
  public ImageCheck tables(long bytes) {
    this.tables = positive(bytes);
    return this;
  }

  /**
   * Checks the image.
   *
   * @throws UnsupportedFeatureException if it is no qcow2 image, or one with features that change
   *     what its tables mean
   * @throws LimitExceededException if the image goes beyond a limit
   * @throws OperationCancelledException if the progress listener or an interrupt stopped the check
   * @throws IOException if the header cannot be understood, or the file not be read
   */
  public CheckReport run() throws IOException {
    return opening.run(storage -> new CheckRun(storage, limits, progress, budget(storage)).run());
  }

  /**
   * Only counts the references to each cluster, without a look at the counts that the file stores.
   *
   * @throws UnsupportedFeatureException as with {@link #run}
   * @throws LimitExceededException if the image goes beyond a limit
   * @throws OperationCancelledException if the progress listener or an interrupt stopped it
   * @throws IOException if the header cannot be understood, or the file not be read
   */
  public Recount recount() throws IOException {
    return opening.run(storage -> Recount.of(storage, limits, progress, budget(storage)));
  }

  private CheckBudget budget(Storage image) {
    return new CheckBudget(image.name(), memory, tables);
  }

  private static long positive(long bytes) {
    if (bytes <= 0) {
      throw new IllegalArgumentException(bytes + " bytes");
    }
    return bytes;
  }
}
