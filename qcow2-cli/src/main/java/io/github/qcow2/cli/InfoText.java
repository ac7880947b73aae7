package io.github.qcow2.cli;

import io.github.qcow2.ImageInfo;
import io.github.qcow2.format.BitmapRecord;
import io.github.qcow2.format.CompressionType;
import io.github.qcow2.format.Header;
import io.github.qcow2.format.SnapshotRecord;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Locale;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;

/** Prints what {@code info} has found for people to read. */
final class InfoText {
  private static final String SNAPSHOT_COLUMNS = "%-9s %-16s %8s%20s%13s%11s";
  private static final DateTimeFormatter DATE =
      DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss", Locale.ROOT);

  private InfoText() {}

  static void print(Console console, ImageSummary image) {
    console.line("image: " + image.filename());
    console.line("file format: " + image.formatName());
    long size = image.virtualSize();
    console.line("virtual size: " + HumanSize.of(size) + " (" + size + " bytes)");
    OptionalLong usage = image.diskUsage();
    console.line(
        "disk size: " + (usage.isPresent() ? HumanSize.of(usage.getAsLong()) : "unavailable"));
    ImageInfo qcow2 = image.qcow2();
    if (qcow2 == null) {
      return;
    }
    Header header = qcow2.header();
    if (header.cryptMethod() != 0) {
      console.line("encrypted: yes");
    }
    console.line("cluster_size: " + header.geometry().clusterSize());
    if (header.isDirty()) {
      console.line("cleanly shut down: no");
    }
    BackingReference backing = image.backing();
    if (backing != null) {
      String actual = backing.actualName();
      console.line(
          "backing file: "
              + backing.name()
              + (actual.equals(backing.name()) ? "" : " (actual path: " + actual + ")"));
      if (backing.format() != null) {
        console.line("backing file format: " + backing.format());
      }
    }
    printSnapshots(console, qcow2.snapshots());
    printFormat(console, qcow2);
  }

  private static void printSnapshots(Console console, List<SnapshotRecord> snapshots) {
    if (snapshots.isEmpty()) {
      return;
    }
    console.line("Snapshot list:");
    console.line(
        String.format(SNAPSHOT_COLUMNS, "ID", "TAG", "VM SIZE", "DATE", "VM CLOCK", "ICOUNT"));
    for (SnapshotRecord snapshot : snapshots) {
      OptionalLong icount = snapshot.icount();
      console.line(
          String.format(
              SNAPSHOT_COLUMNS,
              snapshot.id(),
              snapshot.name(),
              HumanSize.of(snapshot.vmStateSize()),
              DATE.format(snapshot.date().atZone(ZoneId.systemDefault())),
              clock(snapshot.vmClockNanos()),
              icount.isPresent() ? Long.toUnsignedString(icount.getAsLong()) : ""));
    }
  }

  private static String clock(long nanoseconds) {
    long seconds = Long.divideUnsigned(nanoseconds, TimeUnit.SECONDS.toNanos(1));
    long rest = Long.remainderUnsigned(nanoseconds, TimeUnit.SECONDS.toNanos(1));
    return String.format(
        "%02d:%02d:%02d.%03d",
        seconds / 3600, seconds / 60 % 60, seconds % 60, TimeUnit.NANOSECONDS.toMillis(rest));
  }

  private static void printFormat(Console console, ImageInfo qcow2) {
    Header header = qcow2.header();
    console.line("Format specific information:");
    field(console, "compat", compatibility(header));
    field(console, "compression type", compression(header));
    boolean version3 = header.version() >= 3;
    if (version3) {
      field(console, "lazy refcounts", header.hasLazyRefcounts());
      printBitmaps(console, qcow2.bitmaps());
    }
    field(console, "refcount bits", header.geometry().refcountBits());
    if (header.cryptMethod() != 0) {
      console.line("    encrypt:");
      console.line("        format: " + encryption(header));
    }
    if (!version3) {
      return;
    }
    if (header.hasDataFile()) {
      String name = header.dataFile();
      if (name != null) {
        field(console, "data file", name);
      }
      field(console, "data file raw", header.hasRawDataFile());
    }
    field(console, "corrupt", header.isCorrupt());
    field(console, "extended l2", header.geometry().extendedL2());
  }

  private static void printBitmaps(Console console, List<BitmapRecord> bitmaps) {
    if (bitmaps.isEmpty()) {
      return;
    }
    console.line("    bitmaps:");
    for (int i = 0; i < bitmaps.size(); i++) {
      BitmapRecord bitmap = bitmaps.get(i);
      console.line("        [" + i + "]:");
      console.line("            flags:");
      List<String> flags = flags(bitmap);
      for (int f = 0; f < flags.size(); f++) {
        console.line("                [" + f + "]: " + flags.get(f));
      }
      console.line("            name: " + bitmap.name());
      console.line("            granularity: " + bitmap.granularity());
    }
  }

  private static void field(Console console, String name, Object value) {
    console.line("    " + name + ": " + value);
  }

  /** The version, as the release of QEMU that introduced it. */
  static String compatibility(Header header) {
    return header.version() == 2 ? "0.10" : "1.1";
  }

  /** The compression type by its name in QEMU. */
  static String compression(Header header) {
    return header.compressionType() == CompressionType.ZSTD.value() ? "zstd" : "zlib";
  }

  /** The encryption method by its name in QEMU. */
  static String encryption(Header header) {
    return switch (header.cryptMethod()) {
      case 1 -> "aes";
      case 2 -> "luks";
      default -> Integer.toUnsignedString(header.cryptMethod());
    };
  }

  /** The flags of a bitmap that are set, by their names in QEMU. */
  static List<String> flags(BitmapRecord bitmap) {
    if (bitmap.isInUse()) {
      return bitmap.isAuto() ? List.of("in-use", "auto") : List.of("in-use");
    }
    return bitmap.isAuto() ? List.of("auto") : List.of();
  }
}
