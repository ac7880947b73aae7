package io.github.qcow2.cli;

import io.github.qcow2.ImageAmender;
import io.github.qcow2.cli.GetoptLong.LongOption;
import io.github.qcow2.error.ImageLockedException;
import io.github.qcow2.error.OperationCancelledException;
import io.github.qcow2.error.Qcow2Exception;
import io.github.qcow2.storage.LockMode;
import java.io.IOException;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** {@code amend}: changes what an image is, but not what is on the disk. */
final class AmendCommand {
  private static final int FORCE = CommandOptions.FIRST_OWN;
  private static final int UNTRUSTED = CommandOptions.FIRST_OWN + 1;

  private static final List<LongOption> LONG_OPTIONS =
      List.of(
          CommandOptions.refused("object", true),
          CommandOptions.refused("image-opts", false),
          LongOption.flag("force", FORCE),
          LongOption.flag("untrusted", UNTRUSTED));

  private AmendCommand() {}

  static int run(Console console, List<String> arguments) throws CommandException {
    CommandOptions options = new CommandOptions(console, arguments, "f:o:t:pq", "", LONG_OPTIONS);
    DiskOpener opener = new DiskOpener();
    String format = null;
    String optionList = null;
    String cache = "writeback";
    boolean showProgress = false;
    boolean quiet = false;
    for (int option = options.next(); option != GetoptLong.END; option = options.next()) {
      switch (option) {
        case 'f' -> format = options.argument();
        case 'o' -> optionList = OptionList.append(optionList, options.argument());
        case 't' -> cache = options.argument();
        case 'p' -> showProgress = true;
        case 'q' -> quiet = true;
        // Concerns encryption alone.
        case FORCE -> {}
        case UNTRUSTED -> opener.untrusted();
        default -> throw new IllegalStateException();
      }
    }
    if (optionList == null) {
      throw CommandException.usage(console, "Must specify options (-o)");
    }
    List<String> operands = options.operands();
    boolean asksForHelp = OptionList.asksForHelp(optionList);
    if (asksForHelp && format != null && operands.size() != 1) {
      ImageFormat known = ImageFormat.named(format);
      if (known == null) {
        throw new CommandException("Unknown file format '" + format + "'");
      }
      requireAmendable(known);
      console.raw(AmendOptions.help());
      return 0;
    }
    if (operands.size() != 1) {
      throw new CommandException("Expecting one image file name");
    }
    // Amending is durable step by step in every mode.
    CommandOptions.requireCacheMode("cache", cache);
    String filename = operands.get(0);
    ImageSummary image = open(console, opener, filename, format);
    if (asksForHelp) {
      console.raw(AmendOptions.help());
      return 0;
    }
    AmendOptions values = new AmendOptions(console, Objects.requireNonNull(image.qcow2()));
    values.set(OptionList.parse(optionList));
    ImageAmender amender =
        values.amender(filename).references(opener.references()).probeBackingFormat();
    amend(console, amender, filename, showProgress && !quiet);
    return 0;
  }

  private static ImageSummary open(
      Console console, DiskOpener opener, String filename, @Nullable String format)
      throws CommandException {
    try {
      ImageSummary image = ImageSummary.of(filename, format, opener);
      if (image.qcow2() == null) {
        if (format == null) {
          DiskOpener.warnOfGuess(console, filename);
        }
        requireAmendable(ImageFormat.RAW);
      }
      return image;
    } catch (OpenFailure e) {
      throw e.ending("Could not open '" + filename + "': ");
    }
  }

  private static void requireAmendable(ImageFormat format) throws CommandException {
    if (format != ImageFormat.QCOW2) {
      throw new CommandException(
          "Format driver '" + format.formatName() + "' does not support option amendment");
    }
  }

  private static void amend(
      Console console, ImageAmender amender, String filename, boolean showProgress)
      throws CommandException {
    ProgressLine line = new ProgressLine(console, showProgress);
    try (Interruption interruption = Interruption.listen()) {
      amender
          .locking(LockMode.AUTO)
          .progress(
              (done, total) -> {
                line.advance(done, total);
                return !interruption.isRequested();
              });
      amender.run();
      line.complete();
    } catch (OperationCancelledException e) {
      line.end();
      throw new CommandException("stopped; '" + filename + "' is as it was, or partly amended");
    } catch (ImageLockedException e) {
      line.end();
      throw DiskOpener.locked(e, true).ending("Could not open '" + filename + "': ");
    } catch (Qcow2Exception e) {
      line.end();
      throw new CommandException(e.rule());
    } catch (IOException e) {
      line.end();
      throw new CommandException(HostErrors.reason(e));
    }
  }
}
