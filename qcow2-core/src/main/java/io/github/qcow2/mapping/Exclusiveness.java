package io.github.qcow2.mapping;

import io.github.qcow2.allocation.Refcounts;
import io.github.qcow2.format.Geometry;
import io.github.qcow2.format.L1Entry;
import io.github.qcow2.format.L2Entry;
import io.github.qcow2.metadata.Damage;
import io.github.qcow2.metadata.SliceStore;
import io.github.qcow2.metadata.TableSlice;
import io.github.qcow2.metadata.TopTable;
import java.io.IOException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds out whether a cluster is what its COPIED flag says: in use once (I6). Refcounts are the
 * truth; who believes a flag that is wrong overwrites what a snapshot holds.
 *
 * <pre>
 *   COPIED   refcount
 *   clear    any        copied before it is changed; nothing is looked up
 *   set      1          changed in place
 *   set      above 1    copied before it is changed, and a warning
 *   set      0          damage: the cluster could be handed out a second time
 * </pre>
 *
 * <p>Owns nothing. That a flag is right is remembered with the table or slice that holds it, so a
 * count is looked up once as long as the slice stays in memory, and never for what this library has
 * published itself. It stays right: whoever raises a count clears the flag.
 */
public final class Exclusiveness {
  private static final Logger LOG = LoggerFactory.getLogger(Exclusiveness.class);

  private final String image;
  private final Damage damage;
  private final GuestMap map;
  private final Geometry geometry;
  private final TopTable l1;
  private final SliceStore l2;
  private final Refcounts refcounts;
  private final AtomicBoolean warned = new AtomicBoolean();

  /** Compares the flags in a map with counts. */
  public Exclusiveness(String image, Damage damage, GuestMap map, Refcounts refcounts) {
    this.image = image;
    this.damage = damage;
    this.map = map;
    this.geometry = map.geometry();
    this.l1 = map.l1();
    this.l2 = map.l2();
    this.refcounts = refcounts;
  }

  /**
   * Whether the L2 table of an entry of the active L1 table may be changed in place.
   *
   * @throws io.github.qcow2.error.CorruptImageException if its refcount is 0
   */
  boolean isTableOurs(int l1Index) throws IOException {
    // The mark comes first: an entry that is read after it is the one that is marked, or newer.
    boolean verified = l1.isVerified(l1Index);
    long entry = l1.get(l1Index);
    if (L1Entry.offset(entry) == 0 || !L1Entry.copied(entry)) {
      return false;
    }
    if (!verified) {
      map.checkTable((long) l1Index * geometry.bytesPerL2Table(), L1Entry.offset(entry));
      if (!isUsedOnce(l1.offset() + (long) l1Index * Long.BYTES, L1Entry.offset(entry))) {
        return false;
      }
      l2.lock().lock();
      try {
        // Unless somebody else has replaced the table meanwhile, who has then marked the new one.
        if (l1.get(l1Index) == entry) {
          l1.setVerified(l1Index);
        }
      } finally {
        l2.lock().unlock();
      }
    }
    return true;
  }

  /**
   * Marks the entries whose host clusters may be written in place. The caller holds the guest
   * clusters in {@link ClusterLocks}, so the entries do not change.
   *
   * @param guestCluster number of the first guest cluster
   * @param count clusters in a row, in one slice
   * @return the slice, where alone the marks are; null if the table is not ours or there is none
   * @throws io.github.qcow2.error.CorruptImageException if a refcount is 0
   */
  public @Nullable TableSlice verify(long guestCluster, int count) throws IOException {
    long guestOffset = guestCluster << geometry.clusterBits();
    if (!isTableOurs((int) geometry.l1Index(guestOffset))) {
      return null;
    }
    TableSlice slice = map.slice(guestOffset);
    if (slice == null) {
      return null;
    }
    map.checkEntries(slice, guestCluster, count);
    if (map.hasDataFile()) {
      return slice;
    }
    int first = map.indexInSlice(guestOffset);
    for (int index = first; index < first + count; index++) {
      int word = index * geometry.l2EntryWords();
      long entry = slice.word(word);
      if (!slice.isVerified(index)
          && L2Entry.copied(entry)
          && !L2Entry.compressed(entry)
          && L2Entry.offset(entry) != 0
          && isUsedOnce(slice.offset() + (long) word * Long.BYTES, L2Entry.offset(entry))) {
        slice.setVerified(index);
      }
    }
    return slice;
  }

  private boolean isUsedOnce(long entryOffset, long hostOffset) throws IOException {
    long cluster = geometry.clusterIndex(hostOffset);
    long count = refcounts.count(cluster);
    if (count == 0) {
      throw damage.found(
          entryOffset, "host cluster " + cluster + " is in use, but its refcount is 0");
    }
    if (count == 1) {
      return true;
    }
    if (warned.compareAndSet(false, true)) {
      LOG.warn(
          "{}: offset 0x{}: COPIED is set, but host cluster {} has a refcount of {}: such clusters"
              + " are copied before they are changed; said once for an image",
          image,
          Long.toHexString(entryOffset),
          cluster,
          Long.toUnsignedString(count));
    }
    return false;
  }
}
