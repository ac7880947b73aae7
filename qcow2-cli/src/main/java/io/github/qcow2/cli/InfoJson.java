package io.github.qcow2.cli;

import io.github.qcow2.ImageInfo;
import io.github.qcow2.format.BitmapRecord;
import io.github.qcow2.format.Header;
import io.github.qcow2.format.SnapshotRecord;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Writes what {@code info} has found for programs to read. The order of the members is that of
 * qemu-img 7.2, which follows from its hash function and has no other meaning.
 */
final class InfoJson {
  private InfoJson() {}

  static String of(ImageSummary image) {
    JsonWriter json = new JsonWriter();
    write(json, image);
    return json.toString();
  }

  static String ofChain(List<ImageSummary> images) {
    JsonWriter json = new JsonWriter().beginArray();
    for (ImageSummary image : images) {
      write(json, image);
    }
    return json.endArray().toString();
  }

  private static void write(JsonWriter json, ImageSummary image) {
    ImageInfo qcow2 = image.qcow2();
    BackingReference backing = image.backing();
    json.beginObject();
    if (backing != null && backing.format() != null) {
      json.member("backing-filename-format", backing.format());
    }
    if (qcow2 != null) {
      writeSnapshots(json, qcow2.snapshots());
    }
    json.member("virtual-size", image.virtualSize());
    json.member("filename", image.filename());
    if (qcow2 != null) {
      json.member("cluster-size", qcow2.header().geometry().clusterSize());
    }
    json.member("format", image.formatName());
    image.diskUsage().ifPresent(bytes -> json.member("actual-size", bytes));
    if (qcow2 != null) {
      json.beginObject("format-specific");
      json.member("type", image.formatName());
      json.beginObject("data");
      writeFormat(json, qcow2);
      json.endObject().endObject();
    }
    if (backing != null) {
      json.member("full-backing-filename", backing.actualName());
    }
    if (qcow2 != null && qcow2.header().cryptMethod() != 0) {
      json.member("encrypted", true);
    }
    if (backing != null) {
      json.member("backing-filename", backing.name());
    }
    json.member("dirty-flag", qcow2 != null && qcow2.header().isDirty());
    json.endObject();
  }

  private static void writeSnapshots(JsonWriter json, List<SnapshotRecord> snapshots) {
    if (snapshots.isEmpty()) {
      return;
    }
    json.beginArray("snapshots");
    for (SnapshotRecord snapshot : snapshots) {
      Instant date = snapshot.date();
      json.beginObject();
      snapshot.icount().ifPresent(icount -> json.member("icount", icount));
      long clock = snapshot.vmClockNanos();
      long second = TimeUnit.SECONDS.toNanos(1);
      json.member("vm-clock-nsec", Long.remainderUnsigned(clock, second));
      json.member("name", snapshot.name());
      json.member("date-sec", date.getEpochSecond());
      json.member("date-nsec", date.getNano());
      json.member("vm-clock-sec", Long.divideUnsigned(clock, second));
      json.member("id", snapshot.id());
      json.member("vm-state-size", snapshot.vmStateSize());
      json.endObject();
    }
    json.endArray();
  }

  private static void writeFormat(JsonWriter json, ImageInfo qcow2) {
    Header header = qcow2.header();
    boolean version3 = header.version() >= 3;
    json.member("compat", InfoText.compatibility(header));
    json.member("compression-type", InfoText.compression(header));
    if (version3) {
      json.member("lazy-refcounts", header.hasLazyRefcounts());
      writeBitmaps(json, qcow2.bitmaps());
    }
    json.member("refcount-bits", header.geometry().refcountBits());
    if (header.cryptMethod() != 0) {
      json.beginObject("encrypt").member("format", InfoText.encryption(header)).endObject();
    }
    if (!version3) {
      return;
    }
    if (header.hasDataFile()) {
      String name = header.dataFile();
      if (name != null) {
        json.member("data-file", name);
      }
      json.member("data-file-raw", header.hasRawDataFile());
    }
    json.member("corrupt", header.isCorrupt());
    json.member("extended-l2", header.geometry().extendedL2());
  }

  private static void writeBitmaps(JsonWriter json, List<BitmapRecord> bitmaps) {
    if (bitmaps.isEmpty()) {
      return;
    }
    json.beginArray("bitmaps");
    for (BitmapRecord bitmap : bitmaps) {
      json.beginObject().beginArray("flags");
      InfoText.flags(bitmap).forEach(json::element);
      json.endArray();
      json.member("name", bitmap.name());
      json.member("granularity", bitmap.granularity());
      json.endObject();
    }
    json.endArray();
  }
}
