package io.github.qcow2;

import io.github.qcow2.amend.RefcountWidthChange;
import io.github.qcow2.error.Qcow2Exception;
import io.github.qcow2.error.UnsupportedFeatureException;
import io.github.qcow2.format.CompatibleFeature;
import io.github.qcow2.format.Geometry;
import io.github.qcow2.format.Header;
import io.github.qcow2.format.HeaderProblem;
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
import io.github.qcow2.storage.Storage;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * One run of an {@link ImageAmender}: looks for reasons to refuse, then makes one change after the
 * other. Nobody else has the file.
 *
 * <p>Before each change and after it the image is sound and durable; each change itself is one
 * write inside one sector of the header.
 */
final class Amendment {
  private final Storage storage;
  private final String image;
  private final ImageOptions options;
  private final AmendedValues values;
  private final Progress progress;

  Amendment(Storage storage, ImageOptions options, AmendedValues values, Progress progress) {
    this.storage = storage;
    this.image = storage.name();
    this.options = options;
    this.values = values;
    this.progress = progress;
  }

  /** See {@link ImageAmender#run}. */
  void run() throws IOException {
    Header before = HeaderLoader.load(storage, options.limits());
    refuseProblems(before);
    refuseWhatTheVersionLacks(before);
    SnapshotTable snapshots = HeaderLoader.snapshots(storage, before, options.limits());
    if (before.isDirty()) {
      HeaderFile dirty = new HeaderFile(new TrackedFile(storage, true), before);
      new RefcountRepair(image, dirty.file(), dirty, options.limits()).run();
      before = dirty.header();
    }
    HeaderFile header = new HeaderFile(guarded(before, snapshots), before);
    RefcountWidthChange width = widthChange(header);
    if (width != null) {
      width.check();
    }
    if (width == null && !changesLazyRefcounts(before)) {
      return;
    }
    header.clearUnknownAutoclear();
    if (width != null) {
      width.run(progress);
    }
    if (changesLazyRefcounts(header.header())) {
      setLazyRefcounts(header);
    }
  }

  private void refuseProblems(Header header) throws Qcow2Exception {
    for (HeaderProblem problem : header.problems()) {
      if (problem.kind().preventsWriting()) {
        throw problem.toException(image);
      }
    }
  }

  private void refuseWhatTheVersionLacks(Header header) throws UnsupportedFeatureException {
    if (header.version() > 2) {
      return;
    }
    Integer order = values.refcountOrder;
    if (order != null && order != Geometry.DEFAULT_REFCOUNT_ORDER) {
      throw unsupported("version 2 has 16-bit refcounts only");
    }
    if (Boolean.TRUE.equals(values.lazyRefcounts)) {
      throw unsupported("a version 2 image has no lazy refcounts");
    }
  }

  private UnsupportedFeatureException unsupported(String rule) {
    return new UnsupportedFeatureException(image, Qcow2Exception.NO_OFFSET, rule);
  }

  /** The file with every table protected that a count may wrongly call free (I7). */
  private TrackedFile guarded(Header header, SnapshotTable snapshots) throws IOException {
    ProtectedTables tables = new ProtectedTables(image, header, snapshots, options.limits());
    OverlapGuard guard = tables.guard(OverlapCheck.CACHED, Damage.thrownOnly(image));
    TrackedFile file = new TrackedFile(storage, true, guard);
    BufferPool buffers = BufferPool.shared();
    int refcountEntries =
        (header.refcountTableClusters() << header.geometry().clusterBits()) / Long.BYTES;
    TopTable.load(file, ClusterKind.ACTIVE_L1, header.l1TableOffset(), header.l1Entries(), buffers)
        .reportTo(guard);
    TopTable.load(
            file,
            ClusterKind.REFCOUNT_TABLE,
            header.refcountTableOffset(),
            refcountEntries,
            buffers)
        .reportTo(guard);
    return file;
  }

  private @Nullable RefcountWidthChange widthChange(HeaderFile header) {
    Integer order = values.refcountOrder;
    return order == null || order == header.header().geometry().refcountOrder()
        ? null
        : new RefcountWidthChange(image, header.file(), header, options.limits(), order);
  }

  private boolean changesLazyRefcounts(Header header) {
    return values.lazyRefcounts != null && values.lazyRefcounts != header.hasLazyRefcounts();
  }

  private static void setLazyRefcounts(HeaderFile header) throws IOException {
    Header now = header.header();
    header.change(
        now.withCompatibleFeatures(now.compatibleFeatures() ^ CompatibleFeature.LAZY_REFCOUNTS),
        Header.COMPATIBLE_FEATURES_OFFSET,
        Header.COMPATIBLE_FEATURES_LENGTH);
  }
}
