package io.github.qcow2.testkit.powercut;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.qcow2.testkit.oracle.ByteSource;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

final class CrashStatesTest {
  private static final int SECTOR = 512;

  private final PowerCutLog log = new PowerCutLog();
  private final PowerCutStorage file = log.storage("file", sectors("abc"));

  /** A sector for each letter, filled with it; {@code 0} for zeros and {@code ?} for 0xA5. */
  private static byte[] sectors(String letters) {
    byte[] bytes = new byte[letters.length() * SECTOR];
    for (int i = 0; i < bytes.length; i++) {
      char letter = letters.charAt(i / SECTOR);
      bytes[i] = (byte) (letter == '0' ? 0 : letter == '?' ? 0xa5 : letter);
    }
    return bytes;
  }

  /** The letters of a file; for a sector of several bytes, {@code #}. */
  private static String letters(byte[] bytes) {
    StringBuilder letters = new StringBuilder();
    for (int at = 0; at < bytes.length; at += SECTOR) {
      byte first = bytes[at];
      boolean mixed = false;
      for (int i = at; i < Math.min(at + SECTOR, bytes.length); i++) {
        mixed |= bytes[i] != first;
      }
      letters.append(mixed ? '#' : first == 0 ? '0' : first == (byte) 0xa5 ? '?' : (char) first);
    }
    return letters.toString();
  }

  private void write(String letters, int sector) throws IOException {
    file.write(ByteBuffer.wrap(sectors(letters)), (long) sector * SECTOR);
  }

  private Set<String> states() throws IOException {
    Set<String> states = new LinkedHashSet<>();
    CrashStates.of(log)
        .forEach(
            state -> {
              String all = "";
              for (int i = 0; i < state.files(); i++) {
                all += (i == 0 ? "" : "+") + letters(state.toByteArray(i));
              }
              states.add(all);
            });
    return states;
  }

  @Test
  void anySectorsOfOneWriteMayBeMissing() throws IOException {
    write("xyz", 0);

    assertThat(states())
        .containsExactlyInAnyOrder("abc", "xbc", "ayc", "abz", "xyc", "xbz", "ayz", "xyz");
  }

  @Test
  void discardedSectorsAreAnyMixOfOldOnesAndZerosUntilTheNextBarrier() throws IOException {
    file.discard(0, 2 * SECTOR);
    assertThat(states()).containsExactlyInAnyOrder("abc", "0bc", "a0c", "00c");

    file.force();
    write("x", 2);

    assertThat(letters(file.toByteArray())).isEqualTo("00x");
    assertThat(states()).containsExactlyInAnyOrder("abc", "0bc", "a0c", "00c", "00x");
  }

  @Test
  void discardAndWriteOfOneSectorLandInAnyOrder() throws IOException {
    file.discard(0, SECTOR);
    write("x", 0);

    assertThat(states()).containsExactlyInAnyOrder("abc", "0bc", "xbc");
  }

  @Test
  void discardDoesNotExtend() throws IOException {
    write("d", 3);
    file.discard(3 * SECTOR, SECTOR);

    assertThat(states()).containsExactlyInAnyOrder("abc", "abcd", "abc0", "abc?");
  }

  @Test
  void zeroesAreWrittenLikeAnyOtherBytes() throws IOException {
    file.writeZeroes(SECTOR, SECTOR, true);
    file.allocate(0, 4 * SECTOR);

    assertThat(states()).contains("abc", "a0c", "abc0", "abc?", "a0c?", "a0c0");
  }

  @Test
  void writesLandInAnyOrder() throws IOException {
    write("x", 0);
    write("y", 1);

    assertThat(states()).containsExactlyInAnyOrder("abc", "xbc", "ayc", "xyc");
  }

  @Test
  void sectorMayHoldAnyVersionThatWasPending() throws IOException {
    write("x", 0);
    write("y", 0);

    assertThat(states()).containsExactlyInAnyOrder("abc", "xbc", "ybc");
  }

  @Test
  void barrierMakesDurableWhatCompletedBeforeIt() throws IOException {
    write("x", 0);
    file.force();
    write("y", 1);

    assertThat(states()).containsExactlyInAnyOrder("abc", "xbc", "xyc");
  }

  @Test
  void barrierDoesNotCoverWhatIsUnderWayWhenItIsIssued() throws IOException {
    boolean[] done = new boolean[1];
    log.whileUnderWay(
        () -> {
          if (!done[0]) {
            done[0] = true;
            log.barrier(log.files().get(0));
          }
        });
    write("x", 0);
    write("y", 1);

    assertThat(states()).containsExactlyInAnyOrder("abc", "xbc", "ayc", "xyc");
  }

  @Test
  void barrierOfOneFileDoesNotCoverAnother() throws IOException {
    PowerCutStorage other = log.storage("other", sectors("d"));
    other.write(ByteBuffer.wrap(sectors("z")), 0);
    write("x", 0);
    file.force();
    write("y", 1);

    assertThat(states())
        .containsExactlyInAnyOrder("abc+d", "abc+z", "xbc+d", "xbc+z", "xyc+d", "xyc+z");
  }

  @Test
  void partOfASectorIsWrittenWithTheRestOfIt() throws IOException {
    file.write(ByteBuffer.wrap(new byte[] {1}), 5);

    assertThat(states()).containsExactlyInAnyOrder("abc", "#bc");
  }

