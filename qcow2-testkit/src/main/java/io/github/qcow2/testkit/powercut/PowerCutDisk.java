package io.github.qcow2.testkit.powercut;

import io.github.qcow2.ImageOpener;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.RawImage;
import io.github.qcow2.ReferencePolicy;
import io.github.qcow2.storage.HeapStorage;
import io.github.qcow2.storage.ReadOnlyStorage;
import io.github.qcow2.storage.Storage;
import io.github.qcow2.testkit.oracle.ByteSource;
import io.github.qcow2.testkit.oracle.SpecOracle;
import java.io.IOException;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * The files of a disk before anything was done to it, and how to open them: the image, which is
 * number 0 in every log, perhaps an external data file, which is number 1, and perhaps a raw
 * backing file, which nobody changes. Immutable: each method gives another disk.
 */
public final class PowerCutDisk {
  static final int IMAGE = 0;
  static final int DATA_FILE = 1;

  private final String name;
  private final byte[] image;
  private final byte @Nullable [] dataFile;
  private final byte @Nullable [] backing;
  private final UnaryOperator<ImageOpener> options;
  private final GuestJournal.Window[] windows;

  private PowerCutDisk(
      String name,
      byte[] image,
      byte @Nullable [] dataFile,
      byte @Nullable [] backing,
      UnaryOperator<ImageOpener> options,
      GuestJournal.Window[] windows) {
    this.name = name;
    this.image = image;
    this.dataFile = dataFile;
    this.backing = backing;
    this.options = options;
    this.windows = windows;
  }

  /**
   * A disk of one file.
   *
   * @param name what messages call it
   */
  public static PowerCutDisk of(String name, byte[] image) {
    return new PowerCutDisk(
        name, image.clone(), null, null, UnaryOperator.identity(), new GuestJournal.Window[0]);
  }

  /** This disk with an external data file. */
  public PowerCutDisk withDataFile(byte[] content) {
    return new PowerCutDisk(name, image, content.clone(), backing, options, windows);
  }

  /** This disk over a raw backing file. */
  public PowerCutDisk withBacking(byte[] content) {
    return new PowerCutDisk(name, image, dataFile, content.clone(), options, windows);
  }

  /** This disk, opened for writing with some options. */
  public PowerCutDisk opened(UnaryOperator<ImageOpener> how) {
    return new PowerCutDisk(name, image, dataFile, backing, how, windows);
  }

  /** This disk, of which only some parts are looked at and written to; the whole if none. */
  public PowerCutDisk within(GuestJournal.Window... parts) {
    return new PowerCutDisk(name, image, dataFile, backing, options, parts.clone());
  }

  /** What messages call it. */
  public String name() {
    return name;
  }

  /** A log in which the files are, unchanged so far. */
  PowerCutLog log() {
    PowerCutLog log = new PowerCutLog();
    log.storage("image", image);
    if (dataFile != null) {
      log.storage("data file", dataFile);
    }
    return log;
  }

  /** A journal that knows what the disk holds at first. */
  GuestJournal journal(PowerCutLog log) throws IOException {
    return new GuestJournal(log, oracle().content(), windows);
  }

  GuestJournal.Window[] windows() {
    return windows.clone();
  }

  Qcow2Image openWritable(PowerCutLog log) throws IOException {
    return openWritable(log.open(IMAGE), dataFile == null ? null : log.open(DATA_FILE));
  }

  Qcow2Image openWritable(Storage imageFile, @Nullable Storage data) throws IOException {
    return options.apply(Qcow2Image.open(imageFile)).writable().references(policy(data)).build();
  }

  Qcow2Image openReadOnly(Storage imageFile, @Nullable Storage data) throws IOException {
    return Qcow2Image.open(new ReadOnlyStorage(imageFile)).references(policy(data)).build();
  }

  private ReferencePolicy policy(@Nullable Storage data) {
    return reference -> {
      if (reference.kind() == ReferencePolicy.Kind.BACKING_FILE && backing != null) {
        return new ReferencePolicy.Answer.UseDevice(
            RawImage.over(HeapStorage.copyOf("backing", backing)));
      }
      if (data != null) {
        return new ReferencePolicy.Answer.UseStorage(data);
      }
      throw new IllegalStateException("the disk has no such file: " + reference);
    };
  }

  boolean hasDataFile() {
    return dataFile != null;
  }

  byte @Nullable [] backing() {
    return backing;
  }

  SpecOracle oracle() {
    return oracle(ByteSource.of(image), dataFile == null ? null : ByteSource.of(dataFile));
  }

  SpecOracle oracle(CrashState state) {
    return oracle(state.source(IMAGE), dataFile == null ? null : state.source(DATA_FILE));
  }

  SpecOracle oracle(ByteSource imageFile, @Nullable ByteSource data) {
    SpecOracle oracle = SpecOracle.of(imageFile);
    if (backing != null) {
      oracle = oracle.withBacking(ByteSource.of(backing));
    }
    return data == null ? oracle : oracle.withDataFile(data);
  }
}
