package io.github.qcow2.libdeflate;

import io.github.qcow2.codec.CompressionCodec;
import io.github.qcow2.testkit.contract.CompressionCodecContract;
import org.junit.jupiter.api.condition.EnabledIf;

@EnabledIf(
    value = "io.github.qcow2.libdeflate.Libdeflate#isAvailable",
    disabledReason = "libdeflate is not installed")
class LibdeflateCodecContractTest extends CompressionCodecContract {
  private final CompressionCodec codec = new LibdeflateCodec();

  @Override
  protected CompressionCodec codec() {
    return codec;
  }
}
