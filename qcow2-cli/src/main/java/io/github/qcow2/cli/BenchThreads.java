package io.github.qcow2.cli;

/**
 * How many threads send requests.
 *
 * <p>As many as there are processors at first. More, up to the number of requests that may be under
 * way, when requests take longer than handing one to another thread would: then they wait for
 * something, and there is time to send others. A request that is answered from memory keeps a
 * processor busy from beginning to end, and more threads than processors would only take it away
 * from each other.
 *
 * <p>For one thread.
 */
final class BenchThreads {
  /** A request that takes longer on average is not answered from memory. */
  static final long WAITING_NANOSECONDS = 100_000;

  /** For how long is looked at requests before they are judged. */
  static final long LOOK_NANOSECONDS = 5_000_000;

  private static final int GROWTH = 4;

  private final int most;
  private int count;
  private long nanoseconds;
  private long requests;
  private boolean slow;

  /**
   * @param processors how many there are
   * @param most how many requests may be under way at a time
   */
  BenchThreads(int processors, int most) {
    this.most = most;
    this.count = Math.min(processors, most);
  }

  int count() {
    return count;
  }

  boolean canGrow() {
    return count < most;
  }

  /**
   * Takes note of what all threads did for some time. Requests have to be slow twice in a row: the
   * first ones of all load classes.
   */
  void look(long duration, long sent) {
    nanoseconds += duration;
    requests += sent;
    if (nanoseconds < LOOK_NANOSECONDS) {
      return;
    }
    boolean slowNow = nanoseconds / WAITING_NANOSECONDS * count > requests;
    if (slow && slowNow) {
      count = (int) Math.min(most, (long) GROWTH * count);
    }
    slow = slowNow;
    nanoseconds = 0;
    requests = 0;
  }
}
