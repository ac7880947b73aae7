package io.github.qcow2.testkit.generate;

import io.github.qcow2.testkit.generate.ImageShape.Backing;
import java.util.ArrayList;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.Tuple;

/** Generators of {@link ImageShape}. */
public final class ImageShapes {
  private static final int SECTOR = 512;

  /** Largest disk of {@link #any()}, in bytes: with 64 KiB clusters it needs four L2 tables. */
  private static final long LARGE = 2L << 30;

  private ImageShapes() {}

  /** Every shape there is, with disks of up to 2 GiB, which are to be kept sparse. */
  public static Arbitrary<ImageShape> any() {
    return upTo(LARGE);
  }

  /**
   * Every shape there is, with disks and backing disks of up to {@code maxSize} bytes.
   *
   * @param maxSize at least 512
   */
  public static Arbitrary<ImageShape> upTo(long maxSize) {
    return layouts()
        .flatMap(
            layout ->
                Combinators.combine(
                        sizes(layout, maxSize),
                        Arbitraries.frequency(
                            Tuple.of(4, Backing.NONE),
                            Tuple.of(2, Backing.QCOW2),
                            Tuple.of(1, Backing.RAW)))
                    .flatAs((size, backing) -> withBacking(layout, size, backing, maxSize)))
        // The borders are weighted above; jqwik's own edge cases would multiply to thousands.
        .withoutEdgeCases();
  }

  /** Shapes of empty disks without a backing file, which leave only the layout to choose. */
  private static Arbitrary<ImageShape> layouts() {
    Arbitrary<ImageShape> version2 =
        clusterBits(9).map(bits -> new ImageShape(2, bits, 4, false, 0, Backing.NONE, 0));
    Arbitrary<ImageShape> version3 =
        Combinators.combine(clusterBits(9), refcountOrders())
            .as((bits, order) -> new ImageShape(3, bits, order, false, 0, Backing.NONE, 0));
    Arbitrary<ImageShape> extended =
        Combinators.combine(clusterBits(14), refcountOrders())
            .as((bits, order) -> new ImageShape(3, bits, order, true, 0, Backing.NONE, 0));
    return Arbitraries.frequencyOf(
        Tuple.of(4, version3), Tuple.of(2, extended), Tuple.of(1, version2));
  }

  private static Arbitrary<Integer> clusterBits(int least) {
    List<Tuple.Tuple2<Integer, Integer>> weighted = new ArrayList<>();
    for (int bits = least; bits <= 21; bits++) {
      int weight = bits == least ? 12 : bits <= 12 || bits == least + 1 ? 6 : bits == 16 ? 3 : 1;
      weighted.add(Tuple.of(weight, bits));
    }
    return Arbitraries.frequency(weighted);
  }

  private static Arbitrary<Integer> refcountOrders() {
    return Arbitraries.frequency(
        Tuple.of(4, 4),
        Tuple.of(2, 6),
        Tuple.of(2, 0),
        Tuple.of(1, 1),
        Tuple.of(1, 2),
        Tuple.of(1, 3),
        Tuple.of(1, 5));
  }

  /** Sizes around whole numbers of clusters and of L2 tables, and any others. */
  private static Arbitrary<Long> sizes(ImageShape layout, long maxSize) {
    long cluster = layout.clusterSize();
    long table = layout.bytesPerL2Table();
    return Arbitraries.frequencyOf(
            Tuple.of(3, multiples(cluster, 40)),
            Tuple.of(3, Arbitraries.longs().between(1, 40 * cluster / SECTOR).map(n -> n * SECTOR)),
            Tuple.of(2, multiples(table, 4)),
            Tuple.of(
                1,
                Combinators.combine(multiples(table, 3), Arbitraries.longs().between(-3, 3))
                    .as((size, sectors) -> size + sectors * SECTOR)))
        .map(size -> Math.max(SECTOR, Math.min(size, maxSize / SECTOR * SECTOR)));
  }

  private static Arbitrary<Long> multiples(long unit, int most) {
    return Arbitraries.longs().between(1, most).map(n -> n * unit);
  }

  private static Arbitrary<ImageShape> withBacking(
      ImageShape layout, long size, Backing backing, long maxSize) {
    Arbitrary<Long> backingSizes =
        backing == Backing.NONE
            ? Arbitraries.just(0L)
            : Arbitraries.oneOf(
                Arbitraries.just(size),
                Arbitraries.longs().between(0, size / SECTOR).map(n -> n * SECTOR),
                Arbitraries.longs()
                    .between(1, 3L * layout.clusterSize() / SECTOR)
                    .map(n -> Math.min(size + n * SECTOR, maxSize / SECTOR * SECTOR)));
    return backingSizes.map(
        backingSize ->
            new ImageShape(
                layout.version(),
                layout.clusterBits(),
                layout.refcountOrder(),
                layout.extendedL2(),
                size,
                backing,
                backingSize));
  }
}
