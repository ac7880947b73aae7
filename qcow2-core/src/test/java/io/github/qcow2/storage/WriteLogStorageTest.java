package io.github.qcow2.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.qcow2.error.Qcow2Exception;
import io.github.qcow2.error.UnsupportedFeatureException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class WriteLogStorageTest {
  private final byte[] before = random(1, 3_000);
  private final HeapStorage file = HeapStorage.copyOf("file", before);
  private final HeapStorage logFile = new HeapStorage("log");
  private final WriteLogStorage storage = logging(file);

  private WriteLogStorage logging(Storage target) {
    try {
      return new WriteLogStorage(target, new WriteLog(logFile));
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /** An entry as the description of the format has it, read without any of the code that writes. */
  private record Entry(long sector, long sectors, long flags, ByteBuffer data, String text) {}

  private List<Entry> entries() {
    ByteBuffer log = ByteBuffer.wrap(logFile.toByteArray()).order(ByteOrder.LITTLE_ENDIAN);
    assertThat(log.getLong(0)).isEqualTo(0x6a736677736872L);
    assertThat(log.getLong(8)).isEqualTo(1);
    assertThat(log.getInt(24)).isEqualTo(512);
    List<Entry> entries = new ArrayList<>();
    log.position(512);
    for (long i = 0; i < log.getLong(16); i++) {
      byte[] header = new byte[512];
      log.get(header);
      ByteBuffer fields = ByteBuffer.wrap(header).order(ByteOrder.LITTLE_ENDIAN);
      long sector = fields.getLong();
      long sectors = fields.getLong();
      long flags = fields.getLong();
      int textLength = (int) fields.getLong();
      byte[] data = new byte[(flags & 4) != 0 ? 0 : (int) sectors * 512];
      log.get(data);
      entries.add(
          new Entry(
              sector,
              sectors,
              flags,
              ByteBuffer.wrap(data),
              new String(header, 32, textLength, StandardCharsets.UTF_8)));
    }
    return entries;
  }

  private byte[] replay() {
    byte[] bytes = before;
    for (Entry entry : entries()) {
      int from = (int) entry.sector * 512;
      int to = from + (int) entry.sectors * 512;
      if (entry.flags == 8) {
        bytes = Arrays.copyOf(bytes, Integer.parseInt(entry.text.replace("size=", "")));
      } else if (entry.flags == 4) {
        Arrays.fill(bytes, Math.min(from, bytes.length), Math.min(to, bytes.length), (byte) 0);
      } else if (entry.flags == 0) {
        bytes = Arrays.copyOf(bytes, Math.max(bytes.length, to));
        entry.data.get(0, bytes, from, to - from);
      }
    }
    return bytes;
  }

  private static byte[] random(long seed, int length) {
    byte[] bytes = new byte[length];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }

  @Test
  void wholeSectorsAreLoggedAsTheyAreWritten() throws IOException {
    byte[] bytes = random(2, 1024);

    storage.write(ByteBuffer.wrap(bytes), 1024);
    storage.force();

    List<Entry> entries = entries();
    assertThat(entries).extracting(Entry::flags).containsExactly(0L, 1L);
    assertThat(entries.get(0).sector).isEqualTo(2);
    assertThat(entries.get(0).data).isEqualTo(ByteBuffer.wrap(bytes));
  }

  @Test
  void sectorsCoveredInPartAreCompletedFromTheFile() throws IOException {
    storage.write(ByteBuffer.wrap(random(3, 100)), 500);
    storage.force();

    Entry entry = entries().get(0);
    assertThat(entry.sector).isZero();
    assertThat(entry.data).isEqualTo(ByteBuffer.wrap(file.toByteArray(), 0, 1024));
  }

  @Test
  void logReplaysToTheFileWhateverWasDone() throws IOException {
    Random random = new Random(4);
    for (int i = 0; i < 300; i++) {
      long position = random.nextInt(200_000);
      int length = 1 + random.nextInt(i % 10 == 0 ? 150_000 : 2_000);
      switch (random.nextInt(10)) {
        case 0 -> storage.force();
        case 1 -> storage.setSize(position);
        case 2 -> storage.discard(position, 4L * length);
        case 3 -> storage.writeZeroes(position, length, i % 2 == 0);
        case 4 -> storage.allocate(position, length);
        case 5, 6 -> storage.write(ByteBuffer.wrap(random(i, 1536)), position & -512);
        default -> storage.write(ByteBuffer.wrap(random(i, length)), position);
      }
      if (i % 50 == 0) {
        storage.force();
        assertThat(replay()).isEqualTo(file.toByteArray());
      }
    }
    storage.close();

    assertThat(replay()).isEqualTo(file.toByteArray());
  }

  /** A file that takes a discard to heart for some sectors only, which a host may do. */
  @Test
  void discardIsLoggedWhereItHasLeftZeros() throws IOException {
    byte[] content = random(5, 4 * 512);
    Storage half =
        new Storage("half", false) {
          @Override
          protected int readHook(ByteBuffer destination, long position) {
            int count = Math.min(destination.remaining(), content.length - (int) position);
            destination.put(content, (int) position, count);
            return count;
          }

          @Override
          protected int writeHook(ByteBuffer source, long position) {
            throw new AssertionError("nothing is written here");
          }

          @Override
          protected boolean discardHook(long position, long length) {
            Arrays.fill(content, 512, 1024, (byte) 0);
            Arrays.fill(content, 3 * 512, 4 * 512, (byte) 0);
            return true;
          }

          @Override
          protected long sizeHook() {
            return content.length;
          }

          @Override
          protected void setSizeHook(long size) {
            throw new AssertionError("the size is not set here");
          }

          @Override
          protected void forceHook() {}

          @Override
          protected void closeHook() {}
        };
    Storage logging = logging(half);

    assertThat(logging.discard(0, 4 * 512)).isTrue();
    logging.close();

    assertThat(entries()).extracting(Entry::flags).containsExactly(4L, 4L);
    assertThat(entries()).extracting(Entry::sector).containsExactly(1L, 3L);
    assertThat(entries()).extracting(Entry::sectors).containsExactly(1L, 1L);
  }

  @Test
  void failedBarrierIsNotInTheLog() throws IOException {
    Storage failing = logging(new FailingBarrier());

    assertThatThrownBy(failing::force).isInstanceOf(UnsupportedFeatureException.class);
    failing.close();

    assertThat(entries()).isEmpty();
  }

  /** A file of no bytes that cannot make anything durable. */
  private static final class FailingBarrier extends Storage {
    FailingBarrier() {
      super("failing", false);
    }

    @Override
    protected int readHook(ByteBuffer destination, long position) {
      return -1;
    }

    @Override
    protected int writeHook(ByteBuffer source, long position) {
      throw new AssertionError("nothing is written here");
    }

    @Override
    protected long sizeHook() {
      return 0;
    }

    @Override
    protected void setSizeHook(long size) {
      throw new AssertionError("the size is not set here");
    }

    @Override
    protected void forceHook() throws IOException {
      throw new UnsupportedFeatureException(name(), Qcow2Exception.NO_OFFSET, "no barriers");
    }

    @Override
    protected void closeHook() {}
  }
}
