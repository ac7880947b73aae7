package io.github.qcow2.metadata;

import io.github.qcow2.format.AutoclearFeature;
import io.github.qcow2.format.Header;
import io.github.qcow2.format.IncompatibleFeature;
import java.io.IOException;

/**
 * The header in memory and in the first cluster of the file.
 *
 * <p>Owns the current {@link Header}. A change is one write inside one 512-byte sector between two
 * barriers, so that a power cut leaves the old header or the new one; before it, everything that
 * the new header points to is durable. If the change fails the header is what it was, or, where
 * that cannot be had, nothing more is written to the file. Called by one thread at a time: while
 * the image is being opened, or under the flush lock of {@link FlushEpochs}.
 */
public final class HeaderFile {
  private final TrackedFile file;
  private volatile Header header;

  /** Takes the header that was read from the file. */
  public HeaderFile(TrackedFile file, Header header) {
    this.file = file;
    this.header = header;
  }

  /** The file that the header is in. */
  public TrackedFile file() {
    return file;
  }

  /** The header as it is on disk. */
  public Header header() {
    return header;
  }

  /**
   * Says on disk that what autoclear features unknown to us promise may no longer hold. Comes
   * before every other change of the file.
   */
  public void clearUnknownAutoclear() throws IOException {
    long known = header.autoclearFeatures() & AutoclearFeature.KNOWN;
    if (known != header.autoclearFeatures()) {
      change(
          header.withAutoclearFeatures(known),
          Header.AUTOCLEAR_FEATURES_OFFSET,
          Header.AUTOCLEAR_FEATURES_LENGTH);
    }
  }

  /**
   * Sets or clears the dirty bit: whether counts and COPIED flags may be stale.
   *
   * @throws IllegalArgumentException if version 2 has no such bit
   */
  public void markDirty(boolean dirty) throws IOException {
    long others = header.incompatibleFeatures() & ~IncompatibleFeature.DIRTY;
    change(
        header.withIncompatibleFeatures(dirty ? others | IncompatibleFeature.DIRTY : others),
        Header.INCOMPATIBLE_FEATURES_OFFSET,
        Header.INCOMPATIBLE_FEATURES_LENGTH);
  }

  /**
   * Replaces the header by one that differs from it only in some bytes.
   *
   * @param next the new header
   * @param offset of the first byte that differs
   * @param length of what differs, inside one 512-byte sector
   */
  public void change(Header next, int offset, int length) throws IOException {
    file.barrier();
    try {
      file.write(next.encode(offset, length), offset, ClusterKind.HEADER);
    } catch (Throwable t) {
      restore(offset, length, t);
      throw t;
    }
    file.barrier();
    header = next;
  }

  /**
   * A write that failed may have left the new bytes. Either header is right only as long as nothing
   * else is written, so the old one is made durable again, or nothing will be written any more.
   */
  private void restore(int offset, int length, Throwable failure) {
    boolean restored = false;
    try {
      file.write(header.encode(offset, length), offset, ClusterKind.HEADER);
      file.barrier();
      restored = true;
    } catch (IOException e) {
      failure.addSuppressed(e);
    } finally {
      if (!restored) {
        file.fail("the header could be neither written nor restored");
      }
    }
  }
}
