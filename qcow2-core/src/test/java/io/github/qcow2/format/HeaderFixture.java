package io.github.qcow2.format;

import io.github.qcow2.error.Qcow2Exception;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;

/** The first cluster of an image that qemu-img made, to be read as it is or changed first. */
final class HeaderFixture {
  static final List<String> ALL =
      List.of(
          "v2",
          "v2-backing",
          "v3",
          "v3-backing",
          "cluster-512",
          "cluster-4k",
          "cluster-8k",
          "cluster-2m-all",
          "data-file",
          "data-file-raw",
          "empty",
          "large",
          "luks",
          "used");

  private final ByteBuffer cluster;

  private HeaderFixture(byte[] cluster) {
    this.cluster = ByteBuffer.wrap(cluster);
  }

  static HeaderFixture of(String name) {
    try (InputStream in = HeaderFixture.class.getResourceAsStream("headers/" + name + ".hex")) {
      String text = new String(in.readAllBytes(), StandardCharsets.US_ASCII);
      byte[] bytes = HexFormat.of().parseHex(text.replace("\n", ""));
      int clusterBits = ByteBuffer.wrap(bytes).getInt(HeaderField.CLUSTER_BITS);
      return new HeaderFixture(Arrays.copyOf(bytes, 1 << clusterBits));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  HeaderFixture putInt(int offset, long value) {
    cluster.putInt(offset, (int) value);
    return this;
  }

  HeaderFixture putLong(int offset, long value) {
    cluster.putLong(offset, value);
    return this;
  }

  HeaderFixture put(int offset, byte... bytes) {
    cluster.put(offset, bytes);
    return this;
  }

  HeaderFixture put(int offset, String text) {
    return put(offset, text.getBytes(StandardCharsets.UTF_8));
  }

  /** Clears everything from an offset on. */
  HeaderFixture clearFrom(int offset) {
    Arrays.fill(cluster.array(), offset, cluster.capacity(), (byte) 0);
    return this;
  }

  byte[] bytes() {
    return cluster.array();
  }

  Header read() throws Qcow2Exception {
    return HeaderReader.read("image", cluster, Limits.DEFAULT);
  }

  Header readForRepair() throws Qcow2Exception {
    return HeaderReader.readForRepair("image", cluster, Limits.DEFAULT);
  }
}
