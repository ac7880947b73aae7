package io.github.qcow2.cli;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.DiscardCause;
import io.github.qcow2.Durability;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.RawImage;
import io.github.qcow2.ReferencePolicy;
import io.github.qcow2.codec.CompressionCodec;
import io.github.qcow2.codec.CompressionCodecs;
import io.github.qcow2.error.ImageLockedException;
import io.github.qcow2.error.Qcow2Exception;
import io.github.qcow2.storage.FileStorage;
import io.github.qcow2.storage.HostFiles;
import io.github.qcow2.storage.LockMode;
import io.github.qcow2.storage.Storage;
import io.github.qcow2.storage.WriteLog;
import io.github.qcow2.storage.WriteLogStorage;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Opens images as qemu-img does: the format is the one given, or else guessed from the first bytes,
 * and files that an image names are opened with it, unless the image is not trusted. Not
 * thread-safe.
 */
final class DiskOpener {
  private boolean untrusted;
  private Durability durability = Durability.WRITEBACK;
  private @Nullable Path writeLog;
  private LockMode locking = LockMode.AUTO;
  private boolean locksRawImages;
  private boolean asksForHoles;
  private @Nullable ReopenOptions imageOptions;
  private int compressionLevel;
  private boolean keepsDiscarded;

  /** From now on, no file that an image names is opened. */
  void untrusted() {
    untrusted = true;
  }

  /** From now on, images that are only read are neither locked nor refused for being locked. */
  void forceShare() {
    locking = LockMode.OFF;
  }

  /** How images that are only read are locked. */
  LockMode locking() {
    return locking;
  }

  /**
   * From now on, raw images that are only read are locked as others are. QEMU does that when it
   * copies them, and lets others write to them otherwise.
   */
  void lockRawImages() {
    locksRawImages = true;
  }

  /**
   * Raw images that are opened will be asked where their holes are. What is needed for that is
   * loaded meanwhile: it takes longer than everything else until then.
   */
  void askForHoles() {
    asksForHoles = true;
  }

  boolean isUntrusted() {
    return untrusted;
  }

  /** Sets what images that are opened or made for writing promise; writeback if not. */
  void durability(Durability promised) {
    durability = promised;
  }

  /** From now on, what the guest discards or zeroes is not given back to the file system. */
  void keepDiscarded() {
    keepsDiscarded = true;
  }

  private Set<DiscardCause> hostDiscard() {
    return keepsDiscarded
        ? EnumSet.of(DiscardCause.SNAPSHOT)
        : EnumSet.of(DiscardCause.REQUEST, DiscardCause.SNAPSHOT);
  }

  /** Logs the writes and barriers of the next image that is opened for writing in this file. */
  void writeLog(Path log) {
    writeLog = log;
  }

  /** Whether the writes to an image go to a log, too. */
  boolean logsWrites() {
    return writeLog != null;
  }

  /** From now on, qcow2 images are opened with these options, too. */
  void imageOptions(ReopenOptions options) {
    imageOptions = options;
  }

  Durability durability() {
    return durability;
  }

  /** From now on, images that are made or opened for writing compress at a level, from 1 on. */
  void compressionLevel(int level) {
    compressionLevel = level;
  }

  boolean hasCompressionLevel() {
    return compressionLevel > 0;
  }

  /**
   * A codec of that level.
   *
   * @return null if no level was chosen, or there is no codec of that type at all
   * @throws OpenFailure if the codec does not have the level
   */
  @Nullable CompressionCodec codec(int compressionType) throws OpenFailure {
    if (compressionLevel == 0) {
      return null;
    }
    CompressionCodec codec = CompressionCodecs.find(compressionType);
    if (codec == null) {
      return null;
    }
    if (compressionLevel > codec.maxLevel()) {
      throw new OpenFailure(
          "Compression level must be between 1 and " + codec.maxLevel() + " for " + codec.name());
    }
    return codec.withLevel(compressionLevel);
  }

  /** Which files that an image names may be opened. */
  ReferencePolicy references() {
    return untrusted ? ReferencePolicy.deny() : ReferencePolicy.allowAll();
  }

  /**
   * The format of an image.
   *
   * @param format the name that was given for it, or null
   */
  ImageFormat format(String filename, @Nullable String format) throws OpenFailure {
    if (format != null) {
      ImageFormat known = ImageFormat.named(format);
      if (known == null) {
        throw new OpenFailure("Unknown driver '" + format + "'");
      }
      return known;
    }
    Path path = FileName.path(filename);
    if (Files.isDirectory(path)) {
      // What qemu says of a directory depends on how it was to be opened.
      return ImageFormat.RAW;
    }
    try {
      return ImageFormat.probe(path);
    } catch (IOException e) {
      throw failure(path, e, false);
    }
  }

