package io.github.qcow2.testkit.generate;

import io.github.qcow2.ZeroMode;
import io.github.qcow2.testkit.model.DiskOperation;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.Tuple;

/** Generators of {@link DiskOperation}s and of whole {@link DiskHistory histories}. */
public final class DiskHistories {
  private static final int SECTOR = 512;

  /** No single transfer is longer, so that 2 MiB clusters do not make a history slow. */
  private static final int MOST_BYTES = 1 << 20;

  /** The part of a table that caches load at once. */
  private static final int TABLE_SLICE = 4096;

  private DiskHistories() {}

  /**
   * Histories on the given shapes.
   *
   * @param shapes of the images
   * @param maxOperations the longest history
   */
  public static Arbitrary<DiskHistory> on(Arbitrary<ImageShape> shapes, int maxOperations) {
    return shapes
        .flatMap(
            shape ->
                Combinators.combine(
                        Arbitraries.longs().between(1, 1000),
                        operations(shape).list().ofMinSize(1).ofMaxSize(maxOperations))
                    .as((seed, operations) -> new DiskHistory(shape, seed, operations)))
        .withoutEdgeCases();
  }

  /**
   * Sequences of operations on one shape, for example to be run by several threads.
   *
   * @param maxOperations the longest sequence
   */
  public static Arbitrary<List<DiskOperation>> sequences(ImageShape shape, int maxOperations) {
    return operations(shape).list().ofMinSize(1).ofMaxSize(maxOperations).withoutEdgeCases();
  }

  /** Single operations inside the disk of the given shape. */
  public static Arbitrary<DiskOperation> operations(ImageShape shape) {
    if (shape.size() == 0) {
      return Arbitraries.of(new DiskOperation.Flush(), new DiskOperation.Reopen());
    }
    Arbitrary<Range> ranges = ranges(shape);
    return Arbitraries.<DiskOperation>frequencyOf(
            Tuple.of(
                10,
                Combinators.combine(ranges, Arbitraries.longs().between(1, 1_000_000))
                    .as((range, seed) -> new DiskOperation.Write(range.start, range.length, seed))),
            Tuple.of(
                4,
                Combinators.combine(ranges, Arbitraries.longs().between(1, 1_000_000))
                    .as((range, seed) -> compressed(shape, range, seed))),
            Tuple.of(
                4,
                Combinators.combine(ranges, Arbitraries.of(ZeroMode.class))
                    .as(
                        (range, mode) ->
                            new DiskOperation.WriteZeroes(range.start, range.length, mode))),
            Tuple.of(4, ranges.map(range -> new DiskOperation.Discard(range.start, range.length))),
            Tuple.of(3, ranges.map(range -> new DiskOperation.Read(range.start, range.length))),
            Tuple.of(2, Arbitraries.just(new DiskOperation.Flush())),
            Tuple.of(1, Arbitraries.just(new DiskOperation.Reopen())))
        // The borders are weighted here; jqwik's own edge cases would multiply to thousands.
        .withoutEdgeCases();
  }

  /** Compresses the clusters that a range touches. */
  private static DiskOperation compressed(ImageShape shape, Range range, long seed) {
    long cluster = shape.clusterSize();
    long start = range.start / cluster * cluster;
    long end = (range.start + range.length + cluster - 1) / cluster * cluster;
    return new DiskOperation.WriteCompressed(
        start, (int) (Math.min(end, shape.size()) - start), seed);
  }

  /** Part of a disk, at least one byte. */
  private record Range(long start, int length) {}

  private static Arbitrary<Range> ranges(ImageShape shape) {
    return Combinators.combine(positions(shape), lengths(shape))
        .as(
            (position, length) -> {
              long start = Math.max(0, Math.min(position, shape.size() - 1));
              return new Range(start, (int) Math.min(length, shape.size() - start));
            });
  }

  /** A border of something, and a step to its left or right. */
  private static Arbitrary<Long> positions(ImageShape shape) {
    Arbitrary<Long> borders =
        Arbitraries.frequencyOf(
            Tuple.of(
                6, borders(shape.clusterSize(), Math.min(shape.size(), 16L * shape.clusterSize()))),
            Tuple.of(3, borders(shape.clusterSize(), shape.size())),
            Tuple.of(3, borders(shape.subclusterSize(), shape.size())),
            Tuple.of(2, borders(shape.bytesPerTablePart(TABLE_SLICE), shape.size())),
            Tuple.of(2, borders(shape.bytesPerL2Table(), shape.size())),
            Tuple.of(1, Arbitraries.just(shape.size())),
            Tuple.of(1, borders(SECTOR, shape.size())));
    return Combinators.combine(borders, steps(shape)).as(Long::sum);
  }

  private static Arbitrary<Long> borders(long unit, long size) {
    return Arbitraries.longs().between(0, size / unit).map(n -> n * unit);
  }

  private static Arbitrary<Long> steps(ImageShape shape) {
    long cluster = shape.clusterSize();
    return Arbitraries.frequencyOf(
        Tuple.of(6, Arbitraries.just(0L)),
        Tuple.of(3, Arbitraries.of(-(long) SECTOR, (long) SECTOR)),
        Tuple.of(1, Arbitraries.of(-1L, 1L)),
        Tuple.of(1, Arbitraries.longs().between(-cluster, cluster)));
  }

  private static Arbitrary<Integer> lengths(ImageShape shape) {
    int cluster = shape.clusterSize();
    return Arbitraries.frequencyOf(
            Tuple.of(4, Arbitraries.integers().between(1, 4).map(n -> n * cluster)),
            Tuple.of(3, Arbitraries.integers().between(1, 8).map(n -> n * SECTOR)),
            Tuple.of(2, Arbitraries.integers().between(1, 4).map(n -> n * shape.subclusterSize())),
            Tuple.of(2, Arbitraries.integers().between(1, 3 * cluster)),
            Tuple.of(1, Arbitraries.integers().between(1, 40).map(n -> n * cluster)))
        .map(length -> Math.min(length, MOST_BYTES));
  }
}
