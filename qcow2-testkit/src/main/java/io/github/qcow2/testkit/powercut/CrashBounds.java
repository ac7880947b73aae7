package io.github.qcow2.testkit.powercut;

/**
 * How many of the possible states {@link CrashStates} goes through between two barriers. Immutable.
 *
 * @param allSubsetsOfWrites up to how many pending writes all subsets of them are tried
 * @param allSubsetsOfMetadata up to how many pending sectors of metadata all subsets of them are
 *     tried: with all other sectors on the disk and with none of them
 * @param randomSubsets how many random subsets of sectors are tried, at each of the densities .1,
 *     .3, .5, .7 and .9
 * @param tornPlaces at how many places each write of several sectors is torn
 * @param statesPerEpoch how many states are shown at most
 */
public record CrashBounds(
    int allSubsetsOfWrites,
    int allSubsetsOfMetadata,
    int randomSubsets,
    int tornPlaces,
    int statesPerEpoch) {

  /** All subsets of ten writes and of twelve sectors, 200 at random; every place of a tear. */
  public static final CrashBounds FULL = new CrashBounds(10, 12, 40, Integer.MAX_VALUE, 100_000);

  /** Enough to find a wrong order, for many histories: all subsets of six, 50 at random. */
  public static final CrashBounds QUICK = new CrashBounds(6, 6, 10, 8, 1_000);

  /** Checks that exhaustive enumeration comes to an end. */
  public CrashBounds {
    if (allSubsetsOfWrites > 24 || allSubsetsOfMetadata > 24) {
      throw new IllegalArgumentException(
          allSubsetsOfWrites + " writes, " + allSubsetsOfMetadata + " sectors");
    }
  }
}
