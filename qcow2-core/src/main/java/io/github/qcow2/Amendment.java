package io.github.qcow2;

import io.github.qcow2.amend.L2Tables;
import io.github.qcow2.amend.RefcountWidthChange;
import io.github.qcow2.error.Qcow2Exception;
import io.github.qcow2.error.UnsupportedFeatureException;
import io.github.qcow2.format.AutoclearFeature;
import io.github.qcow2.format.CompatibleFeature;
import io.github.qcow2.format.Geometry;
import io.github.qcow2.format.Header;
import io.github.qcow2.format.HeaderExtension;
import io.github.qcow2.format.SnapshotRecord;
import io.github.qcow2.format.SnapshotTable;
import io.github.qcow2.metadata.BufferPool;
import io.github.qcow2.metadata.ClusterKind;
import io.github.qcow2.metadata.Damage;
import io.github.qcow2.metadata.HeaderFile;
import io.github.qcow2.metadata.OverlapGuard;
import io.github.qcow2.metadata.TopTable;
import io.github.qcow2.metadata.TrackedFile;
import io.github.qcow2.progress.Progress;
import io.github.qcow2.repair.RefcountRepair;
import io.github.qcow2.storage.HeapStorage;
import io.github.qcow2.storage.Storage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One run of an {@link ImageAmender}: looks for reasons to refuse, then makes one change after the
 * other. Nobody else has the file.
 *
 * <p>Before each change and after it the image is sound and durable; each change itself is one
 * write inside one sector of the header, but for that of the size.
 */
final class Amendment {
  private final Storage storage;
  private final @Nullable Path path;
  private final String image;
  private final ImageOptions options;
  private final AmendedValues values;
  private final Progress progress;

  /**
   * Prepares the run.
   *
   * @param path against which files are found that the image names
   */
  Amendment(
      Storage storage,
      @Nullable Path path,
      ImageOptions options,
      AmendedValues values,
      Progress progress) {
    this.storage = storage;
    this.path = path;
    this.image = storage.name();
    this.options = options;
    this.values = values;
    this.progress = progress;
    options.keepsStorage = true;
  }

  /** See {@link ImageAmender#run}. */
  void run() throws IOException {
    Header before = HeaderLoader.load(storage, options.limits());
    AmendmentRules rules = new AmendmentRules(image, options.limits(), values);
    rules.check(before);
    boolean upgrades = rules.targetVersion(before) > before.version();
    boolean downgrades = rules.targetVersion(before) < before.version();
    SnapshotTable snapshots = HeaderLoader.snapshots(storage, before, options.limits());
    if (changesSize(before)) {
      // Everything that is opened then can be opened.
      new ChainOpener(options).open(storage, path, false).close();
    }
    if (downgrades) {
      rules.checkSnapshots(before, snapshots);
      checkDowngrade(before, snapshots);
    }
    if (before.isDirty()) {
      HeaderFile dirty = new HeaderFile(new TrackedFile(storage, true), before);
      new RefcountRepair(image, dirty.file(), dirty, options.limits()).run();
    }
    HeaderFile header = load();
    if (changesWidth(header.header())) {
      widthChange(header).check();
    }
    if (!upgrades && !downgrades && isAsWanted(header.header())) {
      return;
    }
    checkReplaceable(header);
    header.clearUnknownAutoclear();
    if (upgrades) {
      upgrade(snapshots);
      header = load();
    }
    if (changesWidth(header.header())) {
      widthChange(header).run(progress);
    }
    changeHeader(header);
    if (changesSize(header.header())) {
      changeSize();
    }
    if (downgrades) {
      downgrade(snapshots);
    }
  }

  /** The header as it is in the file, which is sound. */
  private HeaderFile load() throws IOException {
    Header header = HeaderLoader.load(storage, options.limits());
    SnapshotTable snapshots = HeaderLoader.snapshots(storage, header, options.limits());
    return new HeaderFile(guarded(header, snapshots), header);
  }

  /** Finds out whether the first cluster has room for the header as it will be. */
  private void checkReplaceable(HeaderFile header) throws IOException {
    Header now = header.header();
    int version = Objects.requireNonNullElse(values.version, now.version());
    // Where the tables are and how wide counts are has no influence on the length.
    Header as16Bits =
        now.version() == 2
            ? now
            : now.withRefcounts(
                now.refcountTableOffset(),
                now.refcountTableClusters(),
                Geometry.DEFAULT_REFCOUNT_ORDER);
    header.checkReplaceable(image, withDataFile(as16Bits).withVersion(image, version));
  }

  private void checkDowngrade(Header header, SnapshotTable snapshots) throws IOException {
    options.codec(image, header);
    L2Tables tables = tables(header, snapshots);
    if (header.compressionType() != 0 && tables.haveCompressed()) {
      throw new UnsupportedFeatureException(
          image,
          Qcow2Exception.NO_OFFSET,
          "version 2 has no compressed clusters but deflated ones");
    }
  }

