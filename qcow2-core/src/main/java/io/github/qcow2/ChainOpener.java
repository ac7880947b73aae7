package io.github.qcow2;

import io.github.qcow2.crypto.AesSectors;
import io.github.qcow2.error.CorruptImageException;
import io.github.qcow2.error.LimitExceededException;
import io.github.qcow2.error.Qcow2Exception;
import io.github.qcow2.error.UnsupportedFeatureException;
import io.github.qcow2.format.Geometry;
import io.github.qcow2.format.Header;
import io.github.qcow2.format.HeaderProblem;
import io.github.qcow2.format.SnapshotTable;
import io.github.qcow2.metadata.HeaderFile;
import io.github.qcow2.metadata.TrackedFile;
import io.github.qcow2.repair.RefcountRepair;
import io.github.qcow2.storage.FileStorage;
import io.github.qcow2.storage.Storage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Opens an image, its data file and the chain of backing files below it, each read-only.
 *
 * <p>Owns the identities of the files that are open in the chain, by which a file that leads back
 * to itself is found out. Used once, by one thread. On failure everything it has opened is closed.
 */
final class ChainOpener {
  private static final String IMAGE_IN_CHAIN = "the image refers to itself";

  private static final String DATA_FILE_IN_CHAIN =
      "the data file is the image itself or another file of the chain";

  private static final int CRYPT_METHOD_AES = 1;

  private final ImageOptions options;
  private final List<Object> identities;
  private int depth;

  /** A backing device, if there is one, and whether it is closed with the image. */
  private record Backing(@Nullable BlockDevice device, boolean closes) {}

  ChainOpener(ImageOptions options) {
    this(options, new ArrayList<>());
  }

  private ChainOpener(ImageOptions options, List<Object> identities) {
    this.options = options;
    this.identities = identities;
  }

  /**
   * Opens an image.
   *
   * @param storage its bytes; stays the caller's to close if this fails
   * @param path where it lies, against which it names other files; null if unknown
   */
  Qcow2Image open(Storage storage, @Nullable Path path, boolean writable) throws IOException {
    enter(storage);
    Header header = HeaderLoader.load(storage, options.limits());
    AesSectors cipher = cipher(storage.name(), header);
    refuseProblems(storage.name(), header, writable, cipher != null);
    options.codec(storage.name(), header);
    if (header.hasDataFile() && header.size() > Geometry.HOST_OFFSET_END) {
      throw new LimitExceededException(
          storage.name(), Header.SIZE_FIELD_OFFSET, "a data file of more than 2^56 bytes");
    }
    SnapshotTable snapshots = HeaderLoader.snapshots(storage, header, options.limits());
    try (AutoCloseables onFailure = new AutoCloseables()) {
      Storage dataStorage = null;
      if (header.hasDataFile()) {
        dataStorage = onFailure.add(openDataFile(storage.name(), path, header, writable));
      }
      Backing backing = openBacking(storage.name(), path, header);
      if (backing.closes && backing.device != null) {
        onFailure.add(backing.device);
      }
      if (writable && header.isDirty()) {
        header = repaired(storage, header);
      }
      Qcow2Image image =
          new Qcow2Image(
              new Qcow2Image.Parts(
                  storage,
                  header,
                  dataStorage,
                  backing.device,
                  backing.closes,
                  snapshots,
                  cipher,
                  options),
              !writable);
      if (writable) {
        image.clearUnknownAutoclear();
        image.lengthenDataFile();
      }
      onFailure.keep();
      return image;
    }
  }

  /** Counts the references of an image anew that was not closed; everything else is in order. */
  private Header repaired(Storage storage, Header dirty) throws IOException {
    // Refused, if it is, before anything is written.
    options.cacheSizes(dirty.geometry(), dirty.size());
    TrackedFile file = new TrackedFile(storage, options.durability.hasBarriers());
    HeaderFile header = new HeaderFile(file, dirty);
    new RefcountRepair(storage.name(), file, header, options.limits()).run();
    return header.header();
  }

  /**
   * Opens what an image that is yet to be written refers to, and closes it again.
   *
   * @param storage the file that the image will replace
   * @param dataFile the file that its data file will replace, if there is one
   */
  void checkReferences(Storage storage, @Nullable Path path, Header header, @Nullable Path dataFile)
      throws IOException {
    enter(storage);
    if (dataFile != null) {
      identify(dataFile.toString(), FileStorage.identityOf(dataFile), DATA_FILE_IN_CHAIN);
    }
    Backing backing = openBacking(storage.name(), path, header);
    if (backing.closes && backing.device != null) {
      backing.device.close();
    }
  }

  private void enter(Storage storage) throws Qcow2Exception {
    depth++;
    if (depth > options.limits().chainDepth()) {
      throw new LimitExceededException(
          storage.name(),
          Qcow2Exception.NO_OFFSET,
          "the backing chain is longer than " + options.limits().chainDepth() + " images");
    }
    identify(storage.name(), storage.identity(), IMAGE_IN_CHAIN);
  }

  private void identify(String file, @Nullable Object identity, String rule)
      throws CorruptImageException {
    requireNew(file, identity, rule);
    if (identity != null) {
      identities.add(identity);
    }
  }

  private void requireNew(String file, @Nullable Object identity, String rule)
      throws CorruptImageException {
    if (identity != null && identities.contains(identity)) {
      throw new CorruptImageException(file, Qcow2Exception.NO_OFFSET, rule);
    }
  }

