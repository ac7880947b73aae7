package io.github.qcow2.check;

import static io.github.qcow2.check.HandMadeImage.COPIED;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.format.CompressedDescriptor;
import io.github.qcow2.format.Geometry;
import io.github.qcow2.format.L2Entry;
import io.github.qcow2.format.RefcountWidth;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;

/**
 * Entries and counts that continue each other are looked at together. What is found must not depend
 * on that: each entry is judged alike whatever its neighbours are, and each count.
 */
final class ImageCheckRunsTest {
  private static final int ENTRIES = 64;
  private static final int CLUSTERS = 60;

  /** Backwards no entry leads to the host cluster after that of the entry before. */
  @Property(tries = 400)
  void whatIsFoundIsTheSameWhereTheMappingIsTurnedRoundSoThatNothingContinues(
      @ForAll long seed, @ForAll @IntRange(max = 6) int order, @ForAll boolean extended)
      throws IOException {
    HandMadeImage image = image(new Random(seed), order, extended);
    CheckReport forwards = image.check();
    Recount recount = ImageCheck.of(image.storage).recount();
    long fragmented = fragmented(image);
    turnRound(image);
    CheckReport backwards = image.check();
    Recount recountBackwards = ImageCheck.of(image.storage).recount();

    assertThat(words(forwards)).containsExactlyInAnyOrderElementsOf(words(backwards));
    assertThat(forwards.allocatedClusters()).isEqualTo(backwards.allocatedClusters());
    assertThat(forwards.compressedClusters()).isEqualTo(backwards.compressedClusters());
    assertThat(forwards.imageEndOffset()).isEqualTo(backwards.imageEndOffset());
    assertThat(forwards.fragmentedClusters()).isEqualTo(fragmented);
    assertThat(recount.obstacle() == null).isEqualTo(recountBackwards.obstacle() == null);
    assertThat(recount.clustersEnd()).isEqualTo(recountBackwards.clustersEnd());
    for (int cluster = 0; cluster < recount.clustersEnd(); cluster++) {
      assertThat(recount.references(cluster)).isEqualTo(recountBackwards.references(cluster));
    }
  }

  @Property(tries = 400)
  void countsAreComparedAsIfOneByOne(
      @ForAll long seed, @ForAll @IntRange(max = 6) int order, @ForAll boolean extended)
      throws IOException {
    HandMadeImage image = image(new Random(seed), order, extended);
    CheckReport report = image.check();

    Recount recount = ImageCheck.of(image.storage).recount();
    List<String> expected = new ArrayList<>();
    long end = 0;
    for (int cluster = 0; cluster < recount.clustersEnd(); cluster++) {
      long references = recount.references(cluster);
      long refcount = refcount(image, cluster);
      String line = "cluster " + cluster + " refcount=" + refcount + " reference=" + references;
      if (references != refcount) {
        expected.add((refcount > references ? "Leaked " : "ERROR ") + line);
      }
      boolean isTable = cluster == 0 || cluster == 1 || cluster == 3;
      if (isTable && references > 1 && refcount >= references) {
        expected.add("ERROR table overlaps with something in " + line);
      }
      if (references > 0 || refcount > 0) {
        end = image.cluster(cluster + 1);
      }
    }
    assertThat(report.findings())
        .extracting(Finding::message)
        .filteredOn(message -> message.matches(".* refcount=\\d+ reference=\\d+"))
        .isEqualTo(expected);
    assertThat(report.imageEndOffset()).isEqualTo(end);
  }

  /** A mapping of runs with counts and flags that are right but for a few. */
  private static HandMadeImage image(Random random, int order, boolean extended)
      throws IOException {
    HandMadeImage image = new HandMadeImage(new Geometry(3, extended ? 14 : 9, order, extended), 0);
    image.grow(CLUSTERS - random.nextInt(5));
    if (random.nextInt(4) == 0) {
      image.setInt(36, 2).l1(0, image.cluster(4)).l1(1, image.cluster(4));
    }
    int free = 5;
    for (int i = 0; i < ENTRIES; ) {
      int length = Math.min(1 + random.nextInt(16), ENTRIES - i);
      int host = random.nextInt(5) == 0 ? random.nextInt(CLUSTERS) : free;
      int kind = random.nextInt(8);
      int mapped = kind == 0 ? 1 : kind == 2 ? 0 : Math.min(length, CLUSTERS - host);
      for (int k = 0; k < mapped; k++) {
        map(image, i + k, kind, host + k);
      }
      free = Math.max(free, host + mapped);
      i += length;
    }
    copyCounts(image);
    for (int i = random.nextInt(4); i > 0; i--) {
      damage(image, random);
    }
    return image;
  }

