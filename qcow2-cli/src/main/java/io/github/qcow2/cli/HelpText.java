package io.github.qcow2.cli;

import io.github.qcow2.codec.CompressionCodecs;
import io.github.qcow2.format.CompressionType;
import io.github.qcow2.storage.HostFiles;

/** What {@code --help} and {@code --version} print. Loaded only when asked for. */
final class HelpText {
  private HelpText() {}

  /** Besides the version, what of the optional is there. */
  static String version(String program) {
    return title(program)
        + "host files: "
        + HostFiles.description()
        + "\nzlib: "
        + CompressionCodecs.find(CompressionType.DEFLATE.value())
        + "\nzstd: "
        + CompressionCodecs.find(CompressionType.ZSTD.value())
        + "\n";
  }

  private static String title(String program) {
    return program + " version " + BuildVersion.get() + "\nCopyright (c) The qcow2 authors\n";
  }

  static String of(String program) {
    return title(program)
        + "usage: "
        + program
        + " [standard options] command [command options]\n"
        + BODY;
  }

  private static final String BODY =
      """
      Work with qcow2 and raw disk images, as qemu-img does.

          '-h', '--help'       print this and exit
          '-V', '--version'    print the version and exit

      Commands:
        create [-q] [-f fmt] [-b backing_file [-F backing_fmt]] [-u] [-o options] filename [size]
            Make an image. Without a size it is as large as its backing file.
        info [-f fmt] [--output=human|json] [--backing-chain] [-U] filename
            Say what an image is.
        check [-q] [-f fmt] [--output=human|json] [-U] filename
            Look for errors in the metadata of a qcow2 image; nothing is changed.
            Exit code: 0 clean, 1 check failed, 2 corrupt, 3 leaks only, 63 format without checks.
        map [-f fmt] [-s offset] [-l length] [--output=human|json] [-U] filename
            Say where the bytes of a disk are stored, through its backing chain.
        convert [-f fmt] [-O fmt] [-o options] [-B backing_file [-F backing_fmt]] [-l snapshot]
                [-C | -S sparse_size] [-n [--target-is-zero]] [-p] [-q] [-U]
                filename [filename2 [...]] output_filename
            Copy disks, one after the other, into a new image.
        resize [-f fmt] [--preallocation=mode] [--shrink] [-q] filename [+|-]size
            Make a disk larger or smaller.
        amend [-f fmt] [-p] [-q] -o options filename
            Change what an image is, but not what is on its disk.
        compare [-f fmt] [-F fmt] [-s] [-p] [-q] [-U] filename1 filename2
            Say whether two disks have the same content.
            Exit code: 0 same, 1 different, 2 cannot open, 3 cannot tell, 4 cannot read.
        bench [-c count] [-d depth] [-f fmt] [--flush-interval=n] [--no-drain] [-o offset]
              [--pattern=byte] [-s size] [-S step] [-t cache] [-w] [-U] filename
            Measure how long a disk takes to answer many requests.
        io [-f fmt] [-r] [-s] [-n] [-U] [-c command]... [filename]
            Read and write guest bytes by hand, as qemu-io does.
        demo [directory]
            A tour: makes two images, writes to them, checks what it says and draws them.

      Options that several commands have:
        -f fmt          the image is in this format (qcow2 or raw); otherwise it is probed
        -o options      comma-separated name=value settings; '-o help' lists them
        -p              print the progress
        -q              print nothing but errors
        -U              open the image even if another program writes to it
        --untrusted     open no file that an image names: for images from strangers
        --output=json   print for programs rather than for people

      Sizes are in bytes, or have one of the suffixes k, M, G, T, P and E, in steps of 1024.

      Supported formats: qcow2 raw
      """;
}
