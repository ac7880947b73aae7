package io.github.qcow2.codec;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which codec is used where there are several for one compression type. */
class CodecChoiceTest {
  @TempDir Path directory;

  /** A codec of a type of its own, unless a subclass says otherwise. */
  public static class Ordinary implements CompressionCodec {
    @Override
    public int compressionType() {
      return 77;
    }

    @Override
    public String name() {
      return "test";
    }

    @Override
    public void decompress(ByteBuffer source, ByteBuffer target) {
      throw new UnsupportedOperationException();
    }

    @Override
    public int compress(ByteBuffer source, ByteBuffer target) {
      return NOT_COMPRESSIBLE;
    }
  }

  /** Better, and there. */
  public static final class Preferred extends Ordinary {
    @Override
    public int preference() {
      return 5;
    }
  }

  /** The best, but something of the host is missing. */
  public static final class Unavailable extends Ordinary {
    @Override
    public int preference() {
      return 9;
    }

    @Override
    public boolean isAvailable() {
      return false;
    }
  }

  /** Fails as one does whose own libraries are missing. */
  public static final class Broken extends Ordinary {
    @Override
    public int preference() {
      return 9;
    }

    @Override
    public boolean isAvailable() {
      throw new NoClassDefFoundError("com/example/Missing");
    }
  }

  /** Deflate that is no better than the core's. */
  public static final class OtherDeflate extends Ordinary {
    @Override
    public int compressionType() {
      return 0;
    }
  }

  /** Deflate that is better than the core's. */
  public static final class FasterDeflate extends Ordinary {
    @Override
    public int compressionType() {
      return 0;
    }

    @Override
    public int preference() {
      return 1;
    }
  }

  private @Nullable CompressionCodec find(int type, List<String> services) throws IOException {
    Path list = directory.resolve("META-INF/services/" + CompressionCodec.class.getName());
    Files.createDirectories(list.getParent());
    Files.write(list, services);
    URL[] urls = {directory.toUri().toURL()};
    try (URLClassLoader loader = new URLClassLoader(urls, getClass().getClassLoader())) {
      return CompressionCodecs.find(type, loader);
    }
  }

  private static String name(Class<?> service) {
    return service.getName();
  }

  @Test
  void higherPreferenceWinsInEitherOrder() throws IOException {
    assertThat(find(77, List.of(name(Ordinary.class), name(Preferred.class))))
        .isInstanceOf(Preferred.class);
    assertThat(find(77, List.of(name(Preferred.class), name(Ordinary.class))))
        .isInstanceOf(Preferred.class);
  }

  @Test
  void codecThatIsNotAvailableIsPassedOver() throws IOException {
    assertThat(find(77, List.of(name(Unavailable.class), name(Preferred.class))))
        .isInstanceOf(Preferred.class);
    assertThat(CompressionCodecs.find(77)).isNull();
  }

  @Test
  void codecThatCannotBeLoadedIsPassedOver() throws IOException {
    assertThat(
            find(77, List.of("com.example.NoSuchCodec", name(Broken.class), name(Ordinary.class))))
        .isExactlyInstanceOf(Ordinary.class);
  }

  @Test
  void deflateOfTheCoreGivesWayToABetterOneOnly() throws IOException {
    assertThat(find(0, List.of(name(OtherDeflate.class)))).isInstanceOf(DeflateCodec.class);
    assertThat(find(0, List.of(name(FasterDeflate.class)))).isInstanceOf(FasterDeflate.class);
  }
}
