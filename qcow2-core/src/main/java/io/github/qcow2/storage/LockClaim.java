package io.github.qcow2.storage;

import java.util.ArrayList;
import java.util.List;

/**
 * What somebody wants to do with a file and what others must not do meanwhile, as bytes to lock.
 * The numbering is QEMU's: byte {@code 100 + i} is locked by who uses permission <i>i</i>, byte
 * {@code 200 + i} by who does not share it.
 */
enum LockClaim {
  READER,
  WRITER;

  /** QEMU's permissions, each with what a refusal says about whoever is in the way. */
  private enum Permission {
    READ(0, "has the file open for reading", "does not allow others to read the file"),
    WRITE(1, "has the file open for writing", "does not allow others to write to the file"),
    WRITE_UNCHANGED(2, "rewrites the file", "does not allow others to rewrite the file"),
    RESIZE(3, "may resize the file", "does not allow others to resize the file");

    /** Neither readers nor writers go together with another writer. */
    static final List<Permission> KEPT_FROM_OTHERS = List.of(WRITE, RESIZE);

    private static final int USED = 100;
    private static final int UNSHARED = 200;

    final int number;
    final String use;
    final String refusal;

    Permission(int number, String use, String refusal) {
      this.number = number;
      this.use = use;
      this.refusal = refusal;
    }

    int usedByte() {
      return USED + number;
    }

    int unsharedByte() {
      return UNSHARED + number;
    }
  }

  static LockClaim of(boolean writable) {
    return writable ? WRITER : READER;
  }

  /** What the file is open for: the end of a sentence. */
  String purpose() {
    return this == WRITER ? "writing" : "reading";
  }

  /** Positions of the bytes to be kept locked, shared, in rising order. */
  List<Integer> held() {
    List<Integer> positions = new ArrayList<>();
    used().forEach(permission -> positions.add(permission.usedByte()));
    Permission.KEPT_FROM_OTHERS.forEach(permission -> positions.add(permission.unsharedByte()));
    return positions;
  }

  /** Positions of the bytes that nobody else may have locked. */
  List<Integer> probed() {
    List<Integer> positions = new ArrayList<>();
    Permission.KEPT_FROM_OTHERS.forEach(permission -> positions.add(permission.usedByte()));
    used().forEach(permission -> positions.add(permission.unsharedByte()));
    return positions;
  }

  private List<Permission> used() {
    return this == WRITER
        ? List.of(Permission.READ, Permission.WRITE, Permission.RESIZE)
        : List.of(Permission.READ);
  }

  boolean goesWith(LockClaim other) {
    return this == READER && other == READER;
  }

  /** What somebody who has locked a byte does: the rest of a sentence. */
  static String meaning(int position) {
    for (Permission permission : Permission.values()) {
      if (position == permission.usedByte()) {
        return permission.use;
      }
      if (position == permission.unsharedByte()) {
        return permission.refusal;
      }
    }
    throw new IllegalArgumentException("byte " + position);
  }
}
