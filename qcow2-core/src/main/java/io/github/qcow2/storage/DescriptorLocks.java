package io.github.qcow2.storage;

import java.io.IOException;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Locks that belong to a descriptor, taken as QEMU takes them: first one's own bytes, shared, and
 * then a look at those that stand in the way. Nobody slips in, since whoever comes later sees the
 * bytes that are locked by then.
 *
 * <p>Nothing but closing the descriptor drops them. It serves for nothing else, so that only {@link
 * #close} does that.
 */
final class DescriptorLocks implements FileLocks {
  private final HostDescriptor descriptor;
  private final LockClaim claim;
  private final Set<Integer> held = new LinkedHashSet<>();

  /** Takes over the descriptor, and no lock yet. */
  DescriptorLocks(HostDescriptor descriptor, LockClaim claim) {
    this.descriptor = descriptor;
    this.claim = claim;
  }

  /** To look at a lock, a file need not be open for writing. */
  @Override
  public boolean probes() {
    return true;
  }

  @Override
  public boolean areDroppedByClosing() {
    return false;
  }

  @Override
  public @Nullable String take() throws IOException {
    return LockAttempts.make(this::attempt, LockSupport::parkNanos);
  }

  private @Nullable String attempt() throws IOException {
    boolean taken = false;
    try {
      String obstacle = null;
      for (int position : claim.held()) {
        if (obstacle == null) {
          obstacle = lock(position);
        }
      }
      for (int position : claim.probed()) {
        if (obstacle == null && descriptor.isLockedElsewhere(position)) {
          obstacle = "another process " + LockClaim.meaning(position);
        }
      }
      taken = obstacle == null;
      return obstacle;
    } finally {
      if (!taken) {
        release();
      }
    }
  }

  private @Nullable String lock(int position) throws IOException {
    if (!descriptor.lockShared(position)) {
      return "another process " + LockClaim.meaning(position);
    }
    held.add(position);
    return null;
  }

  private void release() throws IOException {
    for (int position : List.copyOf(held)) {
      descriptor.unlock(position);
      held.remove(position);
    }
  }

  @Override
  public void close() {
    held.clear();
    OpenFile.closeQuietly(descriptor);
  }
}
