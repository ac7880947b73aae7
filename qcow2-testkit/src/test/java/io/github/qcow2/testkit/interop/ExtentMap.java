package io.github.qcow2.testkit.interop;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.Extent;
import io.github.qcow2.ExtentCursor;
import io.github.qcow2.testkit.qemu.QemuExtent;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;

/**
 * How a disk is stored, in the words of {@code qemu-img map}, with neighbours merged that could be
 * one.
 */
final class ExtentMap {
  private final int depthOfRaw;
  private final List<QemuExtent> extents = new ArrayList<>();

  /**
   * An empty map.
   *
   * @param depthOfRaw the layer that is a raw file, where qemu-img tells holes from data and the
   *     library does not; -1 if there is none
   */
  private ExtentMap(int depthOfRaw) {
    this.depthOfRaw = depthOfRaw;
  }

  static List<QemuExtent> ofQemu(List<QemuExtent> map, int depthOfRaw) {
    ExtentMap merged = new ExtentMap(depthOfRaw);
    map.forEach(merged::add);
    return merged.extents;
  }

  static List<QemuExtent> of(BlockDevice device, int depthOfRaw) throws IOException {
    ExtentMap merged = new ExtentMap(depthOfRaw);
    ExtentCursor cursor = device.extents(0, device.size());
    for (Extent extent = cursor.next(); extent != null; extent = cursor.next()) {
      merged.add(inTheWordsOfQemu(extent));
    }
    return merged.extents;
  }

  private static QemuExtent inTheWordsOfQemu(Extent extent) {
    boolean data = !extent.readsAsZeroes();
    return new QemuExtent(
        extent.start(),
        extent.length(),
        extent.depth(),
        extent.kind() != Extent.Kind.UNALLOCATED,
        !data,
        data,
        extent.hostOffset() == Extent.NO_HOST_OFFSET
            ? OptionalLong.empty()
            : OptionalLong.of(extent.hostOffset()));
  }

  private void add(QemuExtent found) {
    QemuExtent next = found;
    if (next.depth() == depthOfRaw && next.offset().isPresent()) {
      next = with(next, next.length(), false, true);
    }
    QemuExtent last = extents.isEmpty() ? null : extents.get(extents.size() - 1);
    if (last != null && continues(last, next)) {
      extents.set(
          extents.size() - 1, with(last, last.length() + next.length(), last.zero(), last.data()));
    } else {
      extents.add(next);
    }
  }

  private static boolean continues(QemuExtent last, QemuExtent next) {
    return last.start() + last.length() == next.start()
        && last.depth() == next.depth()
        && last.present() == next.present()
        && last.zero() == next.zero()
        && last.data() == next.data()
        && last.offset().isPresent() == next.offset().isPresent()
        && (last.offset().isEmpty()
            || last.offset().getAsLong() + last.length() == next.offset().getAsLong());
  }

  private static QemuExtent with(QemuExtent extent, long length, boolean zero, boolean data) {
    return new QemuExtent(
        extent.start(), length, extent.depth(), extent.present(), zero, data, extent.offset());
  }
}
