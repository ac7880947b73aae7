package io.github.qcow2.cli;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.Qcow2Image;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The layers of an open disk, the image itself first. */
final class BackingChain {
  /**
   * One layer.
   *
   * @param size of its disk in bytes
   * @param image its image file
   * @param data the file that holds the guest's data: the image file, or an external one
   */
  record Layer(long size, String image, String data) {
    /** The files of the layer. */
    List<Path> files() {
      return image.equals(data) ? List.of(Path.of(image)) : List.of(Path.of(image), Path.of(data));
    }
  }

  private BackingChain() {}

  static List<Layer> of(BlockDevice top) {
    List<Layer> layers = new ArrayList<>();
    BlockDevice device = top;
    while (device != null) {
      BlockDevice below = null;
      String data = device.name();
      if (device instanceof Qcow2Image image) {
        below = image.backing();
        String name = image.header().dataFile();
        if (image.header().hasDataFile() && name != null) {
          data = Path.of(image.name()).resolveSibling(name).toString();
        }
      }
      layers.add(new Layer(device.size(), device.name(), data));
      device = below;
    }
    return layers;
  }
}
