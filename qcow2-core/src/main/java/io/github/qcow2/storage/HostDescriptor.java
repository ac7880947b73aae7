package io.github.qcow2.storage;

import java.io.Closeable;
import java.io.IOException;

/**
 * An open file of a {@link HostFileProvider}.
 *
 * <p>What the file or its file system does not support is no failure: a method says that nothing
 * was done, and the caller does without. An {@link IOException} is one: no space, an input/output
 * error, or that the descriptor is closed.
 *
 * <p>No call is ended by {@link Thread#interrupt}. All methods may be called by any number of
 * threads at once, {@link #close()} included: calls under way are then done to their end on the
 * file that they were begun on.
 */
public interface HostDescriptor extends Closeable {
  /**
   * Makes a hole: the range reads as zeros, and its room is given back. The length of the file
   * stays, wherever the range ends.
   *
   * @param position byte offset
   * @param length in bytes, positive
   * @return false if that is not supported: nothing was done
   */
  boolean punchHole(long position, long length) throws IOException;

  /**
   * Makes a range read as zeros and keeps its room, extending the file where needed.
   *
   * @param position byte offset
   * @param length in bytes, positive
   * @return false if that is not supported: nothing was done
   */
  boolean zeroRange(long position, long length) throws IOException;

  /**
   * Reserves room for a range, extending the file where needed; what is there stays.
   *
   * @param position byte offset
   * @param length in bytes, positive
   * @return false if that is not supported: nothing was done
   */
  boolean allocate(long position, long length) throws IOException;

  /** How many bytes of disk the file occupies. */
  long allocatedBytes() throws IOException;

  /**
   * The first byte at or after a position that is not in a hole.
   *
   * @return {@link Long#MAX_VALUE} if there is none, -1 if holes are not told
   */
  long nextData(long position) throws IOException;

  /**
   * Where the first hole at or after a position begins.
   *
   * @return {@link Long#MAX_VALUE} if the position is past the end, -1 if holes are not told
   */
  long nextHole(long position) throws IOException;

  /**
   * Copies bytes of another file, or of this one where the ranges do not overlap.
   *
   * @param source a descriptor of the same provider
   * @param sourcePosition byte offset in the source
   * @param position byte offset in this file
   * @param length in bytes, positive
   * @return how many bytes were copied, which may be fewer; 0 if that is not supported for these
   *     files or if the source ends here
   */
  long copyFrom(HostDescriptor source, long sourcePosition, long position, long length)
      throws IOException;

  /**
   * Locks one byte, shared, for this descriptor: the lock is there until {@link #unlock} or {@link
   * #close}, whatever else happens to the file.
   *
   * @return false if somebody has locked it exclusively
   * @throws IOException if the file system has no locks
   * @throws UnsupportedOperationException if the platform has no locks of this kind
   */
  boolean lockShared(long position) throws IOException;

  /** Gives up the lock on one byte. */
  void unlock(long position) throws IOException;

  /**
   * Whether somebody other than this descriptor has locked a byte, in whatever way.
   *
   * @throws IOException if the file system has no locks
   * @throws UnsupportedOperationException if the platform has no locks of this kind
   */
  boolean isLockedElsewhere(long position) throws IOException;

  @Override
  void close() throws IOException;
}
