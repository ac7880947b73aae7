package io.github.qcow2.testkit.fault;

/**
 * What a storage asks of the host. A transfer that is cut into several is as many calls; asking for
 * the length is none.
 */
public enum StorageCall {
  /** Bytes are read. */
  READ,
  /** Bytes are written. */
  WRITE,
  /** Bytes are given back to the host. */
  DISCARD,
  /** Bytes are made zeros. */
  WRITE_ZEROES,
  /** Room is reserved. */
  ALLOCATE,
  /** Bytes are copied from another file. */
  COPY,
  /** The file is cut or extended. */
  SET_SIZE,
  /** A barrier: what was written is made durable. */
  FORCE,
  /** The file is closed. It is, also if the call fails. */
  CLOSE
}
