package io.github.qcow2.jmh.report;

import com.sun.management.ThreadMXBean;
import io.github.qcow2.Qcow2Image;
import java.io.IOException;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Opens an image, reads from its middle and closes it, again and again, in a process of its own,
 * and prints what that took: lines of a name and a number. With the argument {@code once} it does
 * so one time and prints nothing, so that the memory of the process can be looked at from outside.
 */
final class GrowthProbe {
  private static final int WARM_UP = 300;
  private static final int RUNS = 101;

  private final Path path;
  private final ByteBuffer buffer = ByteBuffer.allocateDirect(4096);
  private final List<Double> opens = new ArrayList<>();
  private final List<Double> reads = new ArrayList<>();
  private final List<Double> closes = new ArrayList<>();
  private final List<Double> allocations = new ArrayList<>();

  private GrowthProbe(Path path) {
    this.path = path;
  }

  /**
   * Probes an image.
   *
   * @param args {@code once} or {@code often}, and the image
   */
  public static void main(String[] args) throws IOException {
    GrowthProbe probe = new GrowthProbe(Path.of(args[1]));
    if (args[0].equals("once")) {
      probe.round();
    } else {
      probe.often();
    }
  }

  private void often() throws IOException {
    for (int i = 0; i < WARM_UP; i++) {
      round();
    }
    for (List<Double> warmUp : List.of(opens, reads, closes, allocations)) {
      warmUp.clear();
    }
    for (int i = 0; i < RUNS; i++) {
      round();
    }
    print("open", opens);
    print("read", reads);
    print("close", closes);
    print("allocated", allocations);
    print("live", List.of(live()));
  }

  private static void print(String name, List<Double> values) {
    System.out.printf(Locale.ROOT, "%s %.0f%n", name, Spread.of(values).median());
  }

  private void round() throws IOException {
    ThreadMXBean thread = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long allocated = thread.getThreadAllocatedBytes(Thread.currentThread().getId());
    long start = System.nanoTime();
    Qcow2Image image = Qcow2Image.open(path).build();
    long opened = System.nanoTime();
    image.read(buffer.clear(), image.size() / 2);
    long read = System.nanoTime();
    image.close();
    long closed = System.nanoTime();
    opens.add((double) (opened - start));
    reads.add((double) (read - opened));
    closes.add((double) (closed - read));
    allocations.add(
        (double) (thread.getThreadAllocatedBytes(Thread.currentThread().getId()) - allocated));
  }

  /** Bytes on the heap and in direct buffers that an open image keeps. */
  private double live() throws IOException {
    double before = used();
    try (Qcow2Image image = Qcow2Image.open(path).build()) {
      image.read(buffer.clear(), image.size() / 2);
      return used() - before;
    }
  }

  private static double used() {
    for (int i = 0; i < 3; i++) {
      System.gc();
    }
    double used = ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
    for (BufferPoolMXBean pool : ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class)) {
      used += pool.getMemoryUsed();
    }
    return used;
  }
}
