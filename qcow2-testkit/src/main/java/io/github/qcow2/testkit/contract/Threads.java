package io.github.qcow2.testkit.contract;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Runs a task on several threads that start together. */
final class Threads {
  /** What each thread does. */
  @FunctionalInterface
  interface Task {
    void run(int thread) throws Exception;
  }

  private Threads() {}

  /** Returns when all are done; throws what the first of them threw. */
  static void run(int count, Task task) throws Exception {
    ExecutorService pool = Executors.newFixedThreadPool(count);
    try {
      CyclicBarrier start = new CyclicBarrier(count);
      List<Future<?>> done = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        int thread = i;
        done.add(
            pool.submit(
                () -> {
                  start.await();
                  task.run(thread);
                  return null;
                }));
      }
      for (Future<?> future : done) {
        get(future);
      }
    } finally {
      pool.shutdownNow();
    }
  }

  private static void get(Future<?> future) throws Exception {
    try {
      future.get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof Error error) {
        throw error;
      }
      throw e;
    }
  }
}
