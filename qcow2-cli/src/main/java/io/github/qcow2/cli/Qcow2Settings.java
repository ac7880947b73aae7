package io.github.qcow2.cli;

import io.github.qcow2.Preallocation;
import org.jspecify.annotations.Nullable;

/**
 * The settings of a qcow2 image to be made, known to go together.
 *
 * @param version of the format, 2 or 3
 * @param clusterSize in bytes
 * @param refcountBits width of a refcount
 * @param preallocation what is allocated at once
 * @param zstd whether compressed clusters are to be zstd rather than deflate
 * @param dataFile name of the external data file, or null
 * @param backingFile name of the backing file, or null
 * @param backingFormat its format, or null
 */
record Qcow2Settings(
    int version,
    int clusterSize,
    int refcountBits,
    boolean extendedL2,
    boolean lazyRefcounts,
    Preallocation preallocation,
    boolean zstd,
    @Nullable String dataFile,
    boolean dataFileRaw,
    @Nullable String backingFile,
    @Nullable ImageFormat backingFormat) {

  private static final int MIN_CLUSTER_SIZE = 512;
  private static final int MAX_CLUSTER_SIZE = 2 << 20;
  private static final int MIN_EXTENDED_CLUSTER_SIZE = 16384;
  private static final int MAX_REFCOUNT_BITS = 64;
  private static final int DEFAULT_REFCOUNT_BITS = 16;
  private static final String NEEDS_V3 =
      " with compatibility level 1.1 and above (use version=v3 or greater)";

  /**
   * Checks what was given.
   *
   * @throws CommandException if values are impossible or do not go together
   */
  static Qcow2Settings of(CreateOptions options) throws CommandException {
    int version = version(options.get("compat"));
    boolean zstd = zstd(options.get("compression_type"));
    Preallocation preallocation = preallocation(options.get(CreateOptions.PREALLOCATION));
    String backingFile = options.get(CreateOptions.BACKING_FILE);
    ImageFormat backingFormat = backingFormat(options.get(CreateOptions.BACKING_FORMAT));
    long clusterSize = options.getNumber("cluster_size");
    if (Long.bitCount(clusterSize) != 1
        || clusterSize < MIN_CLUSTER_SIZE
        || clusterSize > MAX_CLUSTER_SIZE) {
      throw new CommandException("Cluster size must be a power of two between 512 and 2048k");
    }
    boolean extendedL2 = options.isOn("extended_l2");
    if (extendedL2) {
      requireVersion3(version, "Extended L2 entries are only supported");
      if (clusterSize < MIN_EXTENDED_CLUSTER_SIZE) {
        throw new CommandException(
            "Extended L2 entries are only supported with cluster sizes of at least 16384 bytes");
      }
    }
    if (preallocation != Preallocation.OFF && backingFile != null && !extendedL2) {
      throw new CommandException(
          "Backing file and preallocation can only be used at the same time if extended_l2 is on");
    }
    boolean lazyRefcounts = options.isOn("lazy_refcounts");
    if (lazyRefcounts) {
      requireVersion3(version, "Lazy refcounts only supported");
    }
    long refcountBits = options.getNumber("refcount_bits");
    if (Long.bitCount(refcountBits) != 1 || refcountBits > MAX_REFCOUNT_BITS || refcountBits < 0) {
      throw new CommandException(
          "Refcount width must be a power of two and may not exceed 64 bits");
    }
    if (version < 3 && refcountBits != DEFAULT_REFCOUNT_BITS) {
      throw new CommandException(
          "Different refcount widths than 16 bits require compatibility level 1.1 or above"
              + " (use version=v3 or greater)");
    }
    String dataFile = options.get("data_file");
    boolean dataFileRaw = options.isOn("data_file_raw");
    if (dataFileRaw && dataFile == null) {
      throw new CommandException("data-file-raw requires data-file");
    }
    if (dataFileRaw && backingFile != null) {
      throw new CommandException("Backing file and data-file-raw cannot be used at the same time");
    }
    if (dataFile != null) {
      requireVersion3(version, "External data files are only supported");
    }
    if (zstd) {
      requireVersion3(version, "Non-zlib compression type is only supported");
    }
    if (backingFormat != null && backingFile == null) {
      throw new CommandException("Backing format cannot be used without backing file");
    }
    return new Qcow2Settings(
        version,
        (int) clusterSize,
        (int) refcountBits,
        extendedL2,
        lazyRefcounts,
        preallocation,
        zstd,
        dataFile,
        dataFileRaw,
        backingFile,
        backingFormat);
  }

  private static int version(@Nullable String compat) throws CommandException {
    return switch (compat == null ? "v3" : compat) {
      case "v2", "0.10" -> 2;
      case "v3", "1.1" -> 3;
      default ->
          throw new CommandException("Parameter 'version' does not accept value '" + compat + "'");
    };
  }

  private static Preallocation preallocation(@Nullable String mode) throws CommandException {
    Preallocation known = mode == null ? Preallocation.OFF : DiskResize.mode(mode);
    if (known == null) {
      throw new CommandException("Parameter 'preallocation' does not accept value '" + mode + "'");
    }
    return known;
  }

  private static boolean zstd(@Nullable String type) throws CommandException {
    return switch (type == null ? "zlib" : type) {
      case "zlib" -> false;
      case "zstd" -> true;
      default ->
          throw new CommandException(
              "Parameter 'compression-type' does not accept value '" + type + "'");
    };
  }

  private static @Nullable ImageFormat backingFormat(@Nullable String name)
      throws CommandException {
    if (name == null) {
      return null;
    }
    ImageFormat format = ImageFormat.named(name);
    if (format == null) {
      throw new CommandException("Parameter 'backing-fmt' does not accept value '" + name + "'");
    }
    return format;
  }

  private static void requireVersion3(int version, String what) throws CommandException {
    if (version < 3) {
      throw new CommandException(what + NEEDS_V3);
    }
  }
}
