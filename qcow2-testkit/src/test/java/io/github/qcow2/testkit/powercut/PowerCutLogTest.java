package io.github.qcow2.testkit.powercut;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.storage.HeapStorage;
import io.github.qcow2.storage.WriteLog;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What leaves a log for other tools. */
final class PowerCutLogTest {
  private static final int LARGEST = 64 << 10;

  /** Reads the export by itself, as the format is described. */
  @Test
  void exportLeadsFromTheFileAtFirstToTheFileAsItIs() throws IOException {
    for (int seed = 0; seed < 50; seed++) {
      Random random = new Random(seed);
      byte[] before = new byte[random.nextInt(20_000)];
      random.nextBytes(before);
      PowerCutLog log = new PowerCutLog();
      PowerCutStorage file = log.storage("file", before);
      int barriers = 0;
      for (int step = 0; step < 30; step++) {
        int kind = random.nextInt(13);
        if (kind < 7) {
          byte[] bytes = new byte[1 + random.nextInt(3000)];
          random.nextBytes(bytes);
          file.write(ByteBuffer.wrap(bytes), random.nextInt(LARGEST - 3000));
        } else if (kind < 9) {
          file.force();
          barriers++;
        } else if (kind < 10) {
          file.setSize(random.nextInt(LARGEST));
        } else if (kind < 11) {
          file.discard(random.nextInt(LARGEST), random.nextInt(5000));
        } else if (kind < 12) {
          file.writeZeroes(random.nextInt(LARGEST - 5000), random.nextInt(5000), true);
        } else {
          file.allocate(random.nextInt(LARGEST - 5000), random.nextInt(5000));
        }
      }
      HeapStorage exported = new HeapStorage("log");
      log.export(0, new WriteLog(exported));
      assertReplay(before, exported.toByteArray(), file.toByteArray(), barriers);
    }
  }

  private static void assertReplay(byte[] before, byte[] log, byte[] after, int barriers) {
    ByteBuffer entries = ByteBuffer.wrap(log).order(ByteOrder.LITTLE_ENDIAN);
    byte[] disk = Arrays.copyOf(before, 2 * LARGEST);
    long count = entries.getLong(16);
    int flushes = 0;
    int at = 512;
    for (long entry = 0; entry < count; entry++) {
      int position = (int) entries.getLong(at) * 512;
      int length = (int) entries.getLong(at + 8) * 512;
      long flags = entries.getLong(at + 16);
      at += 512;
      if (flags == 0) {
        entries.get(at, disk, position, length);
        at += length;
      } else if (flags == 4) {
        Arrays.fill(disk, position, position + length, (byte) 0);
      } else if (flags == 1) {
        flushes++;
      }
    }
    assertThat(at).isEqualTo(log.length);
    assertThat(flushes).isEqualTo(barriers);
    assertThat(Arrays.copyOf(disk, after.length)).isEqualTo(after);
  }
}
