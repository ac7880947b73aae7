package io.github.qcow2;

import io.github.qcow2.format.Limits;
import io.github.qcow2.progress.Progress;
import io.github.qcow2.storage.FileStorage;
import io.github.qcow2.storage.LockMode;
import io.github.qcow2.storage.Storage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Collects what an existing image is to become; got from {@link Qcow2Image#amend(Path)}. What no
 * method is called for stays as it is. Used by one thread, for one image, which nobody has open.
 *
 * <pre>{@code
 * Qcow2Image.amend(path).refcountBits(64).lazyRefcounts(true).run();
 * }</pre>
 *
 * <p><b>Durability:</b> everything that can be refused is refused before the first byte is written.
 * Changes are made one after the other, in the order in which qemu-img makes them: refcount width,
 * lazy refcounts. Each is durable before the next begins, and each is made as a whole or not at
 * all: after a power cut the image is sound, and what was changed so far has been changed. {@link
 * #run()} with the same values completes it. The guest's data is never touched.
 *
 * <p>Header extensions and fields that this library does not know are kept, byte for byte.
 * Autoclear feature bits that it does not know are cleared, as the format demands of whoever
 * changes an image.
 */
public final class ImageAmender {
  private final @Nullable Path path;
  private final @Nullable Storage storage;
  private final ImageOptions options = new ImageOptions();
  private final AmendedValues values = new AmendedValues();
  private Progress progress = Progress.NONE;

  ImageAmender(Path path) {
    this.path = path;
    this.storage = null;
  }

  ImageAmender(Storage storage, @Nullable Path path) {
    this.path = path;
    this.storage = storage;
  }

  /**
   * Sets the width of refcounts in bits: 1, 2, 4, 8, 16, 32 or 64; version 2 has 16 only. Takes one
   * read of all refcounts, and room in the file for all of them in the new width.
   */
  public ImageAmender refcountBits(int bits) {
    values.refcountOrder = ImageCreator.exponent("refcount width", bits, 1, 64);
    return this;
  }

  /**
   * Sets whether programs may leave refcounts on disk stale while the image is open, as {@link
   * ImageOpener#lazyRefcounts} describes; version 3 only.
   */
  public ImageAmender lazyRefcounts(boolean lazy) {
    values.lazyRefcounts = lazy;
    return this;
  }

  /** Sets how much the image may ask for; {@link Limits#DEFAULT} if not. */
  public ImageAmender limits(Limits limits) {
    options.limits = limits;
    return this;
  }

  /** Says whether the files that are opened are locked; {@link LockMode#AUTO} if not. */
  public ImageAmender locking(LockMode mode) {
    options.locking = mode;
    return this;
  }

  /**
   * Sets who is told how far a change has come that takes time, and may cancel it. Each such change
   * begins at 0 again. One that is cancelled has not been made.
   */
  public ImageAmender progress(Progress progress) {
    this.progress = progress;
    return this;
  }

  /**
   * Amends the image. An image that was not closed is repaired first, as {@link
   * ImageOpener#writable} describes. Where everything is already as wanted nothing is written.
   *
   * @throws io.github.qcow2.error.UnsupportedFeatureException if the image's version does not have
   *     what is wanted, or the image needs what this library lacks
   * @throws io.github.qcow2.error.LimitExceededException if a refcount does not fit the new width,
   *     or a limit is exceeded
   * @throws io.github.qcow2.error.CorruptImageException if the image breaks a rule of the format
   * @throws io.github.qcow2.error.OperationCancelledException if the progress listener or an
   *     interrupt stopped it
   * @throws io.github.qcow2.error.ImageLockedException if somebody has the image open
   */
  public void run() throws IOException {
    if (storage != null) {
      amend(storage);
      return;
    }
    try (Storage file = FileStorage.openWritable(Objects.requireNonNull(path), options.locking)) {
      amend(file);
    }
  }

  private void amend(Storage file) throws IOException {
    new Amendment(file, options, values, progress).run();
  }
}
