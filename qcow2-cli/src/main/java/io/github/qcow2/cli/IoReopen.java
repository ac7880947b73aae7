package io.github.qcow2.cli;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.cli.OptionList.Setting;
import java.io.IOException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The command {@code reopen} of {@code io}. */
final class IoReopen {
  private IoReopen() {}

  static void reopen(IoSession session, BlockDevice device, IoVerb verb, List<String> arguments)
      throws IoRefusal, IOException {
    ReopenOptions before = session.devices().options();
    ReopenOptions options = before.copy();
    String list = null;
    boolean modeGiven = false;
    GetoptLong given = verb.options(session, arguments, "c:o:rw");
    for (int option = given.next(); option != GetoptLong.END; option = given.next()) {
      switch (option) {
        case 'c' -> setCache(options, given.argument());
        case 'o' -> list = append(list, given.argument());
        case 'r', 'w' -> {
          if (modeGiven) {
            throw new IOException("Only one -r/-w option may be given");
          }
          modeGiven = true;
          options.setWritable(option == 'w');
        }
        default -> throw new IoRefusal(verb.usage());
      }
    }
    if (!given.operands().isEmpty()) {
      throw new IoRefusal(verb.usage());
    }
    for (Setting setting : OptionList.parse(list)) {
      options.set(setting.key(), setting.value(), device instanceof Qcow2Image);
    }
    if (session.devices().opensOnlyOnce()) {
      throw new IOException("With -s or --log-writes an image is opened only once");
    }
    session.reopen(device, options, before);
  }

  private static void setCache(ReopenOptions options, String mode) throws IOException {
    try {
      options.setDurability(CommandOptions.cacheMode("cache", mode));
    } catch (CommandException e) {
      throw new IOException(e.message(), e);
    }
  }

  private static String append(@Nullable String list, String added) throws IOException {
    try {
      return OptionList.append(list, added);
    } catch (CommandException e) {
      throw new IOException(e.message(), e);
    }
  }
}
