/** The command line: a drop-in for qemu-img and qemu-io. */
module io.github.qcow2.cli {
  requires io.github.qcow2.core;
  requires static org.jspecify;
}
