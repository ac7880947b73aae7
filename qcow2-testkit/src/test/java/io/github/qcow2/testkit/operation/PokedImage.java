package io.github.qcow2.testkit.operation;

import io.github.qcow2.format.Geometry;
import io.github.qcow2.format.Header;
import io.github.qcow2.format.HeaderReader;
import io.github.qcow2.format.L1Entry;
import io.github.qcow2.format.Limits;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The bytes of an image, to be overwritten at the places that a check looks at. */
final class PokedImage {
  final ByteBuffer bytes;
  final Header header;
  final Geometry geometry;

  PokedImage(byte[] content) throws IOException {
    bytes = ByteBuffer.wrap(content);
    header = HeaderReader.read("poked", ByteBuffer.wrap(content), Limits.DEFAULT);
    geometry = header.geometry();
  }

  static PokedImage read(Path image) throws IOException {
    return new PokedImage(Files.readAllBytes(image));
  }

  /** Where an entry of the active L1 table is. */
  int l1Place(int index) {
    return (int) header.l1TableOffset() + 8 * index;
  }

  /** Where the first word of an entry in the first L2 table is. */
  int l2Place(int index) {
    return firstL2Table() + geometry.l2EntryBytes() * index;
  }

  /** Where an entry of the refcount table is. */
  int refcountTablePlace(int index) {
    return (int) header.refcountTableOffset() + 8 * index;
  }

  /** Where a 16-bit count in the first refcount block is. */
  int refcount16Place(int cluster) {
    return (int) bytes.getLong(refcountTablePlace(0)) + 2 * cluster;
  }

  /** Where the snapshot table starts. */
  int snapshotPlace() {
    return (int) header.snapshotTableOffset();
  }

  PokedImage set(int place, long value) {
    bytes.putLong(place, value);
    return this;
  }

  PokedImage flip(int place, long bits) {
    return set(place, bytes.getLong(place) ^ bits);
  }

  PokedImage setRefcount16(int cluster, int count) {
    bytes.putShort(refcount16Place(cluster), (short) count);
    return this;
  }

  Path write(Path file) throws IOException {
    return Files.write(file, bytes.array());
  }

  /** The places of words of all kinds of table that lie in the file. */
  List<Integer> tableWords() {
    List<Integer> places = new ArrayList<>();
    List<Integer> l2Tables = new ArrayList<>();
    addL1((int) header.l1TableOffset(), header.l1Entries(), places, l2Tables);
    if (header.snapshots() > 0) {
      int entry = snapshotPlace();
      addL1((int) bytes.getLong(entry), bytes.getInt(entry + 8), places, l2Tables);
    }
    for (int table : l2Tables) {
      addWords(table, 64, places);
    }
    addWords(refcountTablePlace(0), 4, places);
    addWords((int) bytes.getLong(refcountTablePlace(0)), 32, places);
    return places;
  }

  private void addL1(int offset, int entries, List<Integer> places, List<Integer> l2Tables) {
    for (int i = 0; i < Math.min(entries, 64); i++) {
      places.add(offset + 8 * i);
      long table = L1Entry.offset(bytes.getLong(offset + 8 * i));
      if (table != 0 && table + geometry.clusterSize() <= bytes.capacity()) {
        l2Tables.add((int) table);
      }
    }
  }

  private void addWords(int offset, int count, List<Integer> places) {
    for (int i = 0; i < Math.min(count, geometry.clusterSize() / 8); i++) {
      if (offset + 8 * i + 8 <= bytes.capacity()) {
        places.add(offset + 8 * i);
      }
    }
  }

  private int firstL2Table() {
    return (int) L1Entry.offset(bytes.getLong(l1Place(0)));
  }
}
