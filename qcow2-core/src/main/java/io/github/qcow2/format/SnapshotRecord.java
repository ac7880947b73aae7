package io.github.qcow2.format;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Arrays;
import java.util.OptionalLong;

/**
 * One internal snapshot: an entry of the snapshot table (qcow2 spec, "Snapshots"). Immutable.
 *
 * <p>Names are kept as the bytes they were read as, which need not be UTF-8, and so is extra data
 * beyond the fields that the format defines today.
 */
public final class SnapshotRecord {
  /** Bytes before the extra data. */
  static final int FIXED_BYTES = 40;

  static final int ID_LENGTH_OFFSET = 12;
  static final int NAME_LENGTH_OFFSET = 14;
  static final int EXTRA_LENGTH_OFFSET = 36;

  private static final int L1_ENTRIES_OFFSET = 8;
  private static final int DATE_SECONDS_OFFSET = 16;
  private static final int DATE_NANOS_OFFSET = 20;
  private static final int VM_CLOCK_OFFSET = 24;
  private static final int VM_STATE_SIZE_32_OFFSET = 32;

  /** Places within the extra data. */
  private static final int VM_STATE_SIZE_OFFSET = 0;

  private static final int DISK_SIZE_OFFSET = 8;
  private static final int ICOUNT_OFFSET = 16;

  /** What QEMU writes: the three fields above. */
  private static final int KNOWN_EXTRA_BYTES = 24;

  /** An instruction count that was not recorded. */
  private static final long NO_ICOUNT = -1;

  private final byte[] fixed;
  private final byte[] extra;
  private final byte[] id;
  private final byte[] name;

  private SnapshotRecord(byte[] fixed, byte[] extra, byte[] id, byte[] name) {
    this.fixed = fixed;
    this.extra = extra;
    this.id = id;
    this.name = name;
  }

  /** Reads an entry that lies in {@code in} as a whole, from its position on. */
  static SnapshotRecord read(ByteBuffer in) {
    ByteBuffer entry = in.slice();
    byte[] fixed = new byte[FIXED_BYTES];
    byte[] extra = new byte[entry.getInt(EXTRA_LENGTH_OFFSET)];
    byte[] id = new byte[Short.toUnsignedInt(entry.getShort(ID_LENGTH_OFFSET))];
    byte[] name = new byte[Short.toUnsignedInt(entry.getShort(NAME_LENGTH_OFFSET))];
    entry.get(fixed).get(extra).get(id).get(name);
    return new SnapshotRecord(fixed, extra, id, name);
  }

  /**
   * Makes the record of a snapshot of the disk alone, without the state of a machine, as qemu-img
   * does.
   *
   * @param id unique among the snapshots of the image; by custom a decimal number
   * @param name for people
   * @param date when the snapshot is taken, from 1970 to 2106
   * @param l1TableOffset host offset of the snapshot's L1 table
   * @param l1Entries entries of that table
   * @param diskSize the virtual size in bytes
   * @throws IllegalArgumentException if a name has more than 65535 bytes or the date is no such
   */
  public static SnapshotRecord ofDisk(
      String id, String name, Instant date, long l1TableOffset, int l1Entries, long diskSize) {
    byte[] idBytes = id.getBytes(StandardCharsets.UTF_8);
    byte[] nameBytes = name.getBytes(StandardCharsets.UTF_8);
    if (idBytes.length > 0xffff || nameBytes.length > 0xffff) {
      throw new IllegalArgumentException("a snapshot id or name of more than 65535 bytes");
    }
    if (date.getEpochSecond() < 0 || date.getEpochSecond() > 0xffff_ffffL) {
      throw new IllegalArgumentException("a snapshot taken in " + date);
    }
    ByteBuffer fixed = ByteBuffer.allocate(FIXED_BYTES);
    fixed.putLong(0, l1TableOffset);
    fixed.putInt(L1_ENTRIES_OFFSET, l1Entries);
    fixed.putShort(ID_LENGTH_OFFSET, (short) idBytes.length);
    fixed.putShort(NAME_LENGTH_OFFSET, (short) nameBytes.length);
    fixed.putInt(DATE_SECONDS_OFFSET, (int) date.getEpochSecond());
    fixed.putInt(DATE_NANOS_OFFSET, date.getNano());
    fixed.putInt(EXTRA_LENGTH_OFFSET, KNOWN_EXTRA_BYTES);
    ByteBuffer extra = ByteBuffer.allocate(KNOWN_EXTRA_BYTES);
    extra.putLong(DISK_SIZE_OFFSET, diskSize);
    return new SnapshotRecord(fixed.array(), extra.array(), idBytes, nameBytes);
  }

