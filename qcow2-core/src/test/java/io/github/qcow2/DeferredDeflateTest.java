package io.github.qcow2;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.codec.CompressionCodec;
import io.github.qcow2.storage.HeapStorage;
import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Enumeration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Codecs are looked for when there is something to compress or decompress, and not before. */
class DeferredDeflateTest {
  private static final int CLUSTER = 65_536;

  private final List<String> lookedFor = new ArrayList<>();

  private final ClassLoader loader =
      new URLClassLoader(new URL[0], DeferredDeflateTest.class.getClassLoader()) {
        @Override
        public Enumeration<URL> getResources(String name) throws IOException {
          if (name.endsWith(CompressionCodec.class.getName())) {
            lookedFor.add(name);
          }
          return super.getResources(name);
        }
      };

  @Test
  void imagesWithoutCompressedClustersLookForNoCodec() throws IOException {
    Thread thread = Thread.currentThread();
    ClassLoader before = thread.getContextClassLoader();
    thread.setContextClassLoader(loader);
    try (Qcow2Image image = Qcow2Image.create(new HeapStorage("image"), 4 * CLUSTER).build()) {
      image.write(ByteBuffer.wrap(new byte[] {1, 2, 3}), 100);
      image.read(ByteBuffer.allocate(CLUSTER), 0);
      assertThat(lookedFor).isEmpty();

      // By now this is another's context.
      thread.setContextClassLoader(before);
      image.writeCompressed(ByteBuffer.allocate(2 * CLUSTER), CLUSTER);
      image.read(ByteBuffer.allocate(CLUSTER), CLUSTER);
      assertThat(lookedFor).hasSize(1);
    } finally {
      thread.setContextClassLoader(before);
    }
  }
}
