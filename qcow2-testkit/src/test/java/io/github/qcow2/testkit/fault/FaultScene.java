package io.github.qcow2.testkit.fault;

import io.github.qcow2.ImageOpener;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.RawImage;
import io.github.qcow2.ReferencePolicy;
import io.github.qcow2.storage.HeapStorage;
import io.github.qcow2.testkit.model.DiskOperation;
import io.github.qcow2.testkit.oracle.ByteSource;
import io.github.qcow2.testkit.oracle.SpecOracle;
import java.io.IOException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * An image, the files it refers to, and what is to be done with it. Immutable; each run works on
 * copies.
 */
final class FaultScene {
  private final String name;
  private final byte[] image;
  private final byte @Nullable [] backing;
  private final byte @Nullable [] dataFile;
  private final int transferAtMost;
  private final List<DiskOperation> workload;

  /**
   * Sets the scene.
   *
   * @param name for messages
   * @param image the image file
   * @param backing a raw backing file, or null
   * @param dataFile the external data file, or null
   * @param transferAtMost how many bytes the host moves in one call
   * @param workload what is done, between opening and closing
   */
  FaultScene(
      String name,
      byte[] image,
      byte @Nullable [] backing,
      byte @Nullable [] dataFile,
      int transferAtMost,
      List<DiskOperation> workload) {
    this.name = name;
    this.image = image;
    this.backing = backing;
    this.dataFile = dataFile;
    this.transferAtMost = transferAtMost;
    this.workload = workload;
  }

  /** What is done, between opening and closing. */
  List<DiskOperation> workload() {
    return workload;
  }

  /** Whether a write that fails may have ended in the middle of a sector. */
  boolean tearsSectors() {
    return transferAtMost < Integer.MAX_VALUE;
  }

  /** The files of one run, which all fail by the same plan. */
  final class Files {
    private HeapStorage imageFile = HeapStorage.copyOf("image", image);
    private @Nullable HeapStorage data =
        dataFile == null ? null : HeapStorage.copyOf("data", dataFile);

    /** Opens the image anew; the files are as they were left. */
    Qcow2Image open(Faults faults) throws IOException {
      imageFile = HeapStorage.copyOf("image", imageFile.toByteArray());
      HeapStorage now = data;
      if (now != null) {
        data = HeapStorage.copyOf("data", now.toByteArray());
      }
      ImageOpener opener = Qcow2Image.open(faulty(imageFile, faults)).writable();
      // Too little for the tables of these images, so that slices come and go.
      return opener.cacheSize(1).references(reference -> answer(reference, faults)).build();
    }

    private ReferencePolicy.Answer answer(ReferencePolicy.Reference reference, Faults faults)
        throws IOException {
      if (reference.kind() == ReferencePolicy.Kind.DATA_FILE && data != null) {
        return new ReferencePolicy.Answer.UseStorage(faulty(data, faults));
      }
      if (backing == null) {
        throw new AssertionError("nothing is known of " + reference);
      }
      HeapStorage below = HeapStorage.copyOf("backing", backing);
      return new ReferencePolicy.Answer.UseDevice(RawImage.over(faulty(below, faults)));
    }

    private FaultyStorage faulty(HeapStorage file, Faults faults) {
      FaultyStorage storage = new FaultyStorage(file, faults);
      storage.transferAtMost(transferAtMost);
      return storage;
    }

    /** The image file as it is now. */
    byte[] imageBytes() {
      return imageFile.toByteArray();
    }

    /** Judges the files as they are now. */
    SpecOracle oracle() {
      SpecOracle oracle = SpecOracle.of(imageFile.toByteArray());
      if (backing != null) {
        oracle = oracle.withBacking(ByteSource.of(backing));
      }
      return data == null ? oracle : oracle.withDataFile(ByteSource.of(data.toByteArray()));
    }
  }

  /** What the disk holds. */
  static byte[] content(SpecOracle oracle) throws IOException {
    return all(oracle.content());
  }

  /** What the disk held when each snapshot was made. */
  static byte[][] snapshots(SpecOracle oracle) throws IOException {
    byte[][] contents = new byte[oracle.snapshots().size()][];
    for (int i = 0; i < contents.length; i++) {
      contents[i] = all(oracle.snapshotContent(i));
    }
    return contents;
  }

  private static byte[] all(ByteSource source) throws IOException {
    byte[] bytes = new byte[Math.toIntExact(source.size())];
    source.read(0, bytes, 0, bytes.length);
    return bytes;
  }

  @Override
  public String toString() {
    return name;
  }
}