  /** Host offset of the snapshot's L1 table; not checked by reading the record. */
  public long l1TableOffset() {
    return ByteBuffer.wrap(fixed).getLong(0);
  }

  /** Entries of the snapshot's L1 table; unsigned 32 bits, not checked by reading the record. */
  public long l1Entries() {
    return unsigned(L1_ENTRIES_OFFSET);
  }

  /** The id: by custom a decimal number, unique in the image. Untrusted. */
  public String id() {
    return HeaderExtension.text(id);
  }

  /** The name, which need not be unique. Untrusted. */
  public String name() {
    return HeaderExtension.text(name);
  }

  /** A copy of the bytes of the name. */
  public byte[] nameBytes() {
    return name.clone();
  }

  /** When the snapshot was taken. */
  public Instant date() {
    return Instant.ofEpochSecond(unsigned(DATE_SECONDS_OFFSET), unsigned(DATE_NANOS_OFFSET));
  }

  /** Nanoseconds that the guest had been running for; unsigned. */
  public long vmClockNanos() {
    return ByteBuffer.wrap(fixed).getLong(VM_CLOCK_OFFSET);
  }

  /** Bytes of saved machine state, 0 if there is none; unsigned. */
  public long vmStateSize() {
    return extra.length >= VM_STATE_SIZE_OFFSET + Long.BYTES
        ? ByteBuffer.wrap(extra).getLong(VM_STATE_SIZE_OFFSET)
        : unsigned(VM_STATE_SIZE_32_OFFSET);
  }

  /**
   * The virtual size at the time in bytes, or empty if not recorded: then it is the current one.
   */
  public OptionalLong diskSize() {
    return extra.length >= DISK_SIZE_OFFSET + Long.BYTES
        ? OptionalLong.of(ByteBuffer.wrap(extra).getLong(DISK_SIZE_OFFSET))
        : OptionalLong.empty();
  }

  /** The guest's instruction count, unsigned, or empty if not recorded. */
  public OptionalLong icount() {
    if (extra.length < ICOUNT_OFFSET + Long.BYTES) {
      return OptionalLong.empty();
    }
    long icount = ByteBuffer.wrap(extra).getLong(ICOUNT_OFFSET);
    return icount == NO_ICOUNT ? OptionalLong.empty() : OptionalLong.of(icount);
  }

  /**
   * This record with all of the extra data that version 3 wants; itself if it has that.
   *
   * @param currentSize of the disk in bytes, which a record without a size means
   */
  public SnapshotRecord completed(long currentSize) {
    if (isComplete()) {
      return this;
    }
    ByteBuffer more = ByteBuffer.allocate(KNOWN_EXTRA_BYTES);
    more.putLong(VM_STATE_SIZE_OFFSET, vmStateSize());
    more.putLong(DISK_SIZE_OFFSET, currentSize);
    more.putLong(ICOUNT_OFFSET, NO_ICOUNT);
    byte[] changed = fixed.clone();
    ByteBuffer.wrap(changed).putInt(EXTRA_LENGTH_OFFSET, KNOWN_EXTRA_BYTES);
    return new SnapshotRecord(changed, more.array(), id, name);
  }

  /** Whether it has the extra data that version 3 wants. */
  public boolean isComplete() {
    return extra.length >= ICOUNT_OFFSET;
  }

  /** Bytes of extra data: at least 16 in version 3; QEMU writes 24. */
  public int extraDataBytes() {
    return extra.length;
  }

  /** Bytes of the entry with its padding to a multiple of eight. */
  int encodedLength() {
    return (FIXED_BYTES + extra.length + id.length + name.length + 7) & -8;
  }

  void encode(ByteBuffer out) {
    int end = out.position() + encodedLength();
    out.put(fixed).put(extra).put(id).put(name);
    while (out.position() < end) {
      out.put((byte) 0);
    }
  }

  private long unsigned(int offset) {
    return Integer.toUnsignedLong(ByteBuffer.wrap(fixed).getInt(offset));
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof SnapshotRecord that
        && Arrays.equals(fixed, that.fixed)
        && Arrays.equals(extra, that.extra)
        && Arrays.equals(id, that.id)
        && Arrays.equals(name, that.name);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(new int[] {Arrays.hashCode(fixed), Arrays.hashCode(name)});
  }

  @Override
  public String toString() {
    return "snapshot " + id() + " \"" + name() + "\"";
  }
}
