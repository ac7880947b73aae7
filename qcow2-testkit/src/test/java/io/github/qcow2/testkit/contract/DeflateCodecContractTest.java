package io.github.qcow2.testkit.contract;

import io.github.qcow2.codec.CompressionCodec;
import io.github.qcow2.codec.DeflateCodec;

class DeflateCodecContractTest extends CompressionCodecContract {
  private final CompressionCodec codec = new DeflateCodec();

  @Override
  protected CompressionCodec codec() {
    return codec;
  }
}
