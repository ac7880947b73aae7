package io.github.qcow2.testkit.interop;

import io.github.qcow2.testkit.interop.ImageVariant.Below;
import io.github.qcow2.testkit.interop.ImageVariant.Layout;
import io.github.qcow2.testkit.interop.ImageVariant.Placement;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Variants in which every two choices that can meet do meet. All combinations would be some
 * thousands; a mistake that takes three particular choices to show is left to the random histories.
 */
final class ImageVariants {
  private static final List<ImageVariant> PAIRWISE = pairwise(possible());

  private ImageVariants() {}

  /** The variants; the same in each run. */
  static List<ImageVariant> all() {
    return PAIRWISE;
  }

  /** The variants that this library can make by itself. */
  static List<ImageVariant> ownMaking() {
    return PAIRWISE.stream().filter(v -> !v.compressed() && !v.snapshots()).toList();
  }

  /** Every combination that the format allows. */
  static List<ImageVariant> possible() {
    List<ImageVariant> possible = new ArrayList<>();
    for (Layout layout : Layout.values()) {
      for (int refcountBits = 1; refcountBits <= 64; refcountBits *= 2) {
        for (Below below : Below.values()) {
          for (Placement placement : Placement.values()) {
            for (int flags = 0; flags < 4; flags++) {
              ImageVariant variant =
                  new ImageVariant(
                      layout, refcountBits, below, placement, (flags & 1) != 0, (flags & 2) != 0);
              if (variant.isPossible()) {
                possible.add(variant);
              }
            }
          }
        }
      }
    }
    return possible;
  }

  /** Takes, again and again, the variant in which most pairs meet that have not met so far. */
  private static List<ImageVariant> pairwise(List<ImageVariant> possible) {
    Map<String, Integer> numbers = new HashMap<>();
    List<BitSet> pairs = possible.stream().map(variant -> pairsOf(variant, numbers)).toList();
    BitSet missing = new BitSet();
    missing.set(0, numbers.size());
    List<ImageVariant> chosen = new ArrayList<>();
    while (!missing.isEmpty()) {
      int best = 0;
      int most = 0;
      for (int i = 0; i < pairs.size(); i++) {
        BitSet gain = (BitSet) pairs.get(i).clone();
        gain.and(missing);
        if (gain.cardinality() > most) {
          most = gain.cardinality();
          best = i;
        }
      }
      missing.andNot(pairs.get(best));
      chosen.add(possible.get(best));
    }
    return chosen;
  }

  private static BitSet pairsOf(ImageVariant variant, Map<String, Integer> numbers) {
    List<String> choices = variant.choices();
    BitSet pairs = new BitSet();
    for (int i = 0; i < choices.size(); i++) {
      for (int j = 0; j < i; j++) {
        String pair = choices.get(j) + " with " + choices.get(i);
        Integer number = numbers.putIfAbsent(pair, numbers.size());
        pairs.set(number == null ? numbers.size() - 1 : number);
      }
    }
    return pairs;
  }
}
