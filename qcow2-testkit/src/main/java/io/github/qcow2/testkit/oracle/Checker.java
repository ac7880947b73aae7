package io.github.qcow2.testkit.oracle;

import static io.github.qcow2.testkit.oracle.BigEndian.u64;

import io.github.qcow2.testkit.oracle.ClusterUse.Kind;
import io.github.qcow2.testkit.oracle.HeaderFields.Extension;
import java.io.IOException;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * One check of one image: goes through everything that uses a cluster, then compares with the
 * refcounts. Itself looks after the header, its extensions and the snapshot table.
 */
final class Checker {
  private static final int RAW_DATA_FILE = 2;
  private static final int BITMAPS_ARE_VALID = 1;
  private static final int LEAST_EXTRA_IN_VERSION_3 = 16;
  private static final int MOST_L1_ENTRIES = 4 << 20;

  private final CheckState state;
  private final HeaderFields header;
  private final Findings findings;

  private Checker(CheckState state) {
    this.state = state;
    this.header = state.header;
    this.findings = state.findings;
  }

  static CheckResult check(ByteSource image) throws IOException {
    Findings findings = new Findings();
    try {
      HeaderFields header = HeaderParser.parse(image);
      new Checker(new CheckState(image, header, findings)).check();
    } catch (SpecViolation e) {
      findings.add(FindingKind.HEADER, e.offset(), e.rule());
    }
    return findings.result();
  }

  private void check() throws IOException {
    state.uses(0, state.clusterSize, Kind.HEADER);
    checkExtensions();
    MappingCheck mapping = new MappingCheck(state);
    mapping.check(header.l1Offset(), header.l1Size(), Kind.ACTIVE_L1);
    if (header.snapshotCount() > 0) {
      checkSnapshots(mapping);
    }
    RefcountCheck refcounts = new RefcountCheck(state);
    refcounts.useStructures();
    if ((header.autoclear() & BITMAPS_ARE_VALID) != 0) {
      new BitmapCheck(state).check();
    }
    refcounts.compare();
  }

  private void checkExtensions() throws IOException {
    List<Extension> extensions = header.extensions();
    if (extensions.size() > 1) {
      Set<Integer> seen = new HashSet<>();
      for (Extension extension : extensions) {
        if (!seen.add(extension.type())) {
          findings.add(
              FindingKind.EXTENSION, extension.offset() - 8, "type 0x%x again", extension.type());
        }
      }
    }
    if (header.headerLength() % 8 != 0) {
      findings.add(
          FindingKind.EXTENSION,
          100,
          "header length %d is no multiple of 8",
          header.headerLength());
    }
    if ((header.autoclear() & RAW_DATA_FILE) != 0) {
      if (!header.hasDataFile()) {
        findings.add(FindingKind.DATA_FILE, 88, "a raw data file, but no data file");
      } else if (header.backingName() != null) {
        findings.add(FindingKind.DATA_FILE, 88, "both a raw data file and a backing file");
      }
    }
    Extension encryption = header.extension(HeaderFields.ENCRYPTION);
    if (encryption != null) {
      checkEncryption(encryption);
    }
  }

  private void checkEncryption(Extension extension) throws IOException {
    if (extension.length() != 16) {
      findings.add(
          FindingKind.EXTENSION, extension.offset(), "encryption: %d bytes", extension.length());
      return;
    }
    long offset = u64(state.image, extension.offset());
    if (state.isAligned(extension.offset(), offset, Kind.ENCRYPTION_HEADER)) {
      state.uses(offset, u64(state.image, extension.offset() + 8), Kind.ENCRYPTION_HEADER);
    }
  }

  private void checkSnapshots(MappingCheck mapping) throws IOException {
    if (header.hasDataFile()) {
      findings.add(FindingKind.DATA_FILE, 60, "%d snapshots", header.snapshotCount());
    }
    List<SnapshotFields> snapshots;
    try {
      snapshots = SnapshotFields.parse(state.image, header);
    } catch (SpecViolation e) {
      findings.add(FindingKind.SNAPSHOT, e.offset(), e.rule());
      return;
    }
    SnapshotFields last = snapshots.get(snapshots.size() - 1);
    long length = last.entryOffset() + last.entryLength() - header.snapshotsOffset();
    state.uses(header.snapshotsOffset(), length, Kind.SNAPSHOT_TABLE);
    Set<String> ids = new HashSet<>();
    for (SnapshotFields snapshot : snapshots) {
      long at = snapshot.entryOffset();
      if (!ids.add(snapshot.id())) {
        findings.add(FindingKind.SNAPSHOT, at, "the id of another snapshot");
      }
      if (header.version() > 2 && snapshot.extraLength() < LEAST_EXTRA_IN_VERSION_3) {
        findings.add(FindingKind.SNAPSHOT, at + 36, "%d bytes extra data", snapshot.extraLength());
      }
      if (snapshot.l1Size() < 0 || snapshot.l1Size() > MOST_L1_ENTRIES) {
        findings.add(FindingKind.SNAPSHOT, at + 8, "%d L1 entries", snapshot.l1Size());
      } else if (state.isAligned(at, snapshot.l1Offset(), Kind.SNAPSHOT_L1)) {
        mapping.check(snapshot.l1Offset(), snapshot.l1Size(), Kind.SNAPSHOT_L1);
      }
    }
  }
}
