package io.github.qcow2.check;

import io.github.qcow2.check.Finding.Kind;
import io.github.qcow2.error.Qcow2Exception;
import io.github.qcow2.format.BitmapDirectory;
import io.github.qcow2.format.BitmapRecord;
import io.github.qcow2.format.BitmapTableEntry;
import io.github.qcow2.format.BitmapsExtension;
import io.github.qcow2.format.Header;
import io.github.qcow2.format.Limits;
import io.github.qcow2.storage.Storage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Counts the references that persistent bitmaps make: the directory to its clusters, each entry to
 * a bitmap table, each of that one's entries to a cluster of bits (qcow2 spec, "Bitmaps").
 *
 * <p>Bitmaps of which the header says that they are out of date refer to nothing; their clusters
 * are leaks. {@code qemu-img check} does not open an image with a bitmap that breaks a rule; here
 * the rule is reported, and leaks are not, because they might be the bitmap's clusters.
 */
final class BitmapWalk {
  private static final int CHUNK = 16 << 10;

  private final Storage storage;
  private final Header header;
  private final Limits limits;
  private final CheckBudget budget;
  private final TableReader reader;
  private final ReferenceCounter counter;
  private final FindingLog log;
  private boolean complete = true;

  BitmapWalk(
      Storage storage,
      Header header,
      Limits limits,
      CheckBudget budget,
      TableReader reader,
      ReferenceCounter counter,
      FindingLog log) {
    this.storage = storage;
    this.header = header;
    this.limits = limits;
    this.budget = budget;
    this.reader = reader;
    this.counter = counter;
    this.log = log;
  }

  /**
   * Walks all bitmaps.
   *
   * @return whether all references could be counted
   */
  boolean walk() throws IOException {
    BitmapsExtension extension = header.bitmaps();
    if (extension == null) {
      return true;
    }
    counter.countTable(extension.directoryOffset(), extension.directoryBytes());
    List<BitmapRecord> bitmaps = readDirectory(extension);
    for (int i = 0; i < bitmaps.size(); i++) {
      bitmap(i, bitmaps.get(i), extension);
    }
    if (!complete) {
      log.add(
          Kind.TABLE_UNREADABLE,
          extension.directoryOffset(),
          () -> "ERROR bitmaps cannot be followed, leaked clusters cannot be told from theirs");
    }
    return complete;
  }

  /** The entries of the directory; empty if they cannot be understood. */
  private List<BitmapRecord> readDirectory(BitmapsExtension extension) throws IOException {
    budget.tables(extension.directoryBytes());
    budget.memory(extension.directoryBytes());
    ByteBuffer directory = ByteBuffer.allocate((int) extension.directoryBytes());
    storage.read(directory, extension.directoryOffset());
    try {
      return BitmapDirectory.read(storage.name(), extension, directory.flip());
    } catch (Qcow2Exception e) {
      broken(e.offset(), "ERROR bitmap directory", e.rule());
      return List.of();
    }
  }

  private void bitmap(int index, BitmapRecord bitmap, BitmapsExtension extension)
      throws IOException {
    String rule = bitmap.brokenRule(header, limits);
    if (rule != null) {
      broken(extension.directoryOffset(), "ERROR bitmap " + index, rule);
      return;
    }
    int entries = (int) bitmap.tableEntries();
    counter.countTable(bitmap.tableOffset(), (long) entries * Long.BYTES);
    long[] words = new long[Math.min(CHUNK, entries)];
    for (int start = 0; start < entries; start += CHUNK) {
      int count = Math.min(CHUNK, entries - start);
      long place = bitmap.tableOffset() + (long) start * Long.BYTES;
      reader.read(place, words, count);
      for (int i = 0; i < count; i++) {
        entry(index, words[i], place + (long) i * Long.BYTES);
      }
    }
  }

  private void entry(int index, long entry, long place) throws IOException {
    @Nullable String rule = BitmapTableEntry.brokenRule(entry, header.geometry());
    if (rule != null) {
      broken(
          place, String.format(Locale.ROOT, "ERROR bitmap %d table entry %x", index, entry), rule);
    } else if (BitmapTableEntry.offset(entry) != 0) {
      counter.count(BitmapTableEntry.offset(entry), header.geometry().clusterSize(), 1);
    }
  }

  private void broken(long place, String what, String rule) {
    complete = false;
    log.add(Kind.BITMAP, place, () -> what + ": " + rule);
  }
}
