/** zstd for compressed clusters: found by the core through its service. */
module io.github.qcow2.zstd {
  requires transitive io.github.qcow2.core;
  requires com.github.luben.zstd_jni;
  requires static transitive org.jspecify;

  exports io.github.qcow2.zstd;

  provides io.github.qcow2.codec.CompressionCodec with
      io.github.qcow2.zstd.ZstdCodec;
}
