package io.github.qcow2.testkit.powercut;

import java.io.IOException;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Random;

/**
 * Which units of an epoch are on the disk: goes through all the possibilities where they are few,
 * and through a choice of them where they are many. The same possibility may come up several times.
 */
final class CrashSelections {
  private static final double[] DENSITIES = {.1, .3, .5, .7, .9};

  private final Epoch epoch;
  private final CrashBounds bounds;
  private final GuestBytes guestBytes;
  private final Random random;
  private final Visitor visitor;
  private final int writes;

  /** Whoever is shown a selection. */
  @FunctionalInterface
  interface Visitor {
    /** Looks at a selection, which is used again afterwards. */
    void visit(BitSet units) throws IOException;
  }

  /** Tells guest data from metadata. */
  @FunctionalInterface
  interface GuestBytes {
    /** Whether the sector at {@code offset} is some that a guest has written. */
    boolean contains(byte[] bytes, int offset);
  }

  CrashSelections(
      Epoch epoch, CrashBounds bounds, long seed, GuestBytes guestBytes, Visitor visitor) {
    this.epoch = epoch;
    this.bounds = bounds;
    this.guestBytes = guestBytes;
    this.random = new Random(seed);
    this.visitor = visitor;
    this.writes = epoch.changes.size();
  }

  void visitAll() throws IOException {
    inOrder();
    tornWrites();
    randomSubsets();
    subsetsOfWrites();
    subsetsOfMetadata();
  }

  /** Prefixes and suffixes of the writes; each alone, and each missing. */
  private void inOrder() throws IOException {
    BitSet units = new BitSet(epoch.units);
    for (int write = 0; write <= writes; write++) {
      units.clear();
      units.set(0, epoch.firstUnit[write]);
      visitor.visit(units);
      units.flip(0, epoch.units);
      visitor.visit(units);
    }
    for (int write = 0; write < writes; write++) {
      units.clear();
      units.set(epoch.firstUnit[write], epoch.firstUnit[write + 1]);
      visitor.visit(units);
      units.flip(0, epoch.units);
      visitor.visit(units);
    }
  }

  /** The start or the end of each write, with all that came before or with all there is. */
  private void tornWrites() throws IOException {
    BitSet units = new BitSet(epoch.units);
    for (int write = 0; write < writes; write++) {
      int from = epoch.firstUnit[write];
      int to = epoch.firstUnit[write + 1];
      if (from < to && epoch.sector[from] == Epoch.LENGTH) {
        from++;
      }
      int places = Math.min(bounds.tornPlaces(), to - from - 1);
      for (int i = 1; i <= places; i++) {
        int tear = from + (int) ((long) i * (to - from) / (places + 1));
        units.clear();
        units.set(0, tear);
        visitor.visit(units);
        units.set(to, Math.max(to, epoch.units));
        visitor.visit(units);
        units.clear(from, tear);
        units.set(tear, to);
        visitor.visit(units);
        units.clear(to, Math.max(to, epoch.units));
        visitor.visit(units);
      }
    }
  }

  private void randomSubsets() throws IOException {
    if (epoch.units == 0) {
      return;
    }
    BitSet units = new BitSet(epoch.units);
    for (double density : DENSITIES) {
      for (int i = 0; i < bounds.randomSubsets(); i++) {
        units.clear();
        int end = random.nextBoolean() ? epoch.units : epoch.firstUnit[1 + random.nextInt(writes)];
        for (int unit = 0; unit < end; unit++) {
          units.set(unit, random.nextDouble() < density);
        }
        visitor.visit(units);
      }
    }
  }

  private void subsetsOfWrites() throws IOException {
    if (writes > bounds.allSubsetsOfWrites()) {
      return;
    }
    BitSet units = new BitSet(epoch.units);
    for (long subset = 0; subset < 1L << writes; subset++) {
      units.clear();
      for (int write = 0; write < writes; write++) {
        if ((subset >> write & 1) != 0) {
          units.set(epoch.firstUnit[write], epoch.firstUnit[write + 1]);
        }
      }
      visitor.visit(units);
    }
  }

  private void subsetsOfMetadata() throws IOException {
    List<Integer> metadata = new ArrayList<>();
    BitSet lengths = new BitSet(epoch.units);
    for (int unit = 0; unit < epoch.units; unit++) {
      if (epoch.sector[unit] == Epoch.LENGTH) {
        lengths.set(unit);
      } else if (!guestBytes.contains(epoch.event(unit).sectors, epoch.offset(unit))) {
        metadata.add(unit);
      }
    }
    if (metadata.size() > bounds.allSubsetsOfMetadata()) {
      return;
    }
    BitSet units = new BitSet(epoch.units);
    for (long subset = 0; subset < 1L << metadata.size(); subset++) {
      units.set(0, epoch.units);
      choose(units, metadata, subset);
      visitor.visit(units);
      units.clear();
      units.or(lengths);
      choose(units, metadata, subset);
      visitor.visit(units);
    }
  }

  private static void choose(BitSet units, List<Integer> from, long subset) {
    for (int i = 0; i < from.size(); i++) {
      units.set(from.get(i), (subset >> i & 1) != 0);
    }
  }
}
