package io.github.qcow2;

import java.io.IOException;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * Things to be closed together, last first, all of them even if one fails. Used in a {@code try}
 * with resources; {@link #keep()} lets go of them when the work has succeeded and somebody else
 * owns them. Used by one thread.
 */
final class AutoCloseables implements AutoCloseable {
  private final ArrayDeque<AutoCloseable> open = new ArrayDeque<>();

  /** Takes charge of one more. */
  <T extends AutoCloseable> T add(T resource) {
    open.push(resource);
    return resource;
  }

  /** Leaves everything open. */
  void keep() {
    open.clear();
  }

  @Override
  public void close() throws IOException {
    @Nullable IOException failure = null;
    for (AutoCloseable resource : open) {
      try {
        resource.close();
      } catch (IOException e) {
        failure = join(failure, e);
      } catch (Exception e) {
        failure = join(failure, new IOException(e));
      }
    }
    open.clear();
    if (failure != null) {
      throw failure;
    }
  }

  private static IOException join(@Nullable IOException first, IOException next) {
    if (first == null) {
      return next;
    }
    first.addSuppressed(next);
    return first;
  }
}
