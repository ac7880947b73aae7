package io.github.qcow2.cli;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.Extent;
import io.github.qcow2.ExtentCursor;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.error.OperationCancelledException;
import io.github.qcow2.operation.Convert;
import io.github.qcow2.progress.Progress;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One conversion: opens the sources, makes or opens the target, and copies. A target that was made
 * here is removed again when the user stops the copy, so that a part is not taken for the whole; a
 * copy that fails leaves it, as qemu-img does. Not thread-safe.
 */
final class ConvertJob {
  private final Console console;
  private final DiskOpener opener = new DiskOpener();
  private @Nullable String sourceFormat;
  private @Nullable SnapshotName snapshot;
  private int sparseBytes = Convert.DEFAULT_SPARSE_BYTES;
  private String targetCache = "unsafe";
  private boolean compresses;
  private boolean offloads;
  private boolean showProgress;
  private List<String> sources = List.of();
  private String target = "";
  private @Nullable CreateOptions newImage;
  private String existingFormat = "";
  private boolean targetIsZero;
  private boolean targetHasBacking;

  ConvertJob(Console console) {
    this.console = console;
    opener.lockRawImages();
    opener.askForHoles();
  }

  /** What opens the images. */
  DiskOpener opener() {
    return opener;
  }

  void sourceFormat(String format) {
    sourceFormat = format;
  }

  void snapshot(SnapshotName name) {
    snapshot = name;
  }

  void sparseBytes(int bytes) {
    sparseBytes = bytes;
  }

  /** The target stores data compressed. */
  void compress() {
    compresses = true;
  }

  /** The host is asked to copy data from file to file. */
  void offload(boolean asked) {
    offloads = asked;
  }

  /** At which level that is done, counted from 1. */
  void compressionLevel(int level) {
    opener.compressionLevel(level);
  }

  void targetCache(String mode) {
    targetCache = mode;
  }

  void progress(boolean show) {
    showProgress = show;
  }

  void files(List<String> sourceNames, String targetName) {
    sources = List.copyOf(sourceNames);
    target = targetName;
  }

  /** The target is to be made. */
  void intoNew(CreateOptions options) {
    newImage = options;
    targetHasBacking = options.get(CreateOptions.BACKING_FILE) != null;
    targetIsZero = !targetHasBacking;
  }

  /**
   * The target exists.
   *
   * @param isZero whether the user vouches that it reads as zeros
   * @param hasBacking whether the user vouches that its backing file holds what the top layer of
   *     the source leaves to its own
   */
  void intoExisting(String format, boolean isZero, boolean hasBacking) {
    existingFormat = format;
    targetIsZero = isZero;
    targetHasBacking = hasBacking;
  }

  /** Does the work and returns the exit code. */
  int run() throws CommandException {
    if (opener.hasCompressionLevel() && !compresses) {
      throw new CommandException("--compression-level requires use of -c flag");
    }
    if (sources.size() > 1 && targetHasBacking) {
      throw new CommandException(
          "Having a backing file for the target makes no sense when concatenating multiple input"
              + " images");
    }
    if (compresses && newImage != null && newImage.format() != ImageFormat.QCOW2) {
      throw new CommandException("Compression not supported for this file format");
    }
    if (compresses && newImage != null && newImage.hasDataFile()) {
      throw new CommandException(
          "Compression and an external data file not supported at the same time");
    }
    if (compresses && newImage != null && newImage.preallocates()) {
      throw new CommandException("Compression and preallocation not supported at the same time");
    }
    if (sources.size() > 1 && snapshot != null) {
      throw new CommandException("No support for concatenating multiple snapshot");
    }
    List<BlockDevice> opened = new ArrayList<>();
    try (Interruption interruption = Interruption.listen()) {
      ProgressLine progress = new ProgressLine(console, showProgress);
      try {
        convert(openSources(opened), opened, progress, interruption);
        progress.complete();
      } catch (CommandException e) {
        progress.end();
        throw e;
      } finally {
        closeQuietly(opened);
      }
    }
    return 0;
  }

  private BlockDevice openSources(List<BlockDevice> opened) throws CommandException {
    for (String name : sources) {
      opened.add(opener.openForCommand(name, sourceFormat, false));
    }
    if (snapshot != null) {
      BlockDevice view = SnapshotSource.open(opened.get(0), snapshot);
      opened.add(0, view);
      return view;
    }
    return opened.size() == 1 ? opened.get(0) : new ConcatenatedDevice(opened);
  }

