package io.github.qcow2.format;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import org.junit.jupiter.api.Test;

/** What every guest read does for each cluster leaves nothing to the garbage collector. */
class AllocationTest {
  private static final int ROUNDS = 200_000;
  private static final Geometry[] GEOMETRIES = {
    new Geometry(3, 16, 4, false), new Geometry(3, 16, 0, true)
  };

  private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
  private final long[] words = {0x1234_5678_9abc_def0L, -1, 0, 0};

  /** Kept so that no call is without effect. */
  private long sum;

  @Test
  void tableArithmeticAllocatesNothing() {
    everything();
    long before = threads.getCurrentThreadAllocatedBytes();
    everything();
    long allocated = threads.getCurrentThreadAllocatedBytes() - before;
    assertThat(allocated).isLessThan(ROUNDS / 10);
    assertThat(sum).isNotZero();
  }

  private void everything() {
    for (int i = 0; i < ROUNDS; i++) {
      long word = i * 0x9e37_79b9_7f4a_7c15L;
      long bitmap = word * 31;
      Geometry g = GEOMETRIES[i & 1];
      ClusterType type = L2Entry.type(word, g, false);
      sum += SubclusterBitmap.type(type, bitmap, i & 31) == type ? 1 : 0;
      sum += SubclusterBitmap.runLength(bitmap, i & 31, 32);
      sum += g.l1Index(word >>> 1) + g.l2Index(word >>> 1) + g.subclusterIndex(word >>> 1);
      sum += CompressedDescriptor.hostOffset(word, 16) + CompressedDescriptor.byteLength(word, 16);
      sum += L1Entry.offset(word) + L2Entry.offset(word) + L2Entry.reservedBits(word, g);
      sum += L2Entry.brokenRule(word, bitmap, g, false, 0) == null ? 1 : 0;
      RefcountWidth width = RefcountWidth.of(i % 7);
      width.set(words, i & 3, width.get(words, i & 3) & 1);
      sum += width.nextFree(words, 0, 4) + width.nextUsed(words, 0, 4);
    }
  }
}