  /** Opens a file, unless it is in the chain already: then that would be what keeps it locked. */
  private Storage openFile(Path path, boolean writable, String rule) throws IOException {
    requireNew(path.toString(), FileStorage.identityOf(path), rule);
    return writable
        ? FileStorage.openWritable(path, options.locking)
        : FileStorage.open(path, options.locking);
  }

  /** What decrypts the guest's data, or null if it is not encrypted or the key is not known. */
  private @Nullable AesSectors cipher(String image, Header header) {
    if (header.cryptMethod() != CRYPT_METHOD_AES) {
      return null;
    }
    byte[] passphrase = options.passphrases.passphrase(image);
    return passphrase == null ? null : new AesSectors(passphrase);
  }

  private void refuseProblems(String image, Header header, boolean writable, boolean canDecrypt)
      throws Qcow2Exception {
    for (HeaderProblem problem : header.problems()) {
      HeaderProblem.Kind kind = problem.kind();
      if (kind == HeaderProblem.Kind.NEEDS_PASSPHRASE && canDecrypt && !writable) {
        continue;
      }
      if (kind.preventsReading() || (writable && kind.preventsWriting())) {
        throw problem.toException(image);
      }
    }
    if (writable && header.version() == 2 && options.lazyRefcounts(header)) {
      throw new UnsupportedFeatureException(
          image, Qcow2Exception.NO_OFFSET, "a version 2 image has no lazy refcounts");
    }
    if (writable && header.version() == 2 && options.discardKeepsClusters) {
      throw new UnsupportedFeatureException(
          image,
          Qcow2Exception.NO_OFFSET,
          "a version 2 image cannot keep clusters that are discarded: it has no zero flag");
    }
    if (writable && header.bitmaps() != null) {
      throw new UnsupportedFeatureException(
          image,
          Qcow2Exception.NO_OFFSET,
          "the image has persistent bitmaps, which writing would leave out of date");
    }
  }

  private Storage openDataFile(String image, @Nullable Path path, Header header, boolean writable)
      throws IOException {
    String name = header.dataFile();
    if (name == null) {
      name = "";
    }
    ReferencePolicy.Answer answer =
        options.references.resolve(
            new ReferencePolicy.Reference(
                image,
                ReferencePolicy.Kind.DATA_FILE,
                name,
                null,
                name.isEmpty() ? null : resolve(path, name)));
    Storage storage;
    if (answer instanceof ReferencePolicy.Answer.UseStorage use) {
      storage = use.storage();
    } else if (answer instanceof ReferencePolicy.Answer.OpenFile file) {
      storage = openFile(file.path(), writable, DATA_FILE_IN_CHAIN);
    } else {
      throw new IllegalArgumentException("a policy gave a device as data file");
    }
    try (AutoCloseables onFailure = new AutoCloseables()) {
      onFailure.add(storage);
      identify(storage.name(), storage.identity(), DATA_FILE_IN_CHAIN);
      onFailure.keep();
    }
    return storage;
  }

  private Backing openBacking(String image, @Nullable Path path, Header header) throws IOException {
    String name = header.backingFile();
    if (name == null) {
      return new Backing(null, false);
    }
    Path candidate = References.isProtocol(name) ? null : resolve(path, name);
    ReferencePolicy.Answer answer =
        options.references.resolve(
            new ReferencePolicy.Reference(
                image, ReferencePolicy.Kind.BACKING_FILE, name, header.backingFormat(), candidate));
    if (answer instanceof ReferencePolicy.Answer.UseDevice use) {
      return new Backing(use.device(), false);
    }
    if (answer instanceof ReferencePolicy.Answer.OpenFile file) {
      return new Backing(openBackingFile(image, header.backingFormat(), file.path()), true);
    }
    throw new IllegalArgumentException("a policy gave a storage as backing file");
  }

  private static @Nullable Path resolve(@Nullable Path image, String name) {
    return image == null ? null : References.resolve(image, name);
  }

  private BlockDevice openBackingFile(String image, @Nullable String recorded, Path path)
      throws IOException {
    String format = recorded;
    if (format == null && !options.probesBackingFormat) {
      throw new UnsupportedFeatureException(
          image,
          Qcow2Exception.NO_OFFSET,
          "the format of the backing file is not recorded, and probing was not asked for");
    }
    try (AutoCloseables onFailure = new AutoCloseables()) {
      Storage storage = onFailure.add(openFile(path, false, IMAGE_IN_CHAIN));
      if (format == null) {
        format = HeaderLoader.looksLikeQcow2(storage) ? "qcow2" : "raw";
      }
      BlockDevice device =
          switch (format) {
            case "qcow2" -> openBelow(storage, path);
            case "raw" -> openRaw(storage);
            default ->
                throw new UnsupportedFeatureException(
                    image,
                    Qcow2Exception.NO_OFFSET,
                    "backing file format \"" + Names.printable(format) + "\"");
          };
      onFailure.keep();
      return device;
    }
  }

  private BlockDevice openRaw(Storage storage) throws IOException {
    enter(storage);
    return RawImage.over(storage);
  }

  private BlockDevice openBelow(Storage storage, Path path) throws IOException {
    ChainOpener below = new ChainOpener(options.forBacking(), identities);
    below.depth = depth;
    return below.open(storage, path, false);
  }
}
