package io.github.qcow2.storage;

import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** The record locks of one file as an operating system keeps them, for processes that are names. */
final class FakeLocks {
  private record Held(String process, long position, boolean shared) {}

  private final List<Held> held = new ArrayList<>();
  private Runnable beforeStep = () -> {};

  /** Has something done before each lock is taken or released by {@link #as}. */
  void beforeStep(Runnable action) {
    beforeStep = action;
  }

  /** Locks as a process takes them. */
  RangeLocks.Taker as(String process) {
    return new RangeLocks.Taker() {
      @Override
      public @Nullable FileLock take(FileChannel channel, long position, boolean shared) {
        beforeStep.run();
        return lock(process, position, shared)
            ? new Lock(channel, process, position, shared)
            : null;
      }

      @Override
      public void pause(long nanos) {
        // Who is in the way stays there, or leaves at the next step.
      }
    };
  }

  synchronized boolean lock(String process, long position, boolean shared) {
    for (Held lock : held) {
      boolean compatible = lock.process().equals(process) || (shared && lock.shared());
      if (lock.position() == position && !compatible) {
        return false;
      }
    }
    held.add(new Held(process, position, shared));
    return true;
  }

  synchronized void unlock(String process, long position) {
    held.removeIf(lock -> lock.process().equals(process) && lock.position() == position);
  }

  /** What happens when a process closes any descriptor of the file. */
  synchronized void drop(String process) {
    held.removeIf(lock -> lock.process().equals(process));
  }

  synchronized boolean isLockedByOthers(String process, long position) {
    return held.stream()
        .anyMatch(lock -> lock.position() == position && !lock.process().equals(process));
  }

  /** Positions of the bytes that a process has locked, which must be shared. */
  synchronized Set<Long> heldBy(String process) {
    Set<Long> positions = new TreeSet<>();
    for (Held lock : held) {
      if (lock.process().equals(process)) {
        if (!lock.shared()) {
          throw new AssertionError("locked exclusively: " + lock);
        }
        positions.add(lock.position());
      }
    }
    return positions;
  }

  private final class Lock extends FileLock {
    private final String process;
    private boolean released;

    Lock(FileChannel channel, String process, long position, boolean shared) {
      super(channel, position, 1, shared);
      this.process = process;
    }

    @Override
    public boolean isValid() {
      return !released;
    }

    @Override
    public void release() {
      beforeStep.run();
      released = true;
      unlock(process, position());
    }
  }
}
