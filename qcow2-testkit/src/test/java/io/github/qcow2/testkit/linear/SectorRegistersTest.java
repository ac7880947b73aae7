package io.github.qcow2.testkit.linear;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Histories that no order explains are found, and others are not taken for such. */
final class SectorRegistersTest {
  private final SectorRegisters registers = new SectorRegisters(4, 0);

  private static ByteBuffer stamped(int sector, long write) {
    ByteBuffer bytes = ByteBuffer.allocate(SectorStamp.SECTOR);
    if (write != SectorStamp.ZERO) {
      SectorStamp.fill(bytes, sector, write);
    }
    return bytes.clear();
  }

  /** Writes sector 0 and returns the number of the write. */
  private long write() {
    SectorRegisters.Write write = registers.beginWrite(0, 1);
    registers.end(write);
    return write.number();
  }

  private void zero() {
    registers.end(registers.beginZero(0, 1));
  }

  /** Reads sector 0 and finds a write there. */
  private void read(long write) {
    registers.end(registers.beginRead(0, 1), stamped(0, write));
  }

  private void assertFound(Runnable operation) {
    assertThatExceptionOfType(NotLinearizable.class).isThrownBy(operation::run);
  }

  @Test
  void latestWriteIsFoundAndNothingElse() {
    read(0);
    long first = write();
    read(first);
    long second = write();
    read(second);
    zero();
    read(0);
    long third = write();
    read(third);
  }

  @Test
  void staleReadIsFoundOut() {
    long first = write();
    write();
    assertFound(() -> read(first));
  }

  @Test
  void lostWriteIsFoundOut() {
    write();
    assertFound(() -> read(0));
  }

  @Test
  void lostZerosAreFoundOut() {
    long first = write();
    zero();
    assertFound(() -> read(first));
  }

  @Test
  void zerosThatWereOverwrittenAreFoundOut() {
    zero();
    write();
    assertFound(() -> read(0));
  }

  @Test
  void writeThatNeverWasIsFoundOut() {
    assertFound(() -> read(17));
  }

  @Test
  void dataOfAnotherSectorIsFoundOut() {
    SectorRegisters.Write write = registers.beginWrite(0, 2);
    registers.end(write);
    SectorRegisters.Read read = registers.beginRead(0, 1);
    assertFound(() -> registers.end(read, stamped(1, write.number())));
  }

  @Test
  void partOfASectorThatIsStaleIsFoundOut() {
    long first = write();
    ByteBuffer bytes = stamped(0, write());
    bytes.putLong(504, first);
    SectorRegisters.Read read = registers.beginRead(0, 1);
    assertFound(() -> registers.end(read, bytes));
  }

  @Test
  void writeUnderWayMayBeSeenOrNot() {
    long first = write();
    SectorRegisters.Write second = registers.beginWrite(0, 1);
    read(first);
    read(second.number());
    registers.end(second);
    read(second.number());
  }

  @Test
  void readThatGoesBackBehindAnEarlierOneIsFoundOut() {
    long first = write();
    SectorRegisters.Write second = registers.beginWrite(0, 1);
    read(second.number());
    assertFound(() -> read(first));
  }

  @Test
  void readsAtTheSameTimeMayDisagreeAboutAWriteUnderWay() {
    long first = write();
    SectorRegisters.Write second = registers.beginWrite(0, 1);
    SectorRegisters.Read one = registers.beginRead(0, 1);
    SectorRegisters.Read other = registers.beginRead(0, 1);
    registers.end(one, stamped(0, second.number()));
    registers.end(other, stamped(0, first));
    registers.end(second);
    read(second.number());
  }

  @Test
  void orderOfTwoWritesIsTheSameForAll() {
    SectorRegisters.Write one = registers.beginWrite(0, 1);
    SectorRegisters.Write other = registers.beginWrite(0, 1);
    registers.end(one);
    registers.end(other);
    read(one.number());
    read(one.number());
    assertFound(() -> read(other.number()));
  }

