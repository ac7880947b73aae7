package io.github.qcow2.testkit.contract;

import io.github.qcow2.codec.CompressionCodec;
import io.github.qcow2.codec.DeflateCodec;

class SmallWindowCodecContractTest extends CompressionCodecContract {
  private final CompressionCodec codec = DeflateCodec.withSmallWindow(DeflateCodec.DEFAULT_LEVEL);

  @Override
  protected CompressionCodec codec() {
    return codec;
  }
}
