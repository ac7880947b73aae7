package io.github.qcow2;

/**
 * Why clusters of an image file come free. {@link ImageOpener#hostDiscard} says for which causes
 * the host is told that it need not keep their bytes, so that the file takes less space (QEMU's
 * {@code pass-discard-request}, {@code -snapshot} and {@code -other}).
 *
 * <p>Not listed, since there is no choice: clusters whose data a write has put elsewhere are never
 * passed on, as the next write will use them; those that a failed change had taken always are.
 */
public enum DiscardCause {
  /** The guest discarded or zeroed what they held. */
  REQUEST,
  /** A snapshot was deleted that alone held them. */
  SNAPSHOT,
  /** They were tables that have moved, or came free in some other way. */
  OTHER
}