  private static void map(HandMadeImage image, int index, int kind, int host) throws IOException {
    long offset = image.cluster(host);
    if (kind == 0) {
      image.l2(index, CompressedDescriptor.encode(offset + 100, 300, image.geometry.clusterBits()));
    } else if (image.geometry.extendedL2()) {
      image.l2(index, kind == 1 ? offset + 512 : offset, 0xffff_0000_0000_ffffL);
    } else {
      image.l2(index, kind == 1 ? offset | L2Entry.ZERO : offset);
    }
  }

  /** Stores as many references as there are, and says COPIED where that is one. */
  private static void copyCounts(HandMadeImage image) throws IOException {
    Recount recount = ImageCheck.of(image.storage).recount();
    for (int cluster = 0; cluster < recount.clustersEnd(); cluster++) {
      image.refcount(cluster, recount.references(cluster));
    }
    for (int i = 0; i < ENTRIES; i++) {
      long entry = entry(image, i);
      int cluster = (int) image.geometry.clusterIndex(L2Entry.offset(entry));
      if (entry != 0 && !L2Entry.compressed(entry) && recount.references(cluster) == 1) {
        image.l2(i, entry | COPIED);
      }
    }
  }

  private static void damage(HandMadeImage image, Random random) throws IOException {
    int index = random.nextInt(ENTRIES);
    long entry = entry(image, index);
    switch (random.nextInt(6)) {
      case 0 -> image.l2(index, entry ^ COPIED);
      case 1 -> image.l2(index, entry ^ (1L << random.nextInt(62)));
      case 2 -> image.l2(index, image.cluster(random.nextInt(CLUSTERS + 2)) | COPIED);
      case 3 -> {
        long place = image.cluster(4) + (long) image.geometry.l2EntryBytes() * index;
        image.setLong(place + 8, 0x1_0000_0001L << random.nextInt(32));
      }
      default -> {
        int bits = image.geometry.refcountBits();
        image.refcount(random.nextInt(CLUSTERS), random.nextInt(1 << Math.min(bits, 2)));
      }
    }
  }

  private static long entry(HandMadeImage image, int index) throws IOException {
    return word(image, image.cluster(4) + (long) image.geometry.l2EntryBytes() * index);
  }

  private static long word(HandMadeImage image, long place) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(8);
    image.storage.read(bytes, place);
    return bytes.getLong(0);
  }

  private static long refcount(HandMadeImage image, int cluster) throws IOException {
    RefcountWidth width = RefcountWidth.of(image.geometry.refcountOrder());
    int perWord = width.entriesPerWord();
    long[] words = {word(image, image.cluster(2) + 8L * (cluster / perWord))};
    return width.get(words, cluster % perWord);
  }

  private static void turnRound(HandMadeImage image) throws IOException {
    int length = image.geometry.l2EntryBytes();
    ByteBuffer forwards = ByteBuffer.allocate(ENTRIES * length);
    ByteBuffer backwards = ByteBuffer.allocate(ENTRIES * length);
    image.storage.read(forwards, image.cluster(4));
    for (int i = ENTRIES - 1; i >= 0; i--) {
      backwards.put(forwards.array(), i * length, length);
    }
    image.storage.write(backwards.flip(), image.cluster(4));
  }

  /** Clusters of the mapping as it stands that do not follow the one before. */
  private static long fragmented(HandMadeImage image) throws IOException {
    long count = 0;
    long next = 0;
    for (int i = 0; i < ENTRIES; i++) {
      long entry = entry(image, i);
      long offset = L2Entry.offset(entry);
      if (L2Entry.compressed(entry)) {
        long place = image.cluster(4) + 16L * i + 8;
        count += image.geometry.extendedL2() && word(image, place) != 0 ? 0 : 1;
      } else if (offset != 0) {
        count += next != 0 && offset != next ? 1 : 0;
        next = offset + image.clusterSize;
      }
    }
    return word(image, image.cluster(3) + 8) == 0 ? count : 2 * count;
  }

  /** What a report says, but for the place of an entry in its table. */
  private static List<String> words(CheckReport report) {
    return report.findings().stream()
        .map(finding -> finding.kind() + " " + finding.times() + " " + finding.message())
        .map(line -> line.replaceAll("compressed cluster \\d+", "compressed cluster"))
        .toList();
  }
}
