package io.github.qcow2.cli;

import io.github.qcow2.check.CheckReport;
import io.github.qcow2.check.Finding;
import io.github.qcow2.check.ImageCheck;
import io.github.qcow2.cli.GetoptLong.LongOption;
import io.github.qcow2.error.ImageLockedException;
import io.github.qcow2.storage.FileStorage;
import io.github.qcow2.storage.Storage;
import java.io.IOException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** {@code check}: looks for errors in the metadata of an image. Changes nothing. */
final class CheckCommand {
  private static final int CORRUPT = 2;
  private static final int LEAKS = 3;
  private static final int NO_CHECKS = 63;

  private static final int OUTPUT = CommandOptions.FIRST_OWN;
  private static final int UNTRUSTED = CommandOptions.FIRST_OWN + 1;

  private static final List<LongOption> LONG_OPTIONS =
      List.of(
          LongOption.withArgument("format", 'f'),
          LongOption.withArgument("repair", 'r'),
          LongOption.withArgument("output", OUTPUT),
          CommandOptions.refused("object", true),
          CommandOptions.refused("image-opts", false),
          LongOption.flag("force-share", 'U'),
          LongOption.flag("untrusted", UNTRUSTED));

  private CheckCommand() {}

  static int run(Console console, List<String> arguments) throws CommandException {
    CommandOptions options = new CommandOptions(console, arguments, "f:r:T:qU", "", LONG_OPTIONS);
    DiskOpener opener = new DiskOpener();
    String format = null;
    String repair = null;
    String cache = "writeback";
    String output = "human";
    boolean quiet = false;
    for (int option = options.next(); option != GetoptLong.END; option = options.next()) {
      switch (option) {
        case 'f' -> format = options.argument();
        case 'r' -> repair = repairMode(console, options.argument());
        case 'T' -> cache = options.argument();
        case 'q' -> quiet = true;
        case 'U' -> opener.forceShare();
        case OUTPUT -> output = options.argument();
        case UNTRUSTED -> opener.untrusted();
        default -> throw new IllegalStateException();
      }
    }
    String filename = options.singleFilename();
    boolean json = CommandOptions.isJson(output);
    CommandOptions.requireCacheMode("source cache", cache);
    if (repair != null) {
      throw new CommandException("Repairing ('-r " + repair + "') is not supported");
    }
    CheckReport report = check(console, opener, filename, format);
    printFindings(console, report, false);
    printFindings(console, report, true);
    long left = report.findingsTotal() - report.findings().size();
    if (left > 0) {
      console.errorLine("... and " + left + " more");
    }
    if (!quiet) {
      if (json) {
        console.raw(json(filename, report));
      } else {
        print(console, report);
      }
    }
    return exitCode(report);
  }

  /** qemu-img looks at the COPIED flags once it is through with everything else. */
  private static void printFindings(Console console, CheckReport report, boolean copiedFlags) {
    for (Finding finding : report.findings()) {
      if ((finding.kind() == Finding.Kind.COPIED_FLAG) == copiedFlags) {
        console.errorLine(finding.message());
      }
    }
  }

  private static String repairMode(Console console, String mode) throws CommandException {
    if (!mode.equals("leaks") && !mode.equals("all")) {
      throw CommandException.usage(
          console, "Unknown option value for -r (expecting 'leaks' or 'all'): " + mode);
    }
    return mode;
  }

  private static CheckReport check(
      Console console, DiskOpener opener, String filename, @Nullable String format)
      throws CommandException {
    try {
      ImageSummary image = ImageSummary.of(filename, format, opener);
      if (image.qcow2() == null) {
        throw new CommandException(
            NO_CHECKS, "This image format does not support checks", List.of());
      }
      requireBackingFile(image, opener);
      try (Storage file = FileStorage.open(FileName.path(filename), opener.locking())) {
        return ImageCheck.of(file).run();
      }
    } catch (ImageLockedException e) {
      throw DiskOpener.locked(e, false).ending("Could not open '" + filename + "': ");
    } catch (IOException e) {
      DiskOpener.explain(console, e);
      throw new CommandException("Check failed: " + HostErrors.errorName(e));
    } catch (OpenFailure e) {
      throw e.ending("Could not open '" + filename + "': ");
    }
  }

  /**
   * qemu-img opens the whole chain, so an image whose backing file is missing cannot be checked.
   */
  private static void requireBackingFile(ImageSummary image, DiskOpener opener) throws OpenFailure {
    BackingReference backing = image.backing();
    if (backing == null || opener.isUntrusted()) {
      return;
    }
    String name = backing.actualName();
    try {
      opener.open(name, opener.format(name, backing.format()), false).close();
    } catch (OpenFailure e) {
      throw e.prefixed("Could not open backing file: ");
    } catch (IOException e) {
      throw new OpenFailure("Could not open backing file: " + HostErrors.reason(e));
    }
  }

  private static void print(Console console, CheckReport report) {
    if (report.isClean()) {
      console.line("No errors were found on the image.");
    }
    if (report.corruptions() > 0) {
      console.raw("\n");
      console.line(report.corruptions() + " errors were found on the image.");
      console.line("Data may be corrupted, or further writes to the image may corrupt it.");
    }
    if (report.leaks() > 0) {
      console.raw("\n");
      console.line(report.leaks() + " leaked clusters were found on the image.");
      console.line("This means waste of disk space, but no harm to data.");
    }
    if (report.checkErrors() > 0) {
      console.raw("\n");
      console.line(report.checkErrors() + " internal errors have occurred during the check.");
    }
    long allocated = report.allocatedClusters();
    if (allocated > 0) {
      console.line(
          allocated
              + "/"
              + report.totalClusters()
              + " = "
              + percent(allocated, report.totalClusters())
              + " allocated, "
              + percent(report.fragmentedClusters(), allocated)
              + " fragmented, "
              + percent(report.compressedClusters(), allocated)
              + " compressed clusters");
    }
    if (report.imageEndOffset() > 0) {
      console.line("Image end offset: " + report.imageEndOffset());
    }
  }

  private static String percent(long part, long whole) {
    return HumanSize.fixed(100.0 * part / whole, 2) + "%";
  }

  /** Numbers that are zero are left out; the order is that of qemu-img 7.2. */
  private static String json(String filename, CheckReport report) {
    JsonWriter json = new JsonWriter().beginObject();
    memberUnlessZero(json, "image-end-offset", report.imageEndOffset());
    memberUnlessZero(json, "compressed-clusters", report.compressedClusters());
    memberUnlessZero(json, "total-clusters", report.totalClusters());
    memberUnlessZero(json, "corruptions", report.corruptions());
    json.member("check-errors", report.checkErrors());
    memberUnlessZero(json, "leaks", report.leaks());
    memberUnlessZero(json, "allocated-clusters", report.allocatedClusters());
    json.member("filename", filename);
    json.member("format", ImageFormat.QCOW2.formatName());
    memberUnlessZero(json, "fragmented-clusters", report.fragmentedClusters());
    return json.endObject().toString();
  }

  private static void memberUnlessZero(JsonWriter json, String key, long value) {
    if (value != 0) {
      json.member(key, value);
    }
  }

  private static int exitCode(CheckReport report) {
    if (report.checkErrors() > 0) {
      return 1;
    }
    if (report.corruptions() > 0) {
      return CORRUPT;
    }
    return report.leaks() > 0 ? LEAKS : 0;
  }
}
