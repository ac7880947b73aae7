package io.github.qcow2.testkit.durability;

import io.github.qcow2.testkit.durability.RecordedFile.Barrier;
import io.github.qcow2.testkit.durability.RecordedFile.Event;
import io.github.qcow2.testkit.durability.RecordedFile.Write;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Random;

/**
 * What a power cut can leave of what was written to a file: everything before the last barrier, and
 * any part of what came after it, sector by sector.
 */
final class PowerCuts {
  private static final int SECTOR = 512;
  private static final int FEW = 8;
  private static final int SAMPLES = 20;

  /** Looks at one file that may be left. */
  @FunctionalInterface
  interface Judge {
    void judge(byte[] left) throws IOException;
  }

  /** A sector that was written. */
  private record Unit(long position, ByteBuffer bytes) {}

  private final Random random;

  PowerCuts(Random random) {
    this.random = random;
  }

  /**
   * Goes through the epochs one after the other: all subsets of sectors where they are few; where
   * they are many, each prefix, each sector alone, each missing, and some subsets at random.
   *
   * @param before the file when recording began
   */
  void forEach(byte[] before, List<Event> events, Judge judge) throws IOException {
    byte[] durable = before;
    List<Unit> pending = new ArrayList<>();
    for (Event event : events) {
      if (event instanceof Write write) {
        split(write, pending);
      } else if (event instanceof Barrier) {
        cut(durable, pending, judge);
        durable = with(durable, pending, all(pending.size()));
        pending.clear();
      } else {
        throw new IllegalArgumentException(event.toString());
      }
    }
    cut(durable, pending, judge);
    judge.judge(with(durable, pending, all(pending.size())));
  }

  private static void split(Write write, List<Unit> units) {
    ByteBuffer bytes = write.bytes().duplicate();
    long at = write.position();
    while (bytes.hasRemaining()) {
      int length = (int) Math.min(SECTOR - at % SECTOR, bytes.remaining());
      units.add(new Unit(at, bytes.slice(bytes.position(), length)));
      bytes.position(bytes.position() + length);
      at += length;
    }
  }

  private static BitSet all(int count) {
    BitSet all = new BitSet();
    all.set(0, count);
    return all;
  }

  private void cut(byte[] durable, List<Unit> units, Judge judge) throws IOException {
    int count = units.size();
    if (count <= FEW) {
      for (int subset = 0; subset < 1 << count; subset++) {
        judge.judge(with(durable, units, BitSet.valueOf(new long[] {subset})));
      }
      return;
    }
    int step = Math.max(1, count / SAMPLES);
    for (int i = 0; i < count; i += step) {
      BitSet alone = new BitSet();
      alone.set(i);
      BitSet missing = all(count);
      missing.clear(i);
      BitSet random = new BitSet();
      double density = this.random.nextDouble();
      for (int j = 0; j < count; j++) {
        random.set(j, this.random.nextDouble() < density);
      }
      for (BitSet subset : List.of(all(i), alone, missing, random)) {
        judge.judge(with(durable, units, subset));
      }
    }
  }

  private static byte[] with(byte[] durable, List<Unit> units, BitSet subset) {
    byte[] file = durable.clone();
    for (int i = subset.nextSetBit(0); i >= 0; i = subset.nextSetBit(i + 1)) {
      Unit unit = units.get(i);
      int end = (int) unit.position + unit.bytes.remaining();
      if (end > file.length) {
        file = Arrays.copyOf(file, end);
      }
      unit.bytes.duplicate().get(file, (int) unit.position, unit.bytes.remaining());
    }
    return file;
  }
}
