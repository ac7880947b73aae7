package io.github.qcow2.cli;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.Extent;
import io.github.qcow2.ExtentCursor;
import io.github.qcow2.Preallocation;
import java.io.IOException;
import java.util.List;

/** The commands of {@code io} that move no guest bytes. */
final class IoQueries {
  private static final long SECTOR = 512;

  /** What a shell reports of a process that called abort(3). */
  private static final int ABORTED = 128 + 6;

  private IoQueries() {}

  static void flush(IoSession session, BlockDevice device, IoVerb verb, List<String> arguments)
      throws IOException {
    device.flush();
  }

  static void length(IoSession session, BlockDevice device, IoVerb verb, List<String> arguments) {
    session.console().line(HumanSize.ofTransfer(device.size()));
  }

  /** Makes the disk larger or smaller. */
  static void truncate(IoSession session, BlockDevice device, IoVerb verb, List<String> arguments)
      throws IoRefusal, IOException {
    GetoptLong options = verb.options(session, arguments, "m:");
    Preallocation mode = Preallocation.OFF;
    for (int option = options.next(); option != GetoptLong.END; option = options.next()) {
      if (option != 'm') {
        throw new IoRefusal(verb.usage());
      }
      try {
        mode = DiskResize.requireMode(options.argument());
      } catch (CommandException e) {
        throw new IOException(e.message(), e);
      }
    }
    if (options.operands().isEmpty()) {
      throw new IoRefusal(verb.usage());
    }
    long size = IoArguments.size(options.operands().get(0));
    DiskResize.resize(device, size, mode);
  }

  /** Ends the process at once, as a crash would: nothing is flushed. */
  static void abort(IoSession session, BlockDevice device, IoVerb verb, List<String> arguments) {
    session.console().flush();
    Runtime.getRuntime().halt(ABORTED);
  }

  /** Counts the bytes of a range that the device itself holds, rather than a backing file. */
  static void alloc(IoSession session, BlockDevice device, IoVerb verb, List<String> arguments)
      throws IoRefusal, IOException {
    long offset = IoArguments.size(arguments.get(0));
    long wanted = arguments.size() > 1 ? IoArguments.size(arguments.get(1)) : SECTOR;
    long length = Math.max(0, Math.min(wanted, device.size() - offset));
    long allocated = 0;
    if (length > 0) {
      ExtentCursor cursor = device.extents(offset, length);
      for (Extent extent = cursor.next(); extent != null; extent = cursor.next()) {
        allocated += isAllocated(extent) ? extent.length() : 0;
      }
    }
    session
        .console()
        .line(
            allocated
                + "/"
                + length
                + " bytes allocated at offset "
                + HumanSize.ofTransfer(offset));
  }

  /** Prints the runs that the device holds itself and those it does not. */
  static void map(IoSession session, BlockDevice device, IoVerb verb, List<String> arguments)
      throws IOException {
    ExtentCursor cursor = device.extents(0, device.size());
    Extent extent = cursor.next();
    while (extent != null) {
      long start = extent.start();
      long end = start;
      boolean allocated = isAllocated(extent);
      while (extent != null && isAllocated(extent) == allocated) {
        end = extent.end();
        extent = cursor.next();
      }
      session
          .console()
          .line(
              String.format(
                  "%s (0x%x) bytes %s allocated at offset %s (0x%x)",
                  HumanSize.ofTransfer(end - start),
                  end - start,
                  allocated ? "   " : "not",
                  HumanSize.ofTransfer(start),
                  start));
    }
  }

  private static boolean isAllocated(Extent extent) {
    return extent.depth() == 0 && extent.kind() != Extent.Kind.UNALLOCATED;
  }
}
