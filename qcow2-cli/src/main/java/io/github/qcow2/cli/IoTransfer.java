package io.github.qcow2.cli;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.ZeroMode;
import io.github.qcow2.error.Qcow2Exception;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The commands of {@code io} that move or drop guest bytes: {@code read}, {@code write} and {@code
 * discard}. A request larger than {@value #CHUNK} bytes goes to the device in pieces, so that
 * memory does not depend on the length asked for.
 */
final class IoTransfer {
  private static final int CHUNK = 16 << 20;
  private static final byte DEFAULT_PATTERN = (byte) 0xcd;

  private IoTransfer() {}

  static void read(IoSession session, BlockDevice device, IoVerb verb, List<String> arguments)
      throws IoRefusal {
    GetoptLong options = verb.options(session, arguments, "Cl:pP:qs:v");
    boolean machine = false;
    boolean quiet = false;
    boolean dump = false;
    Byte pattern = null;
    Long verifyFrom = null;
    Long verifyLength = null;
    for (int option = options.next(); option != GetoptLong.END; option = options.next()) {
      switch (option) {
        case 'C' -> machine = true;
        case 'l' -> verifyLength = IoArguments.size(options.argument());
        case 'p' -> {}
        case 'P' -> pattern = IoArguments.pattern(options.argument());
        case 'q' -> quiet = true;
        case 's' -> verifyFrom = IoArguments.size(options.argument());
        case 'v' -> dump = true;
        default -> throw new IoRefusal(verb.usage());
      }
    }
    List<String> operands = operands(verb, options);
    long offset = IoArguments.size(operands.get(0));
    long length = IoArguments.length(operands.get(1));
    if (pattern == null && (verifyFrom != null || verifyLength != null)) {
      throw new IoRefusal(verb.usage());
    }
    long from = verifyFrom == null ? 0 : verifyFrom;
    long checked = verifyLength == null ? length - from : verifyLength;
    if (checked < 0 || from > length - checked) {
      throw new IoRefusal("pattern verification range exceeds end of read data");
    }
    TransferReport report = TransferReport.start(session.console(), machine, quiet);
    boolean matches = true;
    requireInside(device, offset, length, "read");
    ByteBuffer buffer = ByteBuffer.allocate((int) Math.min(CHUNK, length));
    StringBuilder dumped = new StringBuilder();
    for (long done = 0; done < length; done += buffer.limit()) {
      buffer.clear().limit((int) Math.min(buffer.capacity(), length - done));
      try {
        device.read(buffer, offset + done);
      } catch (IOException e) {
        throw failed(session, "read", e);
      }
      if (pattern != null && matches) {
        matches = matches(buffer, pattern, from - done, from + checked - done);
      }
      if (dump && !quiet) {
        HexDump.append(dumped, buffer.array(), buffer.limit(), offset + done);
        if (length > CHUNK) {
          session.console().raw(dumped.toString());
          dumped.setLength(0);
        }
      }
    }
    report.stop();
    if (!matches) {
      session.fail(
          "Pattern verification failed at offset " + (offset + from) + ", " + checked + " bytes");
    }
    session.console().raw(dumped.toString());
    report.print("read", offset, length);
  }

  static void write(IoSession session, BlockDevice device, IoVerb verb, List<String> arguments)
      throws IoRefusal {
    GetoptLong options = verb.options(session, arguments, "cCfnpP:qs:uz");
    boolean compressed = false;
    boolean machine = false;
    boolean flush = false;
    boolean fast = false;
    boolean quiet = false;
    boolean unmap = false;
    boolean zeroes = false;
    Byte pattern = null;
    String file = null;
    for (int option = options.next(); option != GetoptLong.END; option = options.next()) {
      switch (option) {
        case 'c' -> compressed = true;
        case 'C' -> machine = true;
        case 'f' -> flush = true;
        case 'n' -> fast = true;
        case 'p' -> {}
        case 'P' -> pattern = IoArguments.pattern(options.argument());
        case 'q' -> quiet = true;
        case 's' -> file = options.argument();
        case 'u' -> unmap = true;
        case 'z' -> zeroes = true;
        default -> throw new IoRefusal(verb.usage());
      }
    }
    List<String> operands = operands(verb, options);
    if (flush && compressed) {
      throw new IoRefusal("-f and -b or -c cannot be specified at the same time");
    }
    if (fast && !zeroes) {
      throw new IoRefusal("-n requires -z to be specified");
    }
    if (unmap && !zeroes) {
      throw new IoRefusal("-u requires -z to be specified");
    }
    if ((zeroes ? 1 : 0) + (pattern != null ? 1 : 0) + (file != null ? 1 : 0) > 1) {
      throw new IoRefusal("Only one of -z, -P, and -s can be specified at the same time");
    }
    long offset = IoArguments.size(operands.get(0));
    long length =
        fast
            ? IoArguments.size(operands.get(1))
            : IoArguments.length(operands.get(1), " without -n");
    if (compressed) {
      requireSectorAligned("offset", offset);
      requireSectorAligned("count", length);
    }
    byte[] repeated = zeroes ? null : fill(session.console(), pattern, file, length);
    TransferReport report = TransferReport.start(session.console(), machine, quiet);
    requireInside(device, offset, length, "write");
    try {
      if (repeated == null) {
        if (fast) {
          FastZeroes.require(device, offset, length);
        }
        device.writeZeroes(offset, length, unmap ? ZeroMode.MAY_UNMAP : ZeroMode.KEEP_ALLOCATED);
      } else {
        session.guardProbedFormat(offset, length, repeated);
        if (compressed) {
          writeCompressed(device, offset, length, repeated);
        } else {
          writeRepeated(device, offset, length, repeated);
        }
      }
      if (flush) {
        device.flush();
      }
    } catch (IOException e) {
      throw failed(session, "write", e);
    }
    report.stop();
    report.print("wrote", offset, length);
  }

  static void discard(IoSession session, BlockDevice device, IoVerb verb, List<String> arguments)
      throws IoRefusal {
    GetoptLong options = verb.options(session, arguments, "Cq");
    boolean machine = false;
    boolean quiet = false;
    for (int option = options.next(); option != GetoptLong.END; option = options.next()) {
      switch (option) {
        case 'C' -> machine = true;
        case 'q' -> quiet = true;
        default -> throw new IoRefusal(verb.usage());
      }
    }
    List<String> operands = operands(verb, options);
    long offset = IoArguments.size(operands.get(0));
    long length = IoArguments.length(operands.get(1));
    TransferReport report = TransferReport.start(session.console(), machine, quiet);
    requireInside(device, offset, length, "discard");
    if (!session.ignoresDiscard()) {
      try {
        device.discard(offset, length);
      } catch (IOException e) {
        throw failed(session, "discard", e);
      }
    }
    report.stop();
    report.print("discard", offset, length);
  }

  private static List<String> operands(IoVerb verb, GetoptLong options) throws IoRefusal {
    List<String> operands = options.operands();
    if (operands.size() != 2) {
      throw new IoRefusal(verb.usage());
    }
    return operands;
  }

  /** What a write repeats: at least as long as one piece of it, so that pieces stay aligned. */
  private static byte[] fill(
      Console console, @Nullable Byte pattern, @Nullable String file, long length)
      throws IoRefusal {
    byte[] unit =
        file != null
            ? IoArguments.patternFile(console, file)
            : new byte[] {pattern == null ? DEFAULT_PATTERN : pattern};
    int wanted = (int) Math.min(CHUNK, Math.max(length, 1));
    int repeats = Math.max(1, wanted / unit.length);
    if (repeats * unit.length < wanted && length <= CHUNK) {
      repeats++;
    }
    byte[] filled = new byte[repeats * unit.length];
    for (int at = 0; at < filled.length; at += unit.length) {
      System.arraycopy(unit, 0, filled, at, unit.length);
    }
    return filled;
  }

  private static void writeRepeated(BlockDevice device, long offset, long length, byte[] repeated)
      throws IOException {
    for (long done = 0; done < length; ) {
      int piece = (int) Math.min(repeated.length, length - done);
      device.write(ByteBuffer.wrap(repeated, 0, piece), offset + done);
      done += piece;
    }
  }

  private static void requireSectorAligned(String what, long bytes) throws IoRefusal {
    if (bytes % 512 != 0) {
      throw new IoRefusal(bytes + " is not a sector-aligned value for '" + what + "'");
    }
  }

  private static void writeCompressed(BlockDevice device, long offset, long length, byte[] unit)
      throws IOException, IoRefusal {
    if (!(device instanceof Qcow2Image image)) {
      throw new IoRefusal("write failed: Operation not supported");
    }
    int clusterMask = image.geometry().clusterSize() - 1;
    if ((offset & clusterMask) != 0
        || ((length & clusterMask) != 0 && offset + length != image.size())) {
      throw new IoRefusal("write failed: Invalid argument");
    }
    byte[] piece = new byte[(int) Math.min(CHUNK, length)];
    for (long done = 0; done < length; ) {
      int bytes = (int) Math.min(piece.length, length - done);
      for (int i = 0; i < bytes; i++) {
        piece[i] = unit[(int) ((done + i) % unit.length)];
      }
      image.writeCompressed(ByteBuffer.wrap(piece, 0, bytes), offset + done);
      done += bytes;
    }
  }

  private static boolean matches(ByteBuffer buffer, byte pattern, long from, long to) {
    int end = (int) Math.min(buffer.limit(), to);
    for (int i = (int) Math.max(0, Math.min(from, buffer.limit())); i < end; i++) {
      if (buffer.get(i) != pattern) {
        return false;
      }
    }
    return true;
  }

  private static void requireInside(BlockDevice device, long offset, long length, String verb)
      throws IoRefusal {
    if (offset > device.size() - length) {
      throw new IoRefusal(verb + " failed: Input/output error");
    }
  }

  /** The tool's own words on standard output; what is known about the cause on standard error. */
  private static IoRefusal failed(IoSession session, String verb, IOException cause) {
    if (cause instanceof Qcow2Exception) {
      session.console().error(String.valueOf(cause.getMessage()));
      return new IoRefusal(verb + " failed: Input/output error");
    }
    return new IoRefusal(verb + " failed: " + HostErrors.reason(cause));
  }
}
