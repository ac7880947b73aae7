package io.github.qcow2;

import io.github.qcow2.allocation.DropCause;
import io.github.qcow2.cache.MetadataCache;
import io.github.qcow2.cache.MetadataCaches;
import io.github.qcow2.codec.CompressionCodec;
import io.github.qcow2.codec.CompressionCodecs;
import io.github.qcow2.error.Qcow2Exception;
import io.github.qcow2.error.UnsupportedFeatureException;
import io.github.qcow2.format.CompressionType;
import io.github.qcow2.format.Geometry;
import io.github.qcow2.format.Header;
import io.github.qcow2.format.Limits;
import io.github.qcow2.storage.LockMode;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * How to open an image and the images below it: what {@link ImageOpener} collects. Not changed once
 * opening has begun.
 */
final class ImageOptions {
  ReferencePolicy references = ReferencePolicy.deny();
  boolean probesBackingFormat;
  Limits limits = Limits.DEFAULT;
  long cacheBytes = CacheSizes.UNSET;
  long l2CacheBytes = CacheSizes.UNSET;
  long refcountCacheBytes = CacheSizes.UNSET;
  long cacheEntryBytes = CacheSizes.UNSET;
  MetadataCache.Factory cacheFactory = MetadataCaches.clock();
  @Nullable CompressionCodec codec;
  PassphraseSource passphrases = image -> null;
  Durability durability = Durability.WRITEBACK;
  LockMode locking = LockMode.AUTO;
  OverlapCheck overlapCheck = OverlapCheck.CACHED;
  Set<DiscardCause> hostDiscard = EnumSet.of(DiscardCause.REQUEST, DiscardCause.SNAPSHOT);
  boolean discardKeepsClusters;
  ZeroDetection zeroDetection = ZeroDetection.OFF;

  /** Whether the image's storage stays open when the image is closed. */
  boolean keepsStorage;

  /** Null: as the header permits. */
  @Nullable Boolean lazyRefcounts;

  Limits limits() {
    return limits;
  }

  /** The causes for which the host learns of clusters that come free. */
  Set<DropCause> passedOn() {
    Set<DropCause> causes = EnumSet.of(DropCause.UNUSED);
    for (DiscardCause cause : hostDiscard) {
      causes.add(
          switch (cause) {
            case REQUEST -> DropCause.REQUEST;
            case SNAPSHOT -> DropCause.SNAPSHOT;
            case OTHER -> DropCause.OTHER;
          });
    }
    return causes;
  }

  MetadataCache.Factory cacheFactory() {
    return cacheFactory;
  }

  CacheSizes cacheSizes(Geometry geometry, long size) {
    return CacheSizes.of(
        geometry, size, cacheBytes, l2CacheBytes, refcountCacheBytes, cacheEntryBytes);
  }

  /** These options for a backing image: read-only, with caches of the default size. */
  ImageOptions forBacking() {
    ImageOptions below = new ImageOptions();
    below.references = references;
    below.probesBackingFormat = probesBackingFormat;
    below.limits = limits;
    below.cacheFactory = cacheFactory;
    below.codec = codec;
    below.passphrases = passphrases;
    below.locking = locking;
    return below;
  }

  /** Whether a session that writes to an image leaves refcounts stale on disk. */
  boolean lazyRefcounts(Header header) {
    return lazyRefcounts == null ? header.hasLazyRefcounts() : lazyRefcounts;
  }

  /** The codec for the image's compressed clusters: the one given, if it is of that type. */
  CompressionCodec codec(String image, Header header) throws UnsupportedFeatureException {
    int type = header.compressionType();
    if (codec != null && codec.compressionType() == type) {
      return codec;
    }
    if (type == CompressionType.DEFLATE.value()) {
      return new DeferredDeflate();
    }
    CompressionCodec found = CompressionCodecs.find(type);
    if (found == null) {
      CompressionType known = CompressionType.of(type);
      throw new UnsupportedFeatureException(
          image,
          Qcow2Exception.NO_OFFSET,
          "no codec for compression type "
              + (known == null ? type : known.name().toLowerCase(Locale.ROOT))
              + " on the class path"
              + (known == CompressionType.ZSTD ? ": io.github.qcow2:qcow2-zstd is one" : ""));
    }
    return found;
  }
}
