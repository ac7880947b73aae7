package io.github.qcow2.mapping;

import io.github.qcow2.error.CorruptImageException;
import io.github.qcow2.format.ClusterType;
import io.github.qcow2.format.Geometry;
import io.github.qcow2.format.L1Entry;
import io.github.qcow2.format.L2Entry;
import io.github.qcow2.format.SubclusterBitmap;
import io.github.qcow2.metadata.Damage;
import io.github.qcow2.metadata.SliceStore;
import io.github.qcow2.metadata.TableSlice;
import io.github.qcow2.metadata.TopTable;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * Says where guest bytes are: the L1 table, then a slice of an L2 table (qcow2 spec, "Cluster
 * mapping").
 *
 * <p>Owns nothing but the way through the tables. Takes no lock where the slice is cached. What it
 * says was true at one moment during the call; a caller that goes on to use a host offset must have
 * passed the operation gate before.
 */
public final class GuestMap {
  private final Damage damage;
  private final Geometry geometry;
  private final boolean dataFile;
  private final TopTable l1;
  private final SliceStore l2;
  private final int entriesPerSlice;

  /**
   * Puts a map on top of tables.
   *
   * @param damage learns of entries that break a rule
   * @param dataFile whether guest data is in an external data file
   * @param l1 the active L1 table, or that of a snapshot
   */
  public GuestMap(Damage damage, Geometry geometry, boolean dataFile, TopTable l1, SliceStore l2) {
    this.damage = damage;
    this.geometry = geometry;
    this.dataFile = dataFile;
    this.l1 = l1;
    this.l2 = l2;
    this.entriesPerSlice = l2.sliceBytes() / geometry.l2EntryBytes();
  }

  /** The geometry of the image. */
  public Geometry geometry() {
    return geometry;
  }

  /** Whether guest data is in an external data file. */
  public boolean hasDataFile() {
    return dataFile;
  }

  TopTable l1() {
    return l1;
  }

  SliceStore l2() {
    return l2;
  }

  /** Number of L2 entries that are cached, and can be changed, together. */
  public int entriesPerSlice() {
    return entriesPerSlice;
  }

  /** Index of the L2 entry of a guest offset in its slice. */
  public int indexInSlice(long guestOffset) {
    return geometry.l2Index(guestOffset) & (entriesPerSlice - 1);
  }

  /** Guest bytes from {@code guestOffset} to the end of the slice that maps it. */
  public long bytesLeftInSlice(long guestOffset) {
    return ((long) (entriesPerSlice - indexInSlice(guestOffset)) << geometry.clusterBits())
        - geometry.offsetInCluster(guestOffset);
  }

  /**
   * The slice that holds the L2 entry of a guest offset, or null where there is no L2 table.
   *
   * @throws CorruptImageException if the L1 entry points to no cluster boundary
   */
  public @Nullable TableSlice slice(long guestOffset) throws IOException {
    return slice(guestOffset, l1.get(geometry.l1Index(guestOffset)));
  }

  private @Nullable TableSlice slice(long guestOffset, long l1Entry) throws IOException {
    long table = L1Entry.offset(l1Entry);
    if (table == 0) {
      return null;
    }
    checkTable(guestOffset, table);
    int sliceInTable = geometry.l2Index(guestOffset) / entriesPerSlice;
    return l2.slice(table + (long) sliceInTable * l2.sliceBytes());
  }

  /**
   * Whether any entry of a range of whole clusters says anything.
   *
   * @param length in bytes, not beyond the slice that maps {@code guestOffset}
   */
  public boolean hasEntries(long guestOffset, long length) throws IOException {
    TableSlice slice = slice(guestOffset);
    if (slice == null) {
      return false;
    }
    int words = geometry.l2EntryWords();
    int first = indexInSlice(guestOffset) * words;
    int end = first + (int) (length >>> geometry.clusterBits()) * words;
    for (int word = first; word < end; word++) {
      if (slice.word(word) != 0) {
        return true;
      }
    }
    return false;
  }

  void checkTable(long guestOffset, long table) throws CorruptImageException {
    if (!geometry.isClusterAligned(table)) {
      throw damage.found(
          l1.offset() + geometry.l1Index(guestOffset) * Long.BYTES,
          "L2 table offset 0x" + Long.toHexString(table) + " is not cluster aligned");
    }
  }

  /**
   * Finds out how the bytes from {@code guestOffset} on are stored.
   *
   * @param limit how many bytes to look at most, at least one
   * @param result is filled; its length is at most {@code limit}
   * @throws CorruptImageException if an entry breaks a rule that reading depends on
   */
  public void resolve(long guestOffset, long limit, Mapping result) throws IOException {
    long l1Entry = l1.get(geometry.l1Index(guestOffset));
    TableSlice slice = slice(guestOffset, l1Entry);
    if (slice == null) {
      long length = bytesWithoutTable(guestOffset, limit);
      result.set(Mapping.Kind.UNALLOCATED, Mapping.NO_OFFSET, false, 0, length);
      return;
    }
    resolve(slice, l1Entry, guestOffset, limit, result);
  }

  private void resolve(TableSlice slice, long l1Entry, long guestOffset, long limit, Mapping result)
      throws IOException {
    if (geometry.extendedL2()) {
      resolveSubclusters(slice, l1Entry, guestOffset, limit, result);
    } else {
      resolveClusters(slice, l1Entry, guestOffset, limit, result);
    }
  }

  /**
   * Finds out whether bytes may be written where they are: data in clusters of which {@link
   * Exclusiveness} knows that nobody else refers to them.
   *
   * @param limit how many bytes to look at most, at least one
   * @param result is filled if so; its length is at most {@code limit} and ends with the slice
   * @return whether so; if not, it may yet be so after a look at the refcounts
   * @throws CorruptImageException if an entry breaks a rule that reading depends on
   */
  public boolean findInPlace(long guestOffset, long limit, Mapping result) throws IOException {
    long l1Entry = l1.get(geometry.l1Index(guestOffset));
    TableSlice slice = slice(guestOffset, l1Entry);
    if (slice == null) {
      return false;
    }
    long length = Math.min(limit, bytesLeftInSlice(guestOffset));
    if (!dataFile) {
      // Before the entries are read: what replaces an entry is marked after it has been written.
      long inCluster = geometry.offsetInCluster(guestOffset);
      int wanted = (int) geometry.clustersFor(inCluster + length);
      int verified = slice.verifiedFrom(indexInSlice(guestOffset), wanted);
      if (verified == 0) {
        return false;
      }
      length = Math.min(length, ((long) verified << geometry.clusterBits()) - inCluster);
    }
    resolve(slice, l1Entry, guestOffset, length, result);
    return result.inPlace();
  }

  private long bytesWithoutTable(long guestOffset, long limit) {
    long perTable = geometry.bytesPerL2Table();
    long length = perTable - (guestOffset & (perTable - 1));
    long index = geometry.l1Index(guestOffset) + 1;
    while (length < limit && L1Entry.offset(l1.get(index)) == 0) {
      length += perTable;
      index++;
    }
    return Math.min(length, limit);
  }

  private void resolveClusters(
      TableSlice first, long l1Entry, long guestOffset, long limit, Mapping result)
      throws IOException {
    TableSlice slice = first;
    int index = indexInSlice(guestOffset);
    long entry = slice.word(index);
    check(slice, index, entry, 0, guestOffset);
    ClusterType type = L2Entry.type(entry, geometry, dataFile);
    boolean copied = L1Entry.copied(l1Entry) && L2Entry.copied(entry);
    long inCluster = geometry.offsetInCluster(guestOffset);
    long length = geometry.clusterSize() - inCluster;
    if (type == ClusterType.COMPRESSED) {
      result.set(Mapping.Kind.COMPRESSED, Mapping.NO_OFFSET, false, entry, Math.min(length, limit));
      return;
    }
    boolean placed = type == ClusterType.NORMAL || type == ClusterType.ZERO_ALLOCATED;
    // The next entry continues this one if it is equal but for an offset one cluster higher.
    long step = placed ? geometry.clusterSize() : 0;
    long expected = entry;
    while (length < limit) {
      index++;
      expected += step;
      if (index == entriesPerSlice) {
        TableSlice next = sliceOfSameOwner(guestOffset + length, l1Entry);
        if (next == null) {
          break;
        }
        slice = next;
        index = 0;
      }
      if (slice.word(index) != expected) {
        break;
      }
      length += geometry.clusterSize();
    }
    long host = placed ? L2Entry.offset(entry) + inCluster : Mapping.NO_OFFSET;
    result.set(kind(type), host, placed && copied, 0, Math.min(length, limit));
  }

  private void resolveSubclusters(
      TableSlice first, long l1Entry, long guestOffset, long limit, Mapping result)
      throws IOException {
    long guest = guestOffset;
    TableSlice slice = first;
    int index = indexInSlice(guest);
    Mapping.Kind kind = null;
    long host = Mapping.NO_OFFSET;
    boolean exclusive = false;
    long length = 0;
    while (true) {
      long entry;
      long bitmap;
      int begun;
      do {
        begun = slice.beginRead();
        entry = slice.word(2 * index);
        bitmap = slice.word(2 * index + 1);
      } while (!slice.endRead(begun));
      check(slice, 2 * index, entry, bitmap, guest);
      ClusterType cluster = L2Entry.type(entry, geometry, dataFile);
      long inCluster = geometry.offsetInCluster(guest);
      if (cluster == ClusterType.COMPRESSED) {
        if (kind == null) {
          kind = Mapping.Kind.COMPRESSED;
          length = geometry.clusterSize() - inCluster;
          result.set(kind, Mapping.NO_OFFSET, false, entry, Math.min(length, limit));
          return;
        }
        break;
      }
      long clusterHost =
          cluster == ClusterType.NORMAL ? L2Entry.offset(entry) + inCluster : Mapping.NO_OFFSET;
      boolean clusterExclusive =
          cluster == ClusterType.NORMAL && L1Entry.copied(l1Entry) && L2Entry.copied(entry);
      int subcluster = geometry.subclusterIndex(guest);
      Mapping.Kind here = kind(SubclusterBitmap.type(cluster, bitmap, subcluster));
      if (kind == null) {
        kind = here;
        host = clusterHost;
        exclusive = clusterExclusive;
      } else if (here != kind
          || clusterExclusive != exclusive
          || (host == Mapping.NO_OFFSET
              ? clusterHost != Mapping.NO_OFFSET
              : clusterHost != host + length)) {
        break;
      }
      int run = SubclusterBitmap.runLength(bitmap, subcluster, geometry.subclustersPerCluster());
      long end = (long) (subcluster + run) << geometry.subclusterBits();
      length += end - inCluster;
      guest = guestOffset + length;
      if (length >= limit || end < geometry.clusterSize()) {
        break;
      }
      index++;
      if (index == entriesPerSlice) {
        TableSlice next = sliceOfSameOwner(guest, l1Entry);
        if (next == null) {
          break;
        }
        slice = next;
        index = 0;
      }
    }
    result.set(kind, host, exclusive, 0, Math.min(length, limit));
  }

  /** The next slice, unless its table is shared and the one before is not, or the other way. */
  private @Nullable TableSlice sliceOfSameOwner(long guestOffset, long l1Entry) throws IOException {
    long next = l1.get(geometry.l1Index(guestOffset));
    return L1Entry.copied(next) == L1Entry.copied(l1Entry) ? slice(guestOffset, next) : null;
  }

  private static Mapping.Kind kind(ClusterType type) {
    return switch (type) {
      case UNALLOCATED -> Mapping.Kind.UNALLOCATED;
      case ZERO_PLAIN, ZERO_ALLOCATED -> Mapping.Kind.ZERO;
      case NORMAL -> Mapping.Kind.DATA;
      case COMPRESSED -> Mapping.Kind.COMPRESSED;
    };
  }

  /**
   * Refuses clusters that a change must not take for what their entries say (I7): what a broken
   * entry points to is no cluster that can be freed.
   *
   * @param guestCluster number of the first guest cluster
   * @param count clusters in a row, in one slice
   */
  void checkEntries(TableSlice slice, long guestCluster, int count) throws CorruptImageException {
    for (int i = 0; i < count; i++) {
      long guestOffset = (guestCluster + i) << geometry.clusterBits();
      int word = indexInSlice(guestOffset) * geometry.l2EntryWords();
      long bitmap = geometry.extendedL2() ? slice.word(word + 1) : 0;
      check(slice, word, slice.word(word), bitmap, guestOffset);
    }
  }

  /** Refuses an entry that breaks a rule that reading depends on. */
  private void check(TableSlice slice, int word, long entry, long bitmap, long guestOffset)
      throws CorruptImageException {
    String broken = L2Entry.brokenRule(entry, bitmap, geometry, dataFile, guestOffset);
    if (broken != null) {
      throw damage.found(slice.offset() + (long) word * Long.BYTES, "L2 entry: " + broken);
    }
  }
}
