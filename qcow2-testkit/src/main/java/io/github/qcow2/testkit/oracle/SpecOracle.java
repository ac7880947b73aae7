package io.github.qcow2.testkit.oracle;

import java.io.IOException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Reads and checks an image by the specification. Immutable, apart from the bytes it looks at: each
 * call reads them anew. As thread-safe as the source of the bytes.
 *
 * <p>Methods that need the image to have a meaning throw {@link SpecViolation} where it has none.
 * {@link #check()} never does.
 */
public final class SpecOracle {
  private final ByteSource image;
  private final @Nullable ByteSource backing;
  private final @Nullable ByteSource dataFile;
  private final @Nullable Decompressor zstd;

  private SpecOracle(
      ByteSource image,
      @Nullable ByteSource backing,
      @Nullable ByteSource dataFile,
      @Nullable Decompressor zstd) {
    this.image = image;
    this.backing = backing;
    this.dataFile = dataFile;
    this.zstd = zstd;
  }

  /** An oracle for the image that {@code image} holds. */
  public static SpecOracle of(ByteSource image) {
    return new SpecOracle(image, null, null, null);
  }

  /** An oracle for the image in an array, which is not copied. */
  public static SpecOracle of(byte[] image) {
    return of(ByteSource.of(image));
  }

  /**
   * This oracle, with something below the image.
   *
   * @param backing the backing disk: a raw file, or the {@link #content()} of another oracle
   */
  public SpecOracle withBacking(ByteSource backing) {
    return new SpecOracle(image, backing, dataFile, zstd);
  }

  /** This oracle, with the image's external data file. */
  public SpecOracle withDataFile(ByteSource dataFile) {
    return new SpecOracle(image, backing, dataFile, zstd);
  }

  /** This oracle, with something that undoes zstd, which the JDK cannot. */
  public SpecOracle withZstd(Decompressor zstd) {
    return new SpecOracle(image, backing, dataFile, zstd);
  }

  /** The header. */
  public HeaderFields header() throws IOException {
    return HeaderParser.parse(image);
  }

  /** The snapshot table. */
  public List<SnapshotFields> snapshots() throws IOException {
    return SnapshotFields.parse(image, header());
  }

  /** The disk as a guest sees it. */
  public ByteSource content() throws IOException {
    HeaderFields header = header();
    return view(header, header.l1Offset(), header.l1Size(), header.size());
  }

  /**
   * The disk as a guest saw it when a snapshot was made.
   *
   * @param index of the snapshot in the table
   */
  public ByteSource snapshotContent(int index) throws IOException {
    SnapshotFields snapshot = snapshots().get(index);
    HeaderFields header = header();
    if (!HeaderParser.isTable(header, snapshot.l1Offset())) {
      throw new SpecViolation(snapshot.entryOffset(), "snapshot's L1 table not at a cluster");
    }
    return view(header, snapshot.l1Offset(), snapshot.l1Size(), snapshot.diskSize());
  }

  /**
   * Part of the disk as a guest sees it.
   *
   * @param position first guest byte; those past the end of the disk are zeros
   * @param length in bytes
   */
  public byte[] read(long position, int length) throws IOException {
    byte[] bytes = new byte[length];
    content().read(position, bytes, 0, length);
    return bytes;
  }

  /**
   * Checks the metadata of the image; of nothing below it, and not of its data file. Guest data is
   * not read.
   */
  public CheckResult check() throws IOException {
    return Checker.check(image);
  }

  private ByteSource view(HeaderFields header, long l1Offset, int l1Size, long size) {
    return new GuestView(
        image,
        header,
        l1Offset,
        l1Size,
        size,
        backing,
        dataFile,
        header.compressionType() == 0 ? Decompressor.DEFLATE : zstd);
  }
}
