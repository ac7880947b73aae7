package io.github.qcow2.format;

import io.github.qcow2.format.HeaderProblem.Kind;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Finds in a well-formed header what keeps an image from being opened, or is worth a report. */
final class HeaderProblems {
  private final Header header;
  private final List<HeaderProblem> found = new ArrayList<>();

  private HeaderProblems(Header header) {
    this.header = header;
  }

  static List<HeaderProblem> of(Header header) {
    HeaderProblems problems = new HeaderProblems(header);
    problems.findInFields();
    problems.findInFeatures();
    problems.findInExtensions();
    return List.copyOf(problems.found);
  }

  private void findInFields() {
    if (header.recordedSize() != header.size()) {
      irregular(
          HeaderField.SIZE,
          "virtual size " + header.recordedSize() + " is not a multiple of 512; the rest is cut");
    }
    switch (header.cryptMethod()) {
      case 0 -> {}
      case 1 ->
          add(Kind.NEEDS_PASSPHRASE, HeaderField.CRYPT_METHOD, "encrypted with AES (method 1)");
      case 2 -> {
        encrypted("LUKS (method 2)");
        if (header.extension(HeaderExtension.ENCRYPTION) == null) {
          add(
              Kind.CONTRADICTION,
              HeaderField.CRYPT_METHOD,
              "LUKS encryption without an encryption header extension");
        }
      }
      default -> encrypted("unknown method " + Integer.toUnsignedString(header.cryptMethod()));
    }
    if (!HeaderReader.hasRefcountTable(header)) {
      add(
          Kind.NO_REFCOUNT_TABLE,
          HeaderField.REFCOUNT_TABLE_OFFSET,
          String.format(
              "no refcount table: %d clusters at offset 0x%x",
              header.refcountTableClusters(), header.refcountTableOffset()));
    }
    if (header.version() > 2 && header.headerLength() % 8 != 0) {
      irregular(
          HeaderField.HEADER_LENGTH,
          "header length " + header.headerLength() + " is not a multiple of 8");
    }
    if (CompressionType.of(header.compressionType()) == null) {
      add(
          Kind.UNKNOWN_COMPRESSION_TYPE,
          HeaderField.COMPRESSION_TYPE,
          "unknown compression type " + header.compressionType());
    }
  }

  private void findInFeatures() {
    long unknown = header.incompatibleFeatures() & ~IncompatibleFeature.KNOWN;
    if (unknown != 0) {
      add(
          Kind.UNKNOWN_FEATURE,
          HeaderField.INCOMPATIBLE_FEATURES,
          describeUnknown(unknown, header.extension(HeaderExtension.FEATURE_NAMES)));
    }
    if (header.isDirty()) {
      add(
          Kind.MARKED_DIRTY,
          HeaderField.INCOMPATIBLE_FEATURES,
          "not closed cleanly: refcounts may be stale");
    }
    if (header.isCorrupt()) {
      add(Kind.MARKED_CORRUPT, HeaderField.INCOMPATIBLE_FEATURES, "marked corrupt");
    }
    if (header.hasRawDataFile() && !header.hasDataFile()) {
      add(
          Kind.CONTRADICTION,
          HeaderField.AUTOCLEAR_FEATURES,
          "raw external data without an external data file");
    }
    if (header.hasRawDataFile() && header.backingFile() != null) {
      irregular(HeaderField.AUTOCLEAR_FEATURES, "raw external data with a backing file");
    }
    if (header.hasDataFile() && header.snapshots() > 0) {
      irregular(HeaderField.NB_SNAPSHOTS, "internal snapshots with an external data file");
    }
  }

  private void findInExtensions() {
    Set<Integer> seen = new HashSet<>();
    long at = header.headerLength();
    for (HeaderExtension extension : header.extensions()) {
      if (HeaderExtension.isKnown(extension.type()) && !seen.add(extension.type())) {
        irregular(
            at,
            String.format(
                "header extension 0x%08x more than once; the last one counts", extension.type()));
      }
      if (extension.type() == HeaderExtension.FEATURE_NAMES
          && extension.length() % FeatureNameTable.ENTRY_BYTES != 0) {
        irregular(at, "feature name table of " + extension.length() + " bytes, no multiple of 48");
      }
      if (extension.type() == HeaderExtension.BACKING_FORMAT && header.backingFile() == null) {
        irregular(at, "backing format without a backing file");
      }
      if (extension.type() == HeaderExtension.DATA_FILE && !header.hasDataFile()) {
        irregular(at, "name of an external data file without its feature bit");
      }
      at += HeaderExtension.PREFIX_BYTES + ((extension.length() + 7L) & -8L);
    }
  }

  /** Names the bits, with the image's own table where it has one. */
  static String describeUnknown(long unknown, @Nullable HeaderExtension names) {
    StringBuilder message = new StringBuilder("unknown incompatible feature");
    String separator = ": ";
    for (int bit = 0; bit < Long.SIZE; bit++) {
      if (((unknown >>> bit) & 1) != 0) {
        message.append(separator).append("bit ").append(bit);
        separator = ", ";
        String name =
            names == null ? null : FeatureNameTable.name(names, FeatureNameTable.INCOMPATIBLE, bit);
        if (name != null) {
          message.append(" (").append(name).append(')');
        }
      }
    }
    return message.toString();
  }

  private void encrypted(String method) {
    add(Kind.ENCRYPTED, HeaderField.CRYPT_METHOD, "encrypted with " + method);
  }

  private void irregular(long offset, String rule) {
    add(Kind.IRREGULAR, offset, rule);
  }

  private void add(Kind kind, long offset, String rule) {
    found.add(new HeaderProblem(kind, offset, rule));
  }
}
