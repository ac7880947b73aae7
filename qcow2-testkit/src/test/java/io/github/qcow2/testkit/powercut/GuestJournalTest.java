package io.github.qcow2.testkit.powercut;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.testkit.oracle.ByteSource;
import java.io.IOException;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

final class GuestJournalTest {
  private static final int SECTOR = 512;

  private final PowerCutLog log = new PowerCutLog();
  private final GuestJournal journal = journal("ab");

  private GuestJournal journal(String letters) {
    try {
      return new GuestJournal(log, ByteSource.of(sectors(letters)));
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static byte[] sectors(String letters) {
    byte[] bytes = new byte[letters.length() * SECTOR];
    for (int i = 0; i < letters.length(); i++) {
      char letter = letters.charAt(i);
      Arrays.fill(bytes, i * SECTOR, (i + 1) * SECTOR, letter == '0' ? (byte) 0 : (byte) letter);
    }
    return bytes;
  }

  private boolean allows(String letters, long instant) throws IOException {
    return journal.findFault(ByteSource.of(sectors(letters)), instant) == null;
  }

  private boolean allowsNow(String letters) throws IOException {
    return allows(letters, log.now());
  }

  private void write(String letters, int sector) {
    journal.writing((long) sector * SECTOR, sectors(letters)).done();
  }

  private void flush() {
    long begun = log.now();
    journal.flushed(begun);
  }

  @Test
  void whatWasNeverWrittenIsAsItWas() throws IOException {
    assertThat(allowsNow("ab")).isTrue();
    assertThat(allowsNow("a0")).isFalse();
    assertThat(allowsNow("ba")).isFalse();
  }

  @Test
  void unflushedWriteMayShowOrNotSectorBySector() throws IOException {
    write("xy", 0);

    for (String allowed : new String[] {"ab", "xb", "ay", "xy"}) {
      assertThat(allowsNow(allowed)).as(allowed).isTrue();
    }
    assertThat(allowsNow("yx")).isFalse();
    assertThat(allowsNow("00")).isFalse();
  }

  @Test
  void flushedWriteIsThere() throws IOException {
    write("x", 0);
    long before = log.now();
    flush();

    assertThat(allows("ab", before)).isTrue();
    assertThat(allowsNow("ab")).isFalse();
    assertThat(allowsNow("xb")).isTrue();
  }

  @Test
  void flushThatHasNotReturnedPromisesNothing() throws IOException {
    write("x", 0);
    long begun = log.now();
    long underWay = log.now();
    journal.flushed(begun);

    assertThat(allows("ab", underWay)).isTrue();
  }

  @Test
  void flushDoesNotPromiseWhatWasUnderWayWhenItBegan() throws IOException {
    GuestJournal.Change change = journal.writing(0, sectors("x"));
    flush();
    change.done();

    assertThat(allowsNow("ab")).isTrue();
    assertThat(allowsNow("xb")).isTrue();
  }

  @Test
  void writeThatHasNotBegunDoesNotShow() throws IOException {
    long before = log.now();
    write("x", 0);

    assertThat(allows("xb", before)).isFalse();
  }

  @Test
  void overwrittenBytesAreAllowedUntilWhatOverwroteThemIsFlushed() throws IOException {
    write("x", 0);
    flush();
    write("y", 0);
    assertThat(allowsNow("xb")).isTrue();
    assertThat(allowsNow("ab")).isFalse();
    flush();
    assertThat(allowsNow("xb")).isFalse();
    assertThat(allowsNow("yb")).isTrue();
  }

  @Test
  void concurrentWritesMayEndInEitherOrder() throws IOException {
    GuestJournal.Change first = journal.writing(0, sectors("x"));
    GuestJournal.Change second = journal.writing(0, sectors("y"));
    second.done();
    first.done();
    flush();

    assertThat(allowsNow("xb")).isTrue();
    assertThat(allowsNow("yb")).isTrue();
    assertThat(allowsNow("ab")).isFalse();
  }

  @Test
  void discardLeavesZerosOrWhatWasThere() throws IOException {
    journal.discarding(0, SECTOR).done();
    flush();

    assertThat(allowsNow("ab")).isTrue();
    assertThat(allowsNow("0b")).isTrue();
    assertThat(allowsNow("bb")).isFalse();
  }

  @Test
  void discardThatWasSeenToBeDoneIsLikeZeros() throws IOException {
    GuestJournal.Change change = journal.discarding(0, SECTOR);
    change.done();
    change.certain();
    flush();

    assertThat(allowsNow("ab")).isFalse();
    assertThat(allowsNow("0b")).isTrue();
  }

  @Test
  void failedWriteMayHaveHappenedOrNotForEver() throws IOException {
    journal.writing(0, sectors("x")).failed();
    flush();

    assertThat(allowsNow("ab")).isTrue();
    assertThat(allowsNow("xb")).isTrue();
  }

  @Test
  void diskHasItsNewSizeOnceGrowingHasReturned() throws IOException {
    long begun = log.now();
    long underWay = log.now();
    journal.resized(3 * SECTOR, begun);

    assertThat(allows("ab", begun - 1)).isTrue();
    assertThat(allows("ab0", begun - 1)).isFalse();
    assertThat(allows("ab", underWay)).isTrue();
    assertThat(allows("ab0", underWay)).isTrue();
    assertThat(allowsNow("ab")).isFalse();
    assertThat(allowsNow("ab0")).isTrue();
  }
}
