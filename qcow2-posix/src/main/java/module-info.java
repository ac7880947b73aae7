/** What Linux can do with files and Java cannot: found by the core through its service. */
module io.github.qcow2.posix {
  requires transitive io.github.qcow2.core;
  requires com.sun.jna;
  requires static transitive org.jspecify;

  exports io.github.qcow2.posix;

  provides io.github.qcow2.storage.HostFileProvider with
      io.github.qcow2.posix.PosixHostFiles;
}
