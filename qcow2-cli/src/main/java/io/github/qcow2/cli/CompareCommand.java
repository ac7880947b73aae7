package io.github.qcow2.cli;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.cli.GetoptLong.LongOption;
import io.github.qcow2.operation.Compare;
import io.github.qcow2.operation.CompareResult;
import java.io.IOException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** {@code compare}: says whether two disks have the same content. */
final class CompareCommand {
  private static final int DIFFERENT = 1;
  private static final int CANNOT_OPEN = 2;
  private static final int CANNOT_MAP = 3;
  private static final int CANNOT_READ = 4;
  private static final int SECTOR = 512;

  private static final int UNTRUSTED = CommandOptions.FIRST_OWN;

  private static final List<LongOption> LONG_OPTIONS =
      List.of(
          CommandOptions.refused("object", true),
          CommandOptions.refused("image-opts", false),
          LongOption.flag("force-share", 'U'),
          LongOption.flag("untrusted", UNTRUSTED));

  private CompareCommand() {}

  static int run(Console console, List<String> arguments) throws CommandException {
    CommandOptions options = new CommandOptions(console, arguments, "f:F:T:pqsU", "", LONG_OPTIONS);
    DiskOpener opener = new DiskOpener();
    opener.askForHoles();
    String firstFormat = null;
    String secondFormat = null;
    String cache = "writeback";
    boolean showProgress = false;
    boolean quiet = false;
    boolean strict = false;
    for (int option = options.next(); option != GetoptLong.END; option = options.next()) {
      switch (option) {
        case 'f' -> firstFormat = options.argument();
        case 'F' -> secondFormat = options.argument();
        case 'T' -> cache = options.argument();
        case 'p' -> showProgress = true;
        case 'q' -> quiet = true;
        case 's' -> strict = true;
        case 'U' -> opener.forceShare();
        case UNTRUSTED -> opener.untrusted();
        default -> throw new IllegalStateException();
      }
    }
    List<String> names = options.operands();
    if (names.size() != 2) {
      throw CommandException.usage(console, "Expecting two image file names");
    }
    try {
      CommandOptions.requireCacheMode("source cache", cache);
    } catch (CommandException e) {
      throw e.withExitCode(CANNOT_OPEN);
    }
    ProgressLine progress = new ProgressLine(console, showProgress && !quiet);
    try (BlockDevice first = open(opener, names.get(0), firstFormat);
        BlockDevice second = open(opener, names.get(1), secondFormat)) {
      CompareResult result =
          Compare.of(new TracedDevice(first), new TracedDevice(second))
              .strict(strict)
              .progress(
                  (done, total) -> {
                    progress.advance(done, total);
                    return true;
                  })
              .run();
      if (!quiet) {
        report(console, result, Math.min(first.size(), second.size()));
      }
      return result.identical() ? 0 : DIFFERENT;
    } catch (TracedDevice.Failure e) {
      DiskOpener.explain(console, e.reported());
      throw e.activity() == TracedDevice.Activity.MAPPING
          ? new CommandException("Sector allocation test failed for " + e.device())
              .withExitCode(CANNOT_MAP)
          : new CommandException(
                  "Error while reading offset "
                      + e.position()
                      + " of "
                      + e.device()
                      + ": "
                      + HostErrors.errorName(e.reported()))
              .withExitCode(CANNOT_READ);
    } catch (IOException e) {
      throw new CommandException(HostErrors.reason(e)).withExitCode(CANNOT_READ);
    } finally {
      progress.end();
    }
  }

  private static BlockDevice open(DiskOpener opener, String name, @Nullable String format)
      throws CommandException {
    try {
      return opener.openForCommand(name, format, false);
    } catch (CommandException e) {
      throw e.withExitCode(CANNOT_OPEN);
    }
  }

  /** Prints the verdict. The size is worth a warning only if all that both disks have is equal. */
  private static void report(Console console, CompareResult result, long commonSize) {
    if (result.verdict() != CompareResult.Verdict.SIZE_DIFFERS
        && result.sizesDiffer()
        && (result.identical() || result.offset() >= commonSize)) {
      console.line("Warning: Image size mismatch!");
    }
    long sector = result.offset() / SECTOR * SECTOR;
    console.line(
        switch (result.verdict()) {
          case IDENTICAL -> "Images are identical.";
          case CONTENT_DIFFERS -> "Content mismatch at offset " + sector + "!";
          case ALLOCATION_DIFFERS -> "Strict mode: Offset " + sector + " block status mismatch!";
          case SIZE_DIFFERS -> "Strict mode: Image size mismatch!";
        });
  }
}
