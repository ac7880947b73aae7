package io.github.qcow2.testkit.powercut;

/** Distinct numbers. Not thread-safe. */
final class LongSet {
  private static final int SMALL = 1 << 10;

  /** Open addressing; zero marks a free place, and is itself kept apart. */
  private long[] places = new long[SMALL];

  private int size;
  private boolean hasZero;

  /** Adds a number, and says whether it is new. */
  boolean add(long value) {
    if (value == 0) {
      boolean isNew = !hasZero;
      hasZero = true;
      return isNew;
    }
    if (size > places.length / 2) {
      grow();
    }
    return put(value);
  }

  boolean contains(long value) {
    if (value == 0) {
      return hasZero;
    }
    int mask = places.length - 1;
    int at = (int) Digests.mix(value) & mask;
    while (places[at] != 0 && places[at] != value) {
      at = (at + 1) & mask;
    }
    return places[at] == value;
  }

  int size() {
    return hasZero ? size + 1 : size;
  }

  /** Adds all numbers of another set. */
  void addAll(LongSet other) {
    for (long value : other.places) {
      if (value != 0) {
        add(value);
      }
    }
    hasZero |= other.hasZero;
  }

  private boolean put(long value) {
    int mask = places.length - 1;
    int at = (int) Digests.mix(value) & mask;
    while (places[at] != 0) {
      if (places[at] == value) {
        return false;
      }
      at = (at + 1) & mask;
    }
    places[at] = value;
    size++;
    return true;
  }

  private void grow() {
    long[] old = places;
    places = new long[old.length * 2];
    size = 0;
    for (long value : old) {
      if (value != 0) {
        put(value);
      }
    }
  }
}
