package io.github.qcow2.testkit.operation;

import io.github.qcow2.testkit.qemu.QemuTools;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * How qemu makes an image: the options, then steps that each are a command of {@code qemu-io}, or
 * {@code snapshot NAME}, {@code delete NAME} or {@code bitmap NAME} for {@code qemu-img}.
 *
 * @param size of the disk in bytes
 * @param options as after {@code -o}
 * @param steps in order
 */
record QemuMadeImage(String name, long size, String options, List<String> steps) {

  static QemuMadeImage of(String name, long size, String options, String... steps) {
    return new QemuMadeImage(name, size, options, List.of(steps));
  }

  /** Images of every kind that the format has and qemu makes, a few hundred KiB each. */
  static List<QemuMadeImage> all() {
    List<QemuMadeImage> images = new ArrayList<>();
    for (int bits = 9; bits <= 21; bits++) {
      long cluster = 1L << bits;
      images.add(
          of(
              "clusters of " + cluster,
              50 * cluster + 512,
              "cluster_size=" + cluster,
              "write -P 1 0 " + 3 * cluster,
              "write -P 2 " + 20 * cluster + " " + 2 * cluster,
              "write -P 3 " + 10 * cluster + " 512",
              "write -z -u " + cluster + " " + cluster,
              "write -z " + 20 * cluster + " " + cluster));
    }
    for (int refcountBits = 1; refcountBits <= 64; refcountBits *= 2) {
      images.add(
          of(
              refcountBits + "-bit refcounts",
              4 << 20,
              "cluster_size=4096,refcount_bits=" + refcountBits,
              "write -P 1 0 100k",
              "write -P 2 3M 100k",
              "discard 40k 40k"));
    }
    images.add(of("empty", 0, "cluster_size=512"));
    images.add(of("untouched", 1L << 40, "cluster_size=65536"));
    images.add(
        of("version 2", 1 << 20, "compat=0.10", "write -P 1 0 300k", "snapshot a", "write 0 64k"));
    images.add(
        of("preallocated", 8 << 20, "cluster_size=4096,preallocation=metadata", "write 1M 1M"));
    images.add(
        of(
            "compressed",
            1 << 20,
            "cluster_size=16384",
            "write -c -P 1 0 16k",
            "write -P 2 16k 32k",
            "write -c -P 3 48k 16k",
            "write -P 4 64k 16k",
            "write -c -P 5 512k 16k"));
    images.add(
        of(
            "extended L2",
            2 << 20,
            "extended_l2=on,cluster_size=16384",
            "write -P 1 1k 2k",
            "write -z 4k 4k",
            "write -P 1 512k 96k",
            "write -z -u 520k 32k",
            "write -c -P 1 1M 16k",
            "snapshot a",
            "write -P 2 512k 512"));
    images.add(
        of(
            "snapshots",
            2 << 20,
            "cluster_size=4096",
            "write -P 1 0 300k",
            "snapshot a",
            "write -P 3 0 64k",
            "write -c -P 5 1M 4k",
            "write -c -P 5 1028k 4k",
            "write -z 700k 16k",
            "snapshot b",
            "write -P 3 200k 64k",
            "delete a",
            "snapshot c"));
    images.add(
        of(
            "snapshots, small clusters",
            128 << 10,
            "cluster_size=512,refcount_bits=8",
            "write -P 1 0 30k",
            "snapshot a",
            "write -P 3 0 6k",
            "write -P 9 100k 3k",
            "snapshot b"));
    images.add(
        of(
            "bitmaps",
            16 << 20,
            "cluster_size=4096",
            "write -P 1 0 64k",
            "bitmap one",
            "bitmap two",
            "write -P 1 1M 64k",
            "write -P 1 9M 128k"));
    images.add(
        of(
            "data file",
            1 << 20,
            "data_file=%s.data",
            "write -P 1 0 128k",
            "write -P 1 256k 64k",
            "write -z 320k 64k",
            "write -P 1 384k 64k",
            "write -z 384k 64k"));
    images.add(
        of(
            "data file, extended L2",
            1 << 20,
            "data_file=%s.data,extended_l2=on",
            "write -P 1 0 4k",
            "write -P 1 256k 64k",
            "write -z 320k 64k"));
    return images;
  }

  /** Makes the image. */
  Path make(QemuTools qemu, Path directory) throws IOException {
    Path image = directory.resolve(name.replaceAll("[^a-zA-Z0-9]", "-") + ".qcow2");
    Files.deleteIfExists(image);
    qemu.create(image, size, options.formatted(image));
    for (String step : steps) {
      String argument = step.substring(step.indexOf(' ') + 1);
      switch (step.substring(0, step.indexOf(' '))) {
        case "snapshot" -> qemu.img("snapshot", "-c", argument, image.toString()).orThrow();
        case "delete" -> qemu.img("snapshot", "-d", argument, image.toString()).orThrow();
        case "bitmap" -> qemu.img("bitmap", "--add", image.toString(), argument).orThrow();
        default -> qemu.io(image, step).orThrow();
      }
    }
    return image;
  }

  @Override
  public String toString() {
    return name;
  }
}
