/** Faster deflate for compressed clusters: found by the core through its service. */
module io.github.qcow2.libdeflate {
  requires transitive io.github.qcow2.core;
  requires com.sun.jna;
  requires org.slf4j;
  requires static transitive org.jspecify;

  exports io.github.qcow2.libdeflate;

  provides io.github.qcow2.codec.CompressionCodec with
      io.github.qcow2.libdeflate.LibdeflateCodec;
}