  @Test
  void longHistoriesTakeNoMemory() {
    for (int i = 0; i < 20_000; i++) {
      SectorRegisters.Read before = registers.beginRead(0, 4);
      registers.end(registers.beginWrite(0, 4));
      SectorRegisters.Write last = registers.beginWrite(0, 4);
      registers.end(last);
      ByteBuffer bytes = ByteBuffer.allocate(4 * SectorStamp.SECTOR);
      SectorStamp.fill(bytes, 0, last.number());
      registers.end(before, bytes.flip());
      assertThat(registers.mostValues()).isLessThan(5);
    }
  }

  /** An operation of a short history, at first planned and then done. */
  private static final class Planned {
    final boolean read;
    final int value;
    int begin;
    int end;

    Planned(boolean read, int value) {
      this.read = read;
      this.value = value;
    }
  }

  /** All short histories of one register, right ones and wrong ones, against a search. */
  @Test
  void judgementIsThatOfASearchThroughAllOrders() {
    int wrong = 0;
    int total = 40_000;
    for (int seed = 0; seed < total; seed++) {
      List<Planned> history = history(new Random(seed));
      boolean explained = isExplained(history, 0);
      assertThat(isAccepted(history)).as("history %d", seed).isEqualTo(explained);
      wrong += explained ? 0 : 1;
    }
    assertThat(wrong).isBetween(total / 10, total * 9 / 10);
  }

  /** Up to seven operations whose moments are shuffled; value 0 is what was there at first. */
  private static List<Planned> history(Random random) {
    int writes = 1 + random.nextInt(3);
    List<Planned> history = new ArrayList<>();
    for (int i = 1; i <= writes; i++) {
      history.add(new Planned(false, i));
    }
    int reads = 1 + random.nextInt(4);
    for (int i = 0; i < reads; i++) {
      history.add(new Planned(true, random.nextInt(writes + 1)));
    }
    List<Planned> begun = new ArrayList<>();
    List<Planned> waiting = new ArrayList<>(history);
    for (int moment = 0; !waiting.isEmpty() || !begun.isEmpty(); moment++) {
      if (begun.isEmpty() || (!waiting.isEmpty() && random.nextInt(5) < 2)) {
        Planned next = waiting.remove(random.nextInt(waiting.size()));
        next.begin = moment;
        begun.add(next);
      } else {
        begun.remove(random.nextInt(begun.size())).end = moment;
      }
    }
    return history;
  }

  private static boolean isExplained(List<Planned> left, int value) {
    if (left.isEmpty()) {
      return true;
    }
    for (Planned next : left) {
      boolean mayBeNext = left.stream().noneMatch(other -> other.end < next.begin);
      if (mayBeNext && (!next.read || next.value == value)) {
        List<Planned> rest = new ArrayList<>(left);
        rest.remove(next);
        if (isExplained(rest, next.value)) {
          return true;
        }
      }
    }
    return false;
  }

  private static boolean isAccepted(List<Planned> history) {
    SectorRegisters registers = new SectorRegisters(1, -1);
    SectorRegisters.Operation[] operations = new SectorRegisters.Operation[history.size()];
    long[] numbers = new long[history.size() + 1];
    numbers[0] = -1;
    try {
      for (int moment = 0; moment < 2 * history.size(); moment++) {
        for (int i = 0; i < history.size(); i++) {
          Planned each = history.get(i);
          if (each.begin == moment && each.read) {
            operations[i] = registers.beginRead(0, 1);
          } else if (each.begin == moment) {
            SectorRegisters.Write write = registers.beginWrite(0, 1);
            operations[i] = write;
            numbers[each.value] = write.number();
          } else if (each.end == moment && each.read) {
            // A value that is not written yet has no number: it is one that never was.
            long number = numbers[each.value] == 0 ? 1_000_000 : numbers[each.value];
            registers.end((SectorRegisters.Read) operations[i], stamped(0, number));
          } else if (each.end == moment) {
            registers.end((SectorRegisters.Write) operations[i]);
          }
        }
      }
      return true;
    } catch (NotLinearizable e) {
      return false;
    }
  }
}
