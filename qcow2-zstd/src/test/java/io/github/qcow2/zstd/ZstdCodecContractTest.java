package io.github.qcow2.zstd;

import io.github.qcow2.codec.CompressionCodec;
import io.github.qcow2.testkit.contract.CompressionCodecContract;

class ZstdCodecContractTest extends CompressionCodecContract {
  private final CompressionCodec codec = new ZstdCodec();

  @Override
  protected CompressionCodec codec() {
    return codec;
  }
}
