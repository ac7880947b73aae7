package io.github.qcow2.jmh;

import java.util.Random;

/** In which order clusters are written. */
final class ClusterOrder {
  private ClusterOrder() {}

  /** All numbers below {@code count}, in an order that looks random and is the same every time. */
  static int[] shuffled(int count) {
    int[] order = new int[count];
    Random random = new Random(1);
    for (int i = 0; i < count; i++) {
      int other = random.nextInt(i + 1);
      order[i] = order[other];
      order[other] = i;
    }
    return order;
  }
}
