package io.github.qcow2.metadata;

import io.github.qcow2.error.CorruptImageException;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * Whether a change has come upon damage in the image. Once it has, nothing is changed any more:
 * what is wrong with the tables is unknown, and each further change could destroy more.
 *
 * <p>Owns the first find. No lock, so it may be called from anywhere; whoever called the operation
 * that found something sees to it, without any lock, that the image is marked on disk.
 */
public final class CorruptionLatch implements Damage {
  private final String image;
  private final AtomicReference<@Nullable CorruptImageException> first = new AtomicReference<>();

  /** Nothing has been found yet. */
  public CorruptionLatch(String image) {
    this.image = image;
  }

  @Override
  public CorruptImageException found(long offset, String rule) {
    CorruptImageException found = new CorruptImageException(image, offset, rule);
    first.compareAndSet(null, found);
    return found;
  }

  /** What was found first, or null. */
  public @Nullable CorruptImageException first() {
    return first.get();
  }

  /**
   * Called before each change.
   *
   * @throws CorruptImageException if something has been found
   */
  public void refuseChanges() throws CorruptImageException {
    CorruptImageException found = first.get();
    if (found != null) {
      throw new CorruptImageException(
          image,
          found.offset(),
          "no more changes, since the image has been found corrupt: " + found.rule(),
          found);
    }
  }
}