  @Test
  void sectorsNeverWrittenAreZerosOrJunk() throws IOException {
    write("x", 4);

    assertThat(states()).containsExactlyInAnyOrder("abc", "abc00", "abc??", "abc0x", "abc?x");
  }

  @Test
  void gapStaysUndefinedWhenItIsDurable() throws IOException {
    write("x", 4);
    file.force();

    write("y", 0);

    assertThat(states()).contains("ybc0x", "ybc?x").doesNotContain("ybc");
  }

  @Test
  void sizeThatWasSetReadsAsZeros() throws IOException {
    file.setSize(5 * SECTOR);

    assertThat(states()).containsExactlyInAnyOrder("abc", "abc00");
  }

  @Test
  void bytesCutOffDoNotComeBack() throws IOException {
    file.setSize(SECTOR);
    file.setSize(3 * SECTOR);
    file.force();

    assertThat(states()).containsExactlyInAnyOrder("abc", "a", "a00");
  }

  @Test
  void stateIsShownAgainOnceMoreWasPromised() throws IOException {
    GuestJournal journal = new GuestJournal(log, ByteSource.of(new byte[0]));
    write("x", 0);
    journal.flushed(log.now());

    List<String> states = new ArrayList<>();
    CrashStates.of(log)
        .journal(journal)
        .forEach(state -> states.add(letters(state.toByteArray(0))));

    assertThat(states).containsExactlyInAnyOrder("abc", "xbc", "abc", "xbc");
  }

  @Test
  void manySectorsOfMetadataAreNotGoneThroughWhole() throws IOException {
    for (int i = 0; i < 40; i++) {
      write("x", 2 * i);
    }
    CrashBounds bounds = new CrashBounds(10, 12, 40, 8, 1000);

    assertThat(CrashStates.of(log).bounds(bounds).forEach(state -> {})).isBetween(200L, 1000L);
  }

  @Test
  void everyStateIsBuiltAgainFromItsText() throws IOException {
    scribble(7, 25);
    Map<String, byte[]> states = new HashMap<>();
    CrashBounds bounds = new CrashBounds(4, 4, 10, 3, 200);
    CrashStates.of(log)
        .bounds(bounds)
        .forEach(state -> states.put(state.toString(), state.toByteArray(0)));

    assertThat(states).hasSizeGreaterThan(200);
    for (Map.Entry<String, byte[]> entry : states.entrySet()) {
      CrashPoint point = CrashPoint.parse(entry.getKey());
      assertThat(point).hasToString(entry.getKey());
      CrashStates.of(log)
          .replay(
              point,
              state -> {
                assertThat(state).hasToString(entry.getKey());
                assertThat(state.toByteArray(0)).isEqualTo(entry.getValue());
              });
    }
  }

  @Test
  void stateThatCannotBeIsNotReplayed() {
    CrashPoint point = CrashPoint.parse("epoch 3, instant 5, unwritten 0, units none");

    assertThatIllegalArgumentException()
        .isThrownBy(() -> CrashStates.of(log).replay(point, state -> {}));
  }

  @Test
  void digestsAreTheSameForTheSameFiles() throws IOException {
    scribble(11, 60);
    Map<Long, List<Byte>> byDigest = new HashMap<>();
    Map<List<Byte>, Long> byContent = new HashMap<>();

    CrashStates.of(log)
        .bounds(new CrashBounds(4, 4, 20, 3, 300))
        .forEach(
            state -> {
              List<Byte> content = boxed(state.toByteArray(0));
              List<Byte> other = byDigest.put(state.digest(), content);
              Long digest = byContent.put(content, state.digest());
              assertThat(other == null || other.equals(content)).isTrue();
              assertThat(digest == null || digest == state.digest()).isTrue();
            });

    assertThat(byContent).hasSizeGreaterThan(500);
  }

  private static List<Byte> boxed(byte[] bytes) {
    List<Byte> list = new ArrayList<>();
    for (int at = 0; at < bytes.length; at += SECTOR) {
      list.add(bytes[at]);
    }
    list.add((byte) (bytes.length % SECTOR));
    return list;
  }

  /** Writes, discards, cuts and barriers at random, of whole sectors. */
  private void scribble(long seed, int calls) throws IOException {
    Random random = new Random(seed);
    for (int i = 0; i < calls; i++) {
      switch (random.nextInt(8)) {
        case 0 -> file.force();
        case 1 -> file.setSize((long) random.nextInt(12) * SECTOR);
        case 2 ->
            file.discard((long) random.nextInt(12) * SECTOR, (1L + random.nextInt(3)) * SECTOR);
        default -> {
          String letters =
              random
                  .ints(1 + random.nextInt(3), 'd', 'z')
                  .mapToObj(Character::toString)
                  .collect(Collectors.joining());
          write(letters, random.nextInt(12));
        }
      }
    }
  }

  @Test
  void writingToAStateChangesNothingElse() throws IOException {
    write("x", 4);
    CrashStates.of(log)
        .forEach(
            state -> {
              byte[] before = state.toByteArray(0);
              ScratchStorage scratch = state.scratch(0);
              scratch.write(ByteBuffer.wrap(sectors("yy")), SECTOR);
              scratch.setSize(10 * SECTOR);
              assertThat(letters(scratch.toByteArray())).startsWith("ayy").endsWith("00000");
              assertThat(state.toByteArray(0)).isEqualTo(before);
              assertThat(letters(state.scratch(0).toByteArray()))
                  .isEqualTo(letters(Arrays.copyOf(before, before.length)));
            });
  }
}
