package io.github.qcow2.transfer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.qcow2.transfer.ReadAhead.Transfer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class ReadAheadTest {
  private static final int BUFFER = 512;

  private record Piece(long position, long length, boolean read) implements ReadAhead.Step {}

  private static ReadAhead.Plan<Piece> pieces(int count) {
    AtomicInteger next = new AtomicInteger();
    return () -> {
      int index = next.getAndIncrement();
      return index < count ? new Piece((long) index * BUFFER, BUFFER, index % 5 != 4) : null;
    };
  }

  private static void fill(Piece piece, ByteBuffer destination) {
    destination.putLong(0, piece.position()).position(destination.limit());
  }

  private static List<Long> positions(ReadAhead<Piece> ahead)
      throws IOException, InterruptedException {
    List<Long> positions = new ArrayList<>();
    for (Transfer<Piece> next = ahead.next(); next != null; next = ahead.next()) {
      if (next.step().read()) {
        assertThat(next.bytes().getLong(0)).isEqualTo(next.step().position());
      }
      positions.add(next.step().position());
      ahead.release(next);
    }
    return positions;
  }

  private static boolean threadsOf(String name) {
    return Thread.getAllStackTraces().keySet().stream()
        .anyMatch(thread -> thread.getName().equals("qcow2-read-ahead " + name));
  }

  @Test
  void transfersComeInTheOrderOfThePlanWhoeverIsDoneFirst() throws Exception {
    CountDownLatch second = new CountDownLatch(1);
    ReadAhead.Source<Piece> source =
        (piece, destination) -> {
          if (piece.position() == 0) {
            // The other thread reads what follows before this is there.
            await(second);
          } else {
            second.countDown();
          }
          fill(piece, destination);
        };

    try (ReadAhead<Piece> ahead = ReadAhead.start("order", source, pieces(100), BUFFER, 2)) {
      List<Long> positions = positions(ahead);

      assertThat(positions).hasSize(100).isSorted();
    }
  }

  @Test
  void failureOfOneThreadComesAfterEverythingBeforeItAndStopsAll() throws Exception {
    CountDownLatch later = new CountDownLatch(1);
    AtomicInteger planned = new AtomicInteger();
    ReadAhead.Plan<Piece> all = pieces(1000);
    ReadAhead.Plan<Piece> plan =
        () -> {
          planned.incrementAndGet();
          return all.next();
        };
    ReadAhead.Source<Piece> source =
        (piece, destination) -> {
          if (piece.position() == 0) {
            await(later);
          } else if (piece.position() == BUFFER) {
            later.countDown();
            throw new IOException("bad sector");
          }
          fill(piece, destination);
        };
    try (ReadAhead<Piece> ahead = ReadAhead.start("failing", source, plan, BUFFER, 2)) {
      Transfer<Piece> first = Objects.requireNonNull(ahead.next());

      assertThat(first.step().position()).isZero();
      assertThatThrownBy(ahead::next).isInstanceOf(IOException.class).hasMessage("bad sector");
      assertThatThrownBy(ahead::next).isInstanceOf(IOException.class).hasMessage("bad sector");
    }
    assertThat(planned.get()).isLessThan(10);
    assertThat(threadsOf("failing")).isFalse();
  }

  @Test
  void failureOfThePlanComesAfterEverythingThatWasPlanned() throws Exception {
    ReadAhead.Plan<Piece> three = pieces(3);
    ReadAhead.Plan<Piece> plan =
        () -> {
          Piece next = three.next();
          if (next == null) {
            throw new IllegalStateException("no map");
          }
          return next;
        };
    try (ReadAhead<Piece> ahead =
        ReadAhead.start("unplanned", ReadAheadTest::fill, plan, BUFFER, 3)) {
      for (int i = 0; i < 3; i++) {
        Transfer<Piece> next = Objects.requireNonNull(ahead.next());
        assertThat(next.step().position()).isEqualTo((long) i * BUFFER);
        ahead.release(next);
      }
      assertThatThrownBy(ahead::next)
          .isInstanceOf(IllegalStateException.class)
          .hasMessage("no map");
    }
  }

  @Test
  void closingEndsThreadsThatWaitForBuffersAndForRoom() throws Exception {
    ReadAhead<Piece> ahead =
        ReadAhead.start("unused", ReadAheadTest::fill, pieces(1000), BUFFER, 4);
    assertThat(ahead.next()).isNotNull();

    ahead.close();

    assertThat(threadsOf("unused")).isFalse();
  }

  private static void await(CountDownLatch latch) throws IOException {
    try {
      if (!latch.await(30, TimeUnit.SECONDS)) {
        throw new IOException("nobody else reads");
      }
    } catch (InterruptedException e) {
      throw new IOException(e);
    }
  }
}
