package io.github.qcow2.testkit.powercut;

import java.util.BitSet;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Which power cut: when, and what of the pending changes had reached the disk. Together with the
 * log it determines every byte; {@link CrashStates#replay} builds the state again from it.
 *
 * <p>Its text can be {@linkplain #parse read back}: {@code epoch 3, instant 41, unwritten 0xa5,
 * units 0-2,7}.
 *
 * @param epoch the stretch between two barriers, counted from 0
 * @param instant the moment, in the time of the {@link PowerCutLog}
 * @param junk whether sectors that were never written hold 0xA5 instead of zeros
 * @param units which of the epoch's pending units are on the disk: sectors and changes of length,
 *     in the order in which they were issued
 */
public record CrashPoint(int epoch, long instant, boolean junk, BitSet units) {
  private static final Pattern TEXT =
      Pattern.compile("epoch (\\d+), instant (\\d+), unwritten (0|0xa5), units (none|[-,0-9]+)");

  /** Keeps a copy of the units. */
  public CrashPoint {
    units = (BitSet) units.clone();
  }

  /** A copy of the set. */
  @Override
  public BitSet units() {
    return (BitSet) units.clone();
  }

  /**
   * Reads what {@link #toString} wrote.
   *
   * @throws IllegalArgumentException if it is something else
   */
  public static CrashPoint parse(String text) {
    Matcher matcher = TEXT.matcher(text);
    if (!matcher.matches()) {
      throw new IllegalArgumentException("not a crash point: " + text);
    }
    BitSet units = new BitSet();
    if (!matcher.group(4).equals("none")) {
      for (String range : matcher.group(4).split(",", -1)) {
        String[] ends = range.split("-", -1);
        units.set(Integer.parseInt(ends[0]), Integer.parseInt(ends[ends.length - 1]) + 1);
      }
    }
    return new CrashPoint(
        Integer.parseInt(matcher.group(1)),
        Long.parseLong(matcher.group(2)),
        matcher.group(3).equals("0xa5"),
        units);
  }

  @Override
  public String toString() {
    return String.format(
        Locale.ROOT,
        "epoch %d, instant %d, unwritten %s, units %s",
        epoch,
        instant,
        junk ? "0xa5" : "0",
        units.isEmpty() ? "none" : ranges());
  }

  private String ranges() {
    StringBuilder text = new StringBuilder();
    for (int from = units.nextSetBit(0); from >= 0; ) {
      int to = units.nextClearBit(from) - 1;
      text.append(text.isEmpty() ? "" : ",").append(from).append(to > from ? "-" + to : "");
      from = units.nextSetBit(to + 1);
    }
    return text.toString();
  }
}