  /** Opens an image whose format is known. */
  BlockDevice open(String filename, ImageFormat format, boolean writable) throws OpenFailure {
    Path path = FileName.path(filename);
    if (Files.isDirectory(path)) {
      throw new OpenFailure(
          writable
              ? "Could not open '" + path + "': Is a directory"
              : "'file' driver requires '" + path + "' to be a regular file");
    }
    if (asksForHoles && format == ImageFormat.RAW) {
      HostFiles.loadAhead();
    }
    try {
      if (format != ImageFormat.RAW && ImageFormat.probe(path) != ImageFormat.QCOW2) {
        throw new OpenFailure("Image is not in qcow2 format");
      }
      if (writable && writeLog != null) {
        return openLogged(path, format, writeLog);
      }
      if (format == ImageFormat.RAW) {
        return writable
            ? RawImage.openWritable(path, durability)
            : RawImage.over(FileStorage.open(path, locksRawImages ? locking : LockMode.OFF));
      }
      io.github.qcow2.ImageOpener image =
          Qcow2Image.open(path)
              .references(references())
              .probeBackingFormat()
              .hostDiscard(hostDiscard())
              .durability(durability);
      if (imageOptions != null) {
        imageOptions.applyTo(image);
      }
      if (writable && hasCompressionLevel()) {
        CompressionCodec codec =
            codec(ImageSummary.inspect(path, LockMode.OFF).header().compressionType());
        if (codec != null) {
          image.codec(codec);
        }
      }
      return (writable ? image.writable() : image.locking(locking)).build();
    } catch (IOException e) {
      throw failure(path, e, writable);
    }
  }

  private BlockDevice openLogged(Path path, ImageFormat format, Path logPath) throws IOException {
    Storage logged = logged(FileStorage.openWritable(path), logPath);
    try {
      return format == ImageFormat.RAW
          ? RawImage.over(logged, durability)
          : Qcow2Image.open(logged, path)
              .references(references())
              .probeBackingFormat()
              .hostDiscard(hostDiscard())
              .durability(durability)
              .writable()
              .build();
    } catch (IOException | RuntimeException e) {
      logged.close();
      throw e;
    }
  }

  private static Storage logged(Storage file, Path logPath) throws IOException {
    try {
      FileStorage log = FileStorage.create(logPath);
      try {
        return new WriteLogStorage(file, new WriteLog(log));
      } catch (IOException e) {
        log.close();
        throw e;
      }
    } catch (IOException e) {
      file.close();
      throw e;
    }
  }

  /**
   * Opens an image for a command of qemu-img.
   *
   * @param format the name of its format, or null to guess
   * @throws CommandException with qemu-img's message
   */
  BlockDevice openForCommand(String filename, @Nullable String format, boolean writable)
      throws CommandException {
    try {
      return open(filename, format(filename, format), writable);
    } catch (OpenFailure e) {
      throw e.ending("Could not open '" + filename + "': ");
    }
  }

  /** Warns that an image is taken for raw only because nothing said otherwise. */
  static void warnOfGuess(Console console, String filename) {
    console.errorLine(
        "WARNING: Image format was not specified for '" + filename + "' and probing guessed raw.");
    console.errorLine(
        "         Automatically detecting the format is dangerous for raw images,"
            + " write operations on block 0 will be restricted.");
    console.errorLine("         Specify the 'raw' format explicitly to remove the restrictions.");
  }

  /**
   * Refuses to overwrite a file that is being read.
   *
   * @param open the disks that are open, whose backing files count too
   * @param prefix what the message begins with
   */
  static void requireNotInUse(String filename, List<BlockDevice> open, String prefix)
      throws CommandException {
    try {
      Path target = FileName.path(filename);
      for (BlockDevice disk : open) {
        for (BackingChain.Layer layer : BackingChain.of(disk)) {
          for (Path file : layer.files()) {
            if (Files.exists(target) && Files.isSameFile(target, file)) {
              throw new CommandException(
                  1,
                  prefix + "Failed to get \"write\" lock",
                  List.of("Is another process using the image [" + filename + "]?"));
            }
          }
        }
      }
    } catch (OpenFailure e) {
      throw new CommandException(e.reason());
    } catch (IOException e) {
      throw new CommandException(prefix + HostErrors.reason(e));
    }
  }

  /** Prints what a broken image has to say for itself before a command reports an I/O error. */
  static void explain(Console console, IOException e) {
    if (e instanceof Qcow2Exception) {
      console.error(String.valueOf(e.getMessage()));
    }
  }

  /** Words a failure to open: which file it was, if another than the one asked for. */
  static OpenFailure failure(Path path, IOException e, boolean writable) {
    if (e instanceof ImageLockedException failure) {
      boolean forWriting = writable && failure.image().equals(path.toString());
      return locked(failure, forWriting).prefixed(levels(path, failure.image()));
    }
    if (e instanceof FileSystemException failure && failure.getFile() != null) {
      String reason = "Could not open '" + failure.getFile() + "': " + HostErrors.reason(e);
      return new OpenFailure(levels(path, failure.getFile()) + reason);
    }
    if (e instanceof Qcow2Exception failure) {
      return new OpenFailure(levels(path, failure.image()) + failure.rule());
    }
    return new OpenFailure("Could not open '" + path + "': " + HostErrors.reason(e));
  }

  /** Says that somebody else uses a file, as QEMU does. */
  static OpenFailure locked(ImageLockedException e, boolean forWriting) {
    return new OpenFailure(
        "Failed to get " + (forWriting ? "" : "shared ") + "\"write\" lock",
        List.of("Is another process using the image [" + e.image() + "]?"));
  }

  /** One step of words for each step down the backing chain to the file that failed. */
  private static String levels(Path top, String failed) {
    StringBuilder words = new StringBuilder();
    Path layer = top;
    for (int depth = 0; depth < BackingReference.MAX_DEPTH; depth++) {
      if (layer.toString().equals(failed)) {
        return words.toString();
      }
      try {
        BackingReference below = BackingReference.of(ImageSummary.inspect(layer, LockMode.OFF));
        if (below == null || below.path() == null) {
          break;
        }
        layer = below.path();
        words.append("Could not open backing file: ");
      } catch (IOException e) {
        break;
      }
    }
    // Not a backing file, so the data file of the image itself.
    return "";
  }
}
