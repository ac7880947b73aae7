package io.github.qcow2;

import io.github.qcow2.cache.MetadataCache;
import io.github.qcow2.codec.CompressionCodec;
import io.github.qcow2.format.Limits;
import io.github.qcow2.storage.FileStorage;
import io.github.qcow2.storage.LockMode;
import io.github.qcow2.storage.Storage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Collects how an image is to be opened; got from {@link Qcow2Image#open(Path)}. Without further
 * calls the image is opened read-only, opens no other file, and has QEMU's limits and cache sizes.
 * Used by one thread, for one image.
 */
public final class ImageOpener {
  private final @Nullable Path path;
  private final @Nullable Storage storage;
  private final ImageOptions options = new ImageOptions();
  private boolean writable;

  ImageOpener(Path path) {
    this.path = path;
    this.storage = null;
  }

  ImageOpener(Storage storage, @Nullable Path path) {
    this.path = path;
    this.storage = storage;
  }

  /**
   * Opens for reading and writing.
   *
   * <p>An image that was not closed (whose dirty bit is set) is repaired first: all references to
   * its clusters are counted, which takes one read of every table, and up to {@link
   * io.github.qcow2.check.ImageCheck#DEFAULT_MEMORY} bytes of memory; then stored counts and COPIED
   * flags are made to agree. An interrupt of the thread cancels the counting. If more is wrong with
   * the image, it is refused and stays as it is; it can still be opened read-only.
   */
  public ImageOpener writable() {
    writable = true;
    return this;
  }

  /** Says which files named by the image may be opened; {@link ReferencePolicy#deny()} if not. */
  public ImageOpener references(ReferencePolicy policy) {
    options.references = policy;
    return this;
  }

  /**
   * Guesses the format of a backing file that the overlay does not record, as QEMU does. A raw
   * backing file whose guest has written a qcow2 header is then taken for qcow2, and what it names
   * is opened if the reference policy allows: for trusted images only.
   */
  public ImageOpener probeBackingFormat() {
    options.probesBackingFormat = true;
    return this;
  }

  /** Sets how much the image may ask for; {@link Limits#DEFAULT} if not. */
  public ImageOpener limits(Limits limits) {
    options.limits = limits;
    return this;
  }

  /** Sets the memory for both metadata caches together, in bytes; QEMU's {@code cache-size}. */
  public ImageOpener cacheSize(long bytes) {
    options.cacheBytes = atLeastZero(bytes);
    return this;
  }

  /**
   * Sets the memory for cached L2 tables in bytes; QEMU's {@code l2-cache-size}. More than the disk
   * has L2 tables is never used. Without subclusters 1 MiB covers 8 GiB of disk at 64 KiB clusters.
   */
  public ImageOpener l2CacheSize(long bytes) {
    options.l2CacheBytes = atLeastZero(bytes);
    return this;
  }

  /** Sets the memory for cached refcount blocks in bytes; QEMU's {@code refcount-cache-size}. */
  public ImageOpener refcountCacheSize(long bytes) {
    options.refcountCacheBytes = atLeastZero(bytes);
    return this;
  }

  /**
   * Sets how many bytes of a table are read and cached together; QEMU's {@code
   * l2-cache-entry-size}, used for refcount blocks too. A power of two from 512 to the cluster
   * size; the smaller of 4096 and the cluster size if not given.
   */
  public ImageOpener cacheEntrySize(int bytes) {
    options.cacheEntryBytes = bytes;
    return this;
  }

  /** Sets the kind of cache; {@link io.github.qcow2.cache.MetadataCaches#clock()} if not. */
  public ImageOpener metadataCache(MetadataCache.Factory factory) {
    options.cacheFactory = factory;
    return this;
  }

  /** Sets what a crash and a power cut may leave; {@link Durability#WRITEBACK} if not. */
  public ImageOpener durability(Durability durability) {
    options.durability = durability;
    return this;
  }

  /**
   * Sets whether refcounts on disk may be stale while the image is open for writing; QEMU's {@code
   * lazy-refcounts}, for version 3. If not called, what the image itself permits. A flush then
   * writes no refcounts. In turn, an image that was not closed is repaired when it is next opened
   * for writing, which takes the longer the larger it is.
   */
  public ImageOpener lazyRefcounts(boolean lazy) {
    options.lazyRefcounts = lazy;
    return this;
  }

  /**
   * Says whether the files that are opened are locked; {@link LockMode#AUTO} if not. The image and
   * its data file are locked for writing if the image is opened so, everything below for reading. A
   * storage that the caller has opened is as he opened it.
   */
  public ImageOpener locking(LockMode mode) {
    options.locking = mode;
    return this;
  }

  /** Sets the codec for images of its compression type, before any that is found otherwise. */
  public ImageOpener codec(CompressionCodec codec) {
    options.codec = codec;
    return this;
  }

  /**
   * Says who knows the passphrases of encrypted images; if not called, such images are not opened.
   * What can be read is the format's first method, AES in CBC mode ({@code crypt_method} 1). A
   * wrong passphrase is not noticed with it: the bytes read are then wrong.
   */
  public ImageOpener passphrases(PassphraseSource source) {
    options.passphrases = source;
    return this;
  }

  /**
   * Sets which tables every write is kept away from; {@link OverlapCheck#CACHED} if not. Means
   * nothing for an image opened read-only.
   */
  public ImageOpener overlapCheck(OverlapCheck check) {
    options.overlapCheck = check;
    return this;
  }

  /**
   * Sets for which causes the host is told that it need not keep the bytes of clusters that come
   * free, so that the file takes less space; {@link DiscardCause#REQUEST} and {@link
   * DiscardCause#SNAPSHOT} if not called. It is told once the clusters are durably free, which is
   * after the flush that follows, and before they are used again. Where it cannot give up space,
   * nothing comes of it.
   */
  public ImageOpener hostDiscard(Set<DiscardCause> causes) {
    options.hostDiscard = Set.copyOf(causes);
    return this;
  }

  /**
   * Sets whether data clusters that are discarded, or zeroed so that they may be unmapped, keep
   * their place in the image file, so that it does not become fragmented; QEMU's {@code
   * discard-no-unref}, for version 3. Their bytes are passed on to the host all the same.
   */
  public ImageOpener discardKeepsClusters(boolean keeps) {
    options.discardKeepsClusters = keeps;
    return this;
  }

  /** Sets whether writes are searched for zeros; {@link ZeroDetection#OFF} if not. */
  public ImageOpener detectZeroes(ZeroDetection detection) {
    options.zeroDetection = detection;
    return this;
  }

  private static long atLeastZero(long bytes) {
    if (bytes < 0) {
      throw new IllegalArgumentException("cache size " + bytes);
    }
    return bytes;
  }

  /**
   * Opens the image and what it refers to. Everything that can be refused is refused before the
   * first byte is written; an image opened read-only is never written to.
   *
   * @throws io.github.qcow2.error.CorruptImageException if the image breaks a rule of the format
   * @throws io.github.qcow2.error.UnsupportedFeatureException if it needs what this library lacks
   * @throws io.github.qcow2.error.LimitExceededException if it asks for more than the limits allow
   * @throws io.github.qcow2.error.ReferenceDeniedException if it names a file that the policy
   *     denies
   * @throws io.github.qcow2.error.ImageLockedException if somebody uses one of the files in a way
   *     that excludes this
   * @throws IllegalArgumentException if the cache sizes contradict each other
   */
  public Qcow2Image build() throws IOException {
    try (AutoCloseables onFailure = new AutoCloseables()) {
      Storage file = storage;
      if (file == null) {
        Path image = Objects.requireNonNull(path);
        file =
            onFailure.add(
                writable
                    ? FileStorage.openWritable(image, options.locking)
                    : FileStorage.open(image, options.locking));
      }
      Qcow2Image image = new ChainOpener(options).open(file, path, writable);
      onFailure.keep();
      return image;
    }
  }
}