  private L2Tables tables(Header header, SnapshotTable snapshots) throws IOException {
    return L2Tables.read(
        image, new TrackedFile(storage, true), header, snapshots, options.limits());
  }

  private void upgrade(SnapshotTable snapshots) throws IOException {
    if (!snapshots.records().stream().allMatch(SnapshotRecord::isComplete)) {
      try (Qcow2Image opened = openAlone()) {
        opened.completeSnapshotTable();
      }
    }
    HeaderFile header = load();
    header.replace(image, header.header().withVersion(image, 3));
  }

  private void downgrade(SnapshotTable snapshots) throws IOException {
    long[] offsets = tables(HeaderLoader.load(storage, options.limits()), snapshots).offsets();
    try (Qcow2Image opened = openAlone()) {
      opened.expandZeroes(offsets, progress);
    }
    HeaderFile header = load();
    header.replace(image, header.header().withVersion(image, 2));
  }

  /** Opens the image for work that needs nothing of what is below it. */
  private Qcow2Image openAlone() throws IOException {
    BlockDevice nothing = RawImage.over(new HeapStorage("nothing"));
    ImageOptions alone = options.forBacking();
    alone.references = reference -> new ReferencePolicy.Answer.UseDevice(nothing);
    alone.lazyRefcounts = false;
    alone.keepsStorage = true;
    return new ChainOpener(alone).open(storage, path, true);
  }

  /** The file with every table protected that a count may wrongly call free (I7). */
  private TrackedFile guarded(Header header, SnapshotTable snapshots) throws IOException {
    ProtectedTables tables = new ProtectedTables(image, header, snapshots, options.limits());
    OverlapGuard guard = tables.guard(OverlapCheck.CACHED, Damage.thrownOnly(image));
    TrackedFile file = new TrackedFile(storage, true, guard);
    BufferPool buffers = BufferPool.shared();
    TopTable.load(file, ClusterKind.ACTIVE_L1, header.l1TableOffset(), header.l1Entries(), buffers)
        .reportTo(guard);
    TopTable.load(
            file,
            ClusterKind.REFCOUNT_TABLE,
            header.refcountTableOffset(),
            header.refcountTableEntries(),
            buffers)
        .reportTo(guard);
    return file;
  }

  private RefcountWidthChange widthChange(HeaderFile header) {
    int order = Objects.requireNonNull(values.refcountOrder);
    return new RefcountWidthChange(image, header.file(), header, options.limits(), order);
  }

  /** Whether all but the version is. */
  private boolean isAsWanted(Header header) {
    return !(changesWidth(header)
        || changesDataFile(header)
        || changesRawDataFile(header)
        || changesLazyRefcounts(header)
        || changesSize(header));
  }

  private boolean changesWidth(Header header) {
    return values.refcountOrder != null
        && values.refcountOrder != header.geometry().refcountOrder();
  }

  private boolean changesDataFile(Header header) {
    return values.dataFile != null
        && !values.dataFile.equals(Objects.requireNonNullElse(header.dataFile(), ""));
  }

  private boolean changesRawDataFile(Header header) {
    return values.rawDataFile != null && values.rawDataFile != header.hasRawDataFile();
  }

  private boolean changesLazyRefcounts(Header header) {
    return values.lazyRefcounts != null && values.lazyRefcounts != header.hasLazyRefcounts();
  }

  private boolean changesSize(Header header) {
    return values.size != null && values.size != header.size();
  }

  /** The header with the name of the data file that is wanted. */
  private Header withDataFile(Header header) throws IOException {
    String name = values.dataFile;
    if (name == null || !changesDataFile(header)) {
      return header;
    }
    return name.isEmpty()
        ? header.withoutExtension(image, HeaderExtension.DATA_FILE)
        : header.withDataFile(image, name);
  }

  private void changeHeader(HeaderFile header) throws IOException {
    Header now = header.header();
    if (changesDataFile(now)) {
      header.replace(image, withDataFile(now));
    }
    if (changesRawDataFile(now)) {
      long others = header.header().autoclearFeatures() & ~AutoclearFeature.RAW_DATA_FILE;
      header.change(
          header.header().withAutoclearFeatures(others),
          Header.AUTOCLEAR_FEATURES_OFFSET,
          Header.AUTOCLEAR_FEATURES_LENGTH);
    }
    if (changesLazyRefcounts(now)) {
      long switched = header.header().compatibleFeatures() ^ CompatibleFeature.LAZY_REFCOUNTS;
      header.change(
          header.header().withCompatibleFeatures(switched),
          Header.COMPATIBLE_FEATURES_OFFSET,
          Header.COMPATIBLE_FEATURES_LENGTH);
    }
  }

  private void changeSize() throws IOException {
    long size = Objects.requireNonNull(values.size);
    try (Qcow2Image opened = new ChainOpener(options).open(storage, path, true)) {
      if (size < opened.size()) {
        opened.shrink(size);
      } else {
        opened.grow(size, values.preallocation);
      }
    }
  }
}
