/** Random access to qcow2 disk images: see {@code io.github.qcow2.Qcow2Image} for the way in. */
module io.github.qcow2.core {
  requires org.slf4j;
  requires static transitive org.jspecify;

  exports io.github.qcow2;
  exports io.github.qcow2.cache;
  exports io.github.qcow2.check;
  exports io.github.qcow2.codec;
  exports io.github.qcow2.error;
  exports io.github.qcow2.format;
  exports io.github.qcow2.operation;
  exports io.github.qcow2.progress;
  exports io.github.qcow2.storage;

  uses io.github.qcow2.codec.CompressionCodec;
  uses io.github.qcow2.storage.HostFileProvider;
}
