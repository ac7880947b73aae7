package io.github.qcow2;

import io.github.qcow2.storage.Storage;
import java.io.IOException;

/** Takes bytes from where they lie in a host file; see {@link BlockDevice#copyTo}. */
@FunctionalInterface
public interface HostCopy {
  /**
   * Copies a range of a host file, all of it or nothing.
   *
   * @param storage the host file, which stays as it is
   * @param position byte offset in it
   * @param length in bytes
   * @return false if that cannot be done: nothing was written then
   */
  boolean from(Storage storage, long position, long length) throws IOException;
}
