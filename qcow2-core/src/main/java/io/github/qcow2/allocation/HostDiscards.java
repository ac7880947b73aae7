package io.github.qcow2.allocation;

import io.github.qcow2.metadata.ClusterKind;
import io.github.qcow2.metadata.TrackedFile;
import java.io.IOException;
import java.util.EnumSet;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells the host which bytes of a file nobody needs any more, so that the file takes less space.
 *
 * <p>Who calls has made sure that nobody reads these bytes, now or after a power cut, who would
 * mind zeros, and that nobody writes there until the call returns. It is a favour: nothing depends
 * on it, so a host that cannot do it, or fails, is no error.
 *
 * <p>Owns the causes that are passed on; they do not change. Takes no lock.
 */
public final class HostDiscards {
  private static final Logger LOG = LoggerFactory.getLogger(HostDiscards.class);

  private final TrackedFile file;
  private final Set<DropCause> passed;
  private final AtomicBoolean warned = new AtomicBoolean();

  /**
   * Passes on what is discarded of a file.
   *
   * @param passed for which causes
   */
  public HostDiscards(TrackedFile file, Set<DropCause> passed) {
    this.file = file;
    this.passed = EnumSet.copyOf(passed);
  }

  /** Whether the host is told of clusters that come free for this cause. */
  public boolean passes(DropCause cause) {
    return passed.contains(cause);
  }

  /** Tells the host of all the ranges. Cannot fail. */
  public void pass(HostRanges ranges) {
    for (int i = 0; i < ranges.count(); i++) {
      try {
        file.discard(ranges.position(i), ranges.length(i), ClusterKind.DATA);
      } catch (IOException e) {
        if (warned.compareAndSet(false, true)) {
          LOG.warn(
              "{}: space is not given back: {}; said once for a file",
              file.storage(),
              e.toString());
        }
      }
    }
  }
}
