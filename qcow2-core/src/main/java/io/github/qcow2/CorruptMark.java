package io.github.qcow2;

import io.github.qcow2.error.CorruptImageException;
import io.github.qcow2.format.Header;
import io.github.qcow2.format.IncompatibleFeature;
import io.github.qcow2.metadata.CorruptionLatch;
import io.github.qcow2.metadata.FlushEpochs;
import io.github.qcow2.metadata.HeaderFile;
import java.io.IOException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Says on disk that an image is corrupt, once a change has come upon damage (qcow2 spec, "Header",
 * incompatible feature bit 1). Nobody opens it for writing then, except to repair it. Version 2 has
 * no such bit: there, only the image object knows.
 *
 * <p>Owns whether that has been done, guarded by the flush lock. What is dirty in memory is not
 * written on the way; it may be what cannot be written. On disk, before: the old header. After: the
 * same with the bit set, durable.
 */
final class CorruptMark {
  private static final Logger LOG = LoggerFactory.getLogger(CorruptMark.class);

  private final CorruptionLatch latch;
  private final HeaderFile header;
  private final FlushEpochs epochs;

  /** Whether the header says so, or has no place for it; changes under the flush lock. */
  private volatile boolean set;

  private volatile boolean tried;

  CorruptMark(CorruptionLatch latch, HeaderFile header, FlushEpochs epochs) {
    this.latch = latch;
    this.header = header;
    this.epochs = epochs;
  }

  /**
   * Called at the end of every change, with no lock held that comes after the flush lock. Where the
   * mark cannot be made, the exception about the damage receives the second one as a suppressed
   * one.
   */
  void setIfFound() {
    CorruptImageException found = latch.first();
    if (found == null || tried) {
      return;
    }
    try {
      epochs.withoutFlush(() -> setOnce(found));
    } catch (IOException | RuntimeException e) {
      found.addSuppressed(e);
    }
  }

  /** Called when the image is closed: what could not be said before is tried once more. */
  void setAtLast() throws IOException {
    CorruptImageException found = latch.first();
    if (found != null && !set) {
      epochs.withoutFlush(() -> setOnce(found));
    }
  }

  private void setOnce(CorruptImageException found) throws IOException {
    if (set) {
      return;
    }
    if (!tried) {
      tried = true;
      LOG.warn("the image is corrupt, and nothing is changed any more: {}", found.getMessage());
    }
    Header now = header.header();
    if (now.version() > 2) {
      header.change(
          now.withIncompatibleFeatures(now.incompatibleFeatures() | IncompatibleFeature.CORRUPT),
          Header.INCOMPATIBLE_FEATURES_OFFSET,
          Header.INCOMPATIBLE_FEATURES_LENGTH);
    }
    set = true;
  }
}
