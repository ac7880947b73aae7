package io.github.qcow2;

import io.github.qcow2.format.BitmapRecord;
import io.github.qcow2.format.Header;
import io.github.qcow2.format.HeaderProblem;
import io.github.qcow2.format.Limits;
import io.github.qcow2.format.SnapshotRecord;
import io.github.qcow2.storage.Storage;
import java.io.IOException;
import java.util.List;

/**
 * What an image says about itself, found without opening any other file; got from {@link
 * Qcow2Image#inspect(java.nio.file.Path)}.
 *
 * @param name the image as the caller named it
 * @param header the header
 * @param hostFileSize length of the image file in bytes
 * @param snapshots the internal snapshots, in the order of the snapshot table; empty if the table
 *     cannot be read because of an unknown feature
 * @param bitmaps the persistent bitmaps, in the order of the bitmap directory; empty likewise
 */
public record ImageInfo(
    String name,
    Header header,
    long hostFileSize,
    List<SnapshotRecord> snapshots,
    List<BitmapRecord> bitmaps) {
  /** Copies the lists. */
  public ImageInfo {
    snapshots = List.copyOf(snapshots);
    bitmaps = List.copyOf(bitmaps);
  }

  /** Why the image could not be opened, or only for reading; also what is merely irregular. */
  public List<HeaderProblem> problems() {
    return header.problems();
  }

  /** Whether this library can open the image for reading. */
  public boolean isReadable() {
    return problems().stream().noneMatch(problem -> problem.kind().preventsReading());
  }

  static ImageInfo read(Storage storage) throws IOException {
    Limits limits = Limits.DEFAULT;
    Header header = HeaderLoader.load(storage, limits);
    boolean understood =
        header.problems().stream()
            .noneMatch(problem -> problem.kind() == HeaderProblem.Kind.UNKNOWN_FEATURE);
    return new ImageInfo(
        storage.name(),
        header,
        storage.size(),
        understood ? HeaderLoader.snapshots(storage, header, limits).records() : List.of(),
        understood ? HeaderLoader.bitmaps(storage, header) : List.of());
  }
}
