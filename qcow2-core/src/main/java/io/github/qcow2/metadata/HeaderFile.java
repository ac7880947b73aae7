package io.github.qcow2.metadata;

import io.github.qcow2.format.Header;
import java.io.IOException;

/**
 * The header in memory and in the first cluster of the file.
 *
 * <p>Owns the current {@link Header}. A change is one write inside one 512-byte sector between two
 * barriers, so that a power cut leaves the old header or the new one; before it, everything that
 * the new header points to is durable. Called by one thread at a time: while the image is being
 * opened, or from {@link FlushEpochs#exclusively} and {@link FlushEpochs#withoutFlush}.
 */
public final class HeaderFile {
  private final TrackedFile file;
  private volatile Header header;

  /** Takes the header that was read from the file. */
  public HeaderFile(TrackedFile file, Header header) {
    this.file = file;
    this.header = header;
  }

  /** The header as it is on disk. */
  public Header header() {
    return header;
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
    boolean known = false;
    try {
      file.write(next.encode(offset, length), offset, ClusterKind.HEADER);
      file.barrier();
      known = true;
    } finally {
      if (!known) {
        // Which of the two headers is on disk is unknown; either is right only as long as nothing
        // more is written.
        file.fail("the header could not be written");
      }
    }
    header = next;
  }
}
