package io.github.qcow2.cli;

import io.github.qcow2.Extent;
import io.github.qcow2.ExtentCursor;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.ReferencePolicy;
import io.github.qcow2.format.Geometry;
import io.github.qcow2.format.Header;
import io.github.qcow2.format.L1Entry;
import io.github.qcow2.storage.Storage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * What lies where in the file of a small image, in the order of the file. Knows the tables and the
 * guest's data, not snapshots, bitmaps or compressed clusters.
 */
final class LayoutDrawing {
  /** Host bytes of one kind; whole clusters. */
  private record Part(long offset, long length, String what) {}

  /** Where a refcount table entry has the offset of its block: bits 9 to 63. */
  private static final long REFCOUNT_BLOCK_OFFSET = -512;

  private final Geometry geometry;
  private final List<Part> parts = new ArrayList<>();
  private final long fileSize;

  private LayoutDrawing(Geometry geometry, long fileSize) {
    this.geometry = geometry;
    this.fileSize = fileSize;
  }

  /**
   * Reads the tables of an image. Its backing chain is opened, but what lies there is not drawn.
   */
  static LayoutDrawing of(Path path) throws IOException {
    try (Qcow2Image image = Qcow2Image.open(path).references(ReferencePolicy.allowAll()).build()) {
      Storage file = image.hostStorage();
      LayoutDrawing drawing = new LayoutDrawing(image.geometry(), file.size());
      drawing.addTables(image.header(), file);
      drawing.addData(image);
      drawing.parts.sort(Comparator.comparingLong(Part::offset));
      return drawing;
    }
  }

  /** A line for each run of clusters of one kind. */
  List<String> lines() {
    List<String> lines = new ArrayList<>();
    long end = 0;
    for (Part part : parts) {
      if (part.offset > end) {
        lines.add(line(end, part.offset - end, "free"));
      }
      lines.add(line(part.offset, part.length, part.what));
      end = part.offset + part.length;
    }
    if (fileSize > end) {
      lines.add(line(end, geometry.roundUpToCluster(fileSize - end), "free"));
    }
    return lines;
  }

  /** Whether the parts fill the file without gap or overlap. */
  boolean isComplete() {
    long end = 0;
    for (Part part : parts) {
      if (part.offset != end) {
        return false;
      }
      end += part.length;
    }
    return end >= fileSize;
  }

  private String line(long offset, long length, String what) {
    long clusters = length / geometry.clusterSize();
    return String.format(
        "0x%-8x %4d %-8s  %s", offset, clusters, clusters == 1 ? "cluster" : "clusters", what);
  }

  private void addTables(Header header, Storage file) throws IOException {
    long cluster = geometry.clusterSize();
    add(0, cluster, "header");
    long tableBytes = header.refcountTableClusters() * cluster;
    add(header.refcountTableOffset(), tableBytes, "refcount table");
    for (long entry : table(file, header.refcountTableOffset(), tableBytes / Long.BYTES)) {
      if (entry != 0) {
        add(entry & REFCOUNT_BLOCK_OFFSET, cluster, "refcount block");
      }
    }
    long l1Bytes = geometry.roundUpToCluster((long) header.l1Entries() * Long.BYTES);
    add(header.l1TableOffset(), l1Bytes, "L1 table");
    long guest = 0;
    for (long entry : table(file, header.l1TableOffset(), header.l1Entries())) {
      if (entry != 0) {
        String what = "L2 table for guest bytes from " + HumanSize.ofTransfer(guest);
        add(L1Entry.offset(entry), cluster, what);
      }
      guest += geometry.bytesPerL2Table();
    }
  }

  private void addData(Qcow2Image image) throws IOException {
    ExtentCursor extents = image.extents(0, image.size());
    for (Extent extent = extents.next(); extent != null; extent = extents.next()) {
      if (extent.depth() == 0 && extent.hostOffset() != Extent.NO_HOST_OFFSET) {
        String what =
            "guest bytes from "
                + HumanSize.ofTransfer(extent.start())
                + " to "
                + HumanSize.ofTransfer(extent.end());
        add(extent.hostOffset(), geometry.roundUpToCluster(extent.length()), what);
      }
    }
  }

  private void add(long offset, long length, String what) {
    parts.add(new Part(offset, length, what));
  }

  private static long[] table(Storage file, long offset, long entries) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(Math.toIntExact(entries * Long.BYTES));
    file.read(bytes, offset);
    long[] table = new long[Math.toIntExact(entries)];
    bytes.flip().asLongBuffer().get(table);
    return table;
  }
}
