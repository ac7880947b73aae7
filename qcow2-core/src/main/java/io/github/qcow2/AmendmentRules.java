package io.github.qcow2;

import io.github.qcow2.error.LimitExceededException;
import io.github.qcow2.error.Qcow2Exception;
import io.github.qcow2.error.UnsupportedFeatureException;
import io.github.qcow2.format.Geometry;
import io.github.qcow2.format.Header;
import io.github.qcow2.format.HeaderProblem;
import io.github.qcow2.format.IncompatibleFeature;
import io.github.qcow2.format.Limits;
import io.github.qcow2.format.SnapshotRecord;
import io.github.qcow2.format.SnapshotTable;
import java.util.Objects;

/** What an image cannot become, as far as its header tells. Reads and writes nothing. */
final class AmendmentRules {
  private final String image;
  private final Limits limits;
  private final AmendedValues values;

  AmendmentRules(String image, Limits limits, AmendedValues values) {
    this.image = image;
    this.limits = limits;
    this.values = values;
  }

  /**
   * Looks for a reason to refuse.
   *
   * @param header of the image as it is
   */
  void check(Header header) throws Qcow2Exception {
    for (HeaderProblem problem : header.problems()) {
      if (problem.kind().preventsWriting()) {
        throw problem.toException(image);
      }
    }
    checkVersion(header);
    checkDataFile(header);
    if (values.size != null && values.size != header.size()) {
      checkSize(header, values.size);
    }
  }

  private void checkVersion(Header header) throws UnsupportedFeatureException {
    if (targetVersion(header) > 2) {
      return;
    }
    int order = Objects.requireNonNullElse(values.refcountOrder, header.geometry().refcountOrder());
    if (order != Geometry.DEFAULT_REFCOUNT_ORDER) {
      throw unsupported("version 2 has 16-bit refcounts only");
    }
    if (Boolean.TRUE.equals(values.lazyRefcounts)) {
      throw unsupported("a version 2 image has no lazy refcounts");
    }
    long others =
        header.incompatibleFeatures()
            & ~(IncompatibleFeature.DIRTY | IncompatibleFeature.COMPRESSION_TYPE);
    if (others != 0) {
      throw unsupported(
          "version 2 does not have the incompatible features 0x" + Long.toHexString(others));
    }
    if (header.bitmaps() != null) {
      throw unsupported("version 2 has no persistent bitmaps");
    }
  }

  /**
   * Looks for a snapshot that version 2 cannot have; only for an image that is to be downgraded.
   *
   * @throws UnsupportedFeatureException if there is one
   */
  void checkSnapshots(Header header, SnapshotTable snapshots) throws UnsupportedFeatureException {
    long size = Objects.requireNonNullElse(values.size, header.size());
    for (SnapshotRecord snapshot : snapshots.records()) {
      if (snapshot.diskSize().orElse(size) != size) {
        throw unsupported("in version 2, all snapshots are as large as the disk");
      }
      if (snapshot.vmStateSize() >>> Integer.SIZE != 0) {
        throw unsupported("in version 2, a snapshot holds less than 4 GiB of machine state");
      }
    }
  }

  /** The version that the image will have. */
  int targetVersion(Header header) {
    return Objects.requireNonNullElse(values.version, header.version());
  }

  private void checkDataFile(Header header) throws Qcow2Exception {
    if (values.dataFile != null) {
      if (!header.hasDataFile()) {
        throw unsupported("the image has no external data file whose name could change");
      }
      if (!values.dataFile.isEmpty()) {
        header.withDataFile(image, values.dataFile);
      }
    }
    if (Boolean.TRUE.equals(values.rawDataFile) && !header.hasRawDataFile()) {
      throw unsupported("an image cannot be given a raw data file after it has been created");
    }
  }

  private void checkSize(Header header, long size) throws Qcow2Exception {
    if (size < header.size() && !values.permitsShrinking) {
      throw new IllegalArgumentException(
          image
              + ": "
              + size
              + " bytes are less than the disk has, and shrinking is not permitted");
    }
    if (header.geometry().l1EntriesFor(size) > limits.l1Bytes() / Long.BYTES) {
      throw new LimitExceededException(
          image,
          Header.L1_TABLE_FIELDS_OFFSET,
          "a disk of " + size + " bytes needs an L1 table of more than " + limits.l1Bytes());
    }
    if (header.hasDataFile() && size > Geometry.HOST_OFFSET_END) {
      throw new LimitExceededException(
          image, Header.SIZE_FIELD_OFFSET, "a data file of more than 2^56 bytes");
    }
    boolean isUpgraded = header.version() == 2 && targetVersion(header) > 2;
    if (!isUpgraded) {
      DiskSize.requireChangeable(image, header);
    }
  }

  private UnsupportedFeatureException unsupported(String rule) {
    return new UnsupportedFeatureException(image, Qcow2Exception.NO_OFFSET, rule);
  }
}
