package io.github.qcow2.cli;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.ImageCreator;
import io.github.qcow2.Preallocation;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.RawImage;
import io.github.qcow2.ReferencePolicy;
import io.github.qcow2.codec.CompressionCodec;
import io.github.qcow2.error.ImageLockedException;
import io.github.qcow2.error.LimitExceededException;
import io.github.qcow2.format.CompressionType;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** An image file that a command has just made. */
final class NewImage {
  private final Path path;
  private final @Nullable BlockDevice device;

  private NewImage(Path path, @Nullable BlockDevice device) {
    this.path = path;
    this.device = device;
  }

  /**
   * Makes an image, in place of whatever the file held before, and opens it for writing.
   *
   * @param size of the disk in bytes
   * @throws CommandException if it cannot be made, with the reason alone
   */
  static NewImage create(String filename, CreateOptions options, long size, DiskOpener opener)
      throws CommandException {
    return create(filename, options, size, opener, false);
  }

  /**
   * Makes an image without opening it, nor its backing file, which need not exist yet.
   *
   * @throws CommandException if it cannot be made, with the reason alone
   */
  static void createUnchecked(String filename, CreateOptions options, long size, DiskOpener opener)
      throws CommandException {
    create(filename, options, size, opener, true);
  }

  private static NewImage create(
      String filename, CreateOptions options, long size, DiskOpener opener, boolean unchecked)
      throws CommandException {
    if (options.format() == ImageFormat.QCOW2) {
      Qcow2Settings settings = Qcow2Settings.of(options);
      Path path = path(filename);
      try {
        ImageCreator creator = creator(path, settings, size, opener);
        if (unchecked) {
          creator.createOnly();
          return new NewImage(path, null);
        }
        return new NewImage(path, creator.build());
      } catch (OpenFailure e) {
        throw e.ending("");
      } catch (LimitExceededException e) {
        throw new CommandException(
            "The image size is too large for file format 'qcow2' (try using a larger cluster size)");
      } catch (IOException e) {
        throw failure(e);
      }
    }
    Preallocation preallocation = rawPreallocation(options.get(CreateOptions.PREALLOCATION));
    Path path = path(filename);
    try {
      return new NewImage(path, RawImage.create(path, size, opener.durability(), preallocation));
    } catch (IOException e) {
      throw failure(e);
    }
  }

  private static Preallocation rawPreallocation(@Nullable String mode) throws CommandException {
    Preallocation known = mode == null ? Preallocation.OFF : DiskResize.mode(mode);
    if (known == null) {
      throw new CommandException("invalid parameter value: " + mode);
    }
    if (known == Preallocation.METADATA) {
      throw new CommandException(DiskResize.NO_TABLES);
    }
    return known;
  }

  /** The image, open for reading and writing. */
  BlockDevice device() {
    if (device == null) {
      throw new IllegalStateException("made without opening it: " + path);
    }
    return device;
  }

  /** Whether the disk reads as zeros, if it has no backing file: not one that is a block device. */
  boolean isZero() {
    return !(device instanceof RawImage) || Files.isRegularFile(path);
  }

  /**
   * Deletes the file, if it is one that can be deleted without harm: not a device, nor the target
   * of a link.
   *
   * @return whether it is gone
   */
  boolean remove() {
    try {
      return Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS) && Files.deleteIfExists(path);
    } catch (IOException e) {
      return false;
    }
  }

  private static ImageCreator creator(
      Path path, Qcow2Settings settings, long size, DiskOpener opener) throws OpenFailure {
    ImageCreator creator =
        Qcow2Image.create(path, size)
            .overwriteExisting()
            .references(references(path, opener))
            .durability(opener.durability())
            .probeBackingFormat()
            .version(settings.version())
            .clusterSize(settings.clusterSize())
            .refcountBits(settings.refcountBits())
            .extendedL2(settings.extendedL2())
            .lazyRefcounts(settings.lazyRefcounts())
            .preallocation(settings.preallocation())
            .compressionType(settings.zstd() ? CompressionType.ZSTD : CompressionType.DEFLATE);
    CompressionCodec codec =
        opener.codec((settings.zstd() ? CompressionType.ZSTD : CompressionType.DEFLATE).value());
    if (codec != null) {
      creator.codec(codec);
    }
    String backingFile = settings.backingFile();
    if (backingFile != null) {
      ImageFormat format = settings.backingFormat();
      creator.backing(backingFile, format == null ? null : format.formatName());
    }
    String dataFile = settings.dataFile();
    if (dataFile != null) {
      creator.dataFile(dataFile, settings.dataFileRaw());
    }
    return creator;
  }

  /** What the new image names, the user named; what lies below may be a stranger's. */
  private static ReferencePolicy references(Path path, DiskOpener opener) {
    ReferencePolicy users = ReferencePolicy.allowAll();
    return reference ->
        reference.image().equals(path.toString())
            ? users.resolve(reference)
            : opener.references().resolve(reference);
  }

  private static Path path(String filename) throws CommandException {
    try {
      return FileName.path(filename);
    } catch (OpenFailure e) {
      throw new CommandException(
          filename.isEmpty() ? "Could not create '': No such file or directory" : e.reason());
    }
  }

  private static CommandException failure(IOException e) {
    if (e instanceof ImageLockedException locked) {
      return DiskOpener.locked(locked, true).ending("");
    }
    if (e instanceof FileSystemException failure && failure.getFile() != null) {
      return new CommandException(
          "Could not create '" + failure.getFile() + "': " + HostErrors.reason(e));
    }
    return new CommandException(HostErrors.reason(e));
  }
}
