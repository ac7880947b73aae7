package io.github.qcow2;

import io.github.qcow2.codec.CompressionCodec;
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
 * Changes are made one after the other, in the order in which qemu-img makes them: version 3,
 * refcount width, data file, lazy refcounts, size, version 2. Each is durable before the next
 * begins, and each is made as a whole or not at all: after a power cut the image is sound, and what
 * was changed so far has been changed. {@link #run()} with the same values completes it. The
 * guest's data is not touched, but for what a smaller disk loses.
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
   * Sets the format version: 2, which old programs read too, or 3.
   *
   * <p>For version 2 the refcounts must have 16 bits, as they are or as {@link #refcountBits} says;
   * snapshots must be as large as the disk, and hold less than 4 GiB of machine state. There can be
   * no external data file, no extended L2 entries, no bitmaps, and no compressed clusters but
   * deflated ones. Feature bits and the flag for lazy refcounts are cleared. Clusters that read as
   * zeros are filled with zeros if there is a backing file, and are no longer allocated if there is
   * none, which is the one change that takes time; of one that is cut off in the middle, what has
   * been done stays.
   */
  public ImageAmender version(int version) {
    if (version != 2 && version != 3) {
      throw new IllegalArgumentException("version " + version + " is neither 2 nor 3");
    }
    values.version = version;
    return this;
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

  /**
   * Sets the name of the external data file; only for images that have one. The file itself is
   * neither opened nor made nor changed, so it may be given another name, or be brought into place,
   * before or after; see {@link #size} for the exception.
   *
   * @param name as it is to be recorded; relative names are relative to the image's directory. An
   *     empty one leaves it to whoever opens the image to say which file it is
   */
  public ImageAmender dataFile(String name) {
    values.dataFile = name;
    return this;
  }

  /**
   * Sets whether the external data file by itself is at all times the disk. That can be given up,
   * but not begun with: what the file holds where nothing is mapped is not known.
   */
  public ImageAmender rawDataFile(boolean raw) {
    values.rawDataFile = raw;
    return this;
  }

  /**
   * Sets the size of the disk, as {@link Qcow2Image#grow} and {@link Qcow2Image#shrink} do. For
   * this, and for nothing else, the backing files and the data file are opened.
   *
   * @param bytes a multiple of 512
   */
  public ImageAmender size(long bytes) {
    if (bytes < 0 || bytes % 512 != 0) {
      throw new IllegalArgumentException("size " + bytes + " is not a multiple of 512");
    }
    values.size = bytes;
    return this;
  }

  /** Sets what is reserved for a larger {@link #size}; {@link Preallocation#OFF} if not. */
  public ImageAmender preallocation(Preallocation preallocation) {
    values.preallocation = preallocation;
    return this;
  }

  /** Permits a {@link #size} that is less than the present one: what is behind it is lost. */
  public ImageAmender permitShrinking() {
    values.permitsShrinking = true;
    return this;
  }

  /** Says which files named by the image may be opened; {@link ReferencePolicy#deny()} if not. */
  public ImageAmender references(ReferencePolicy policy) {
    options.references = policy;
    return this;
  }

  /** Guesses the format of backing files whose overlays do not record it; for trusted images. */
  public ImageAmender probeBackingFormat() {
    options.probesBackingFormat = true;
    return this;
  }

  /** Sets the codec for images of its compression type, before any that is found otherwise. */
  public ImageAmender codec(CompressionCodec codec) {
    options.codec = codec;
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
   *     or a limit is exceeded, or a name has no room in the first cluster beside the old header
   * @throws io.github.qcow2.error.ReferenceDeniedException if a file must be opened for a change of
   *     size, and the policy denies that
   * @throws IllegalArgumentException if the size is less than the present one, and that was not
   *     permitted
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
    new Amendment(file, path, options, values, progress).run();
  }
}