  private void convert(
      BlockDevice source,
      List<BlockDevice> opened,
      ProgressLine progress,
      Interruption interruption)
      throws CommandException {
    opener.durability(CommandOptions.cacheMode("cache", targetCache));
    NewImage made = null;
    BlockDevice destination;
    if (newImage != null) {
      String error = target + ": error while converting " + newImage.format().formatName() + ": ";
      DiskOpener.requireNotInUse(target, opened, error);
      try {
        made = NewImage.create(target, newImage, source.size(), opener);
      } catch (CommandException e) {
        throw e.prefixed(error);
      }
      destination = made.device();
      targetIsZero &= made.isZero();
    } else {
      destination = opener.openForCommand(target, existingFormat, true);
    }
    try {
      if (compresses && !(destination instanceof Qcow2Image)) {
        throw new CommandException("Compression not supported for this file format");
      }
      if (destination.size() < source.size()) {
        throw new CommandException("output file is smaller than input file");
      }
      copy(source, destination, progress, interruption);
      destination.close();
    } catch (OperationCancelledException e) {
      closeQuietly(List.of(destination));
      throw stopped(made);
    } catch (IOException e) {
      throw failed(e);
    } finally {
      closeQuietly(List.of(destination));
    }
  }

  private void copy(
      BlockDevice source, BlockDevice destination, ProgressLine line, Interruption interruption)
      throws IOException {
    long size = source.size();
    int clusterSize =
        compresses && destination instanceof Qcow2Image image ? image.geometry().clusterSize() : 0;
    if (!targetHasBacking) {
      copyRange(source, destination, 0, size, clusterSize, watch(line, interruption, 0, size));
      return;
    }
    long copied = 0;
    ExtentCursor extents = source.extents(0, size);
    Extent extent = extents.next();
    while (extent != null) {
      long start = extent.start();
      long end = start;
      while (extent != null && extent.depth() == 0 && extent.kind() != Extent.Kind.UNALLOCATED) {
        end = extent.end();
        extent = extents.next();
      }
      if (end > start) {
        if (clusterSize != 0) {
          // Clusters are compressed whole, with what the source shows from below.
          start = Math.max(copied, start - start % clusterSize);
          end = Math.min(size, (end + clusterSize - 1) / clusterSize * clusterSize);
          copied = end;
        }
        if (end > start) {
          Progress progress = watch(line, interruption, start, size);
          copyRange(source, destination, start, end - start, clusterSize, progress);
        }
      } else {
        extent = extents.next();
      }
    }
  }

  private void copyRange(
      BlockDevice source,
      BlockDevice destination,
      long start,
      long length,
      int clusterSize,
      Progress progress)
      throws IOException {
    Convert copy =
        Convert.from(new TracedDevice(new DeviceWindow(source, start, length)))
            .to(new TracedDevice(new DeviceWindow(destination, start, length)))
            .sparseBytes(sparseBytes)
            .targetIsZero(targetIsZero)
            .offload(offloads)
            .flush(false)
            .progress(progress);
    if (clusterSize != 0) {
      copy.compressed(clusterSize);
    }
    copy.run();
  }

  private static Progress watch(
      ProgressLine line, Interruption interruption, long start, long total) {
    return (done, length) -> {
      line.advance(start + done, total);
      return !interruption.isRequested();
    };
  }

  /** Says what has become of the target at once: the process ends before anybody else could. */
  private CommandException stopped(@Nullable NewImage made) {
    boolean removed = made != null && made.remove();
    console.error(
        "stopped; '"
            + target
            + (removed ? "' has been removed" : "' holds only a part of the copy"));
    return new CommandException("");
  }

  private CommandException failed(IOException e) {
    if (!(e instanceof TracedDevice.Failure failure)) {
      return new CommandException(target + ": " + HostErrors.reason(e));
    }
    DiskOpener.explain(console, failure.reported());
    String what =
        switch (failure.activity()) {
          case READING -> "reading at byte ";
          case WRITING -> "writing at byte ";
          case MAPPING -> "reading block status at offset ";
        };
    return new CommandException(
        "error while "
            + what
            + failure.position()
            + ": "
            + HostErrors.errorName(failure.reported()));
  }

  private static void closeQuietly(List<BlockDevice> devices) {
    for (BlockDevice device : devices) {
      try {
        device.close();
      } catch (IOException e) {
        // Whoever has to know that everything was written closes the device before.
      }
    }
  }
}
