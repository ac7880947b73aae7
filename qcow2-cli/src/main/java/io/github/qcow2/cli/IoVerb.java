package io.github.qcow2.cli;

import io.github.qcow2.BlockDevice;
import java.io.IOException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One command of {@code io}.
 *
 * @param name what is typed
 * @param alias a shorter name, or null
 * @param minimum fewest arguments, options counted
 * @param maximum most arguments, options counted, or {@link #ANY_NUMBER}
 * @param changes whether a read-only device refuses it
 * @param arguments how its arguments are written
 * @param summary what it does, in a line
 * @param help what its options mean, in lines, or empty
 * @param action does it
 */
record IoVerb(
    String name,
    @Nullable String alias,
    int minimum,
    int maximum,
    boolean changes,
    String arguments,
    String summary,
    String help,
    Action action) {
  static final int ANY_NUMBER = -1;

  /** Does the work of a command that needs a device. */
  interface Action {
    /**
     * Runs the command.
     *
     * @throws IoRefusal if the arguments make no sense or the command failed in a way that is
     *     reported on standard output
     * @throws IOException if the device failed
     */
    void run(IoSession session, BlockDevice device, IoVerb verb, List<String> arguments)
        throws IoRefusal, IOException;
  }

  /** The line that shows how the command is used. */
  String usage() {
    return name + " " + arguments + " -- " + summary;
  }

  /** What is wrong with this number of arguments, or null. */
  @Nullable String complaintAbout(int count) {
    if (count >= minimum && (maximum == ANY_NUMBER || count <= maximum)) {
      return null;
    }
    String expected =
        maximum == ANY_NUMBER
            ? "at least " + minimum
            : minimum == maximum ? "" + minimum : "between " + minimum + " and " + maximum;
    return "bad argument count " + count + " to " + name + ", expected " + expected + " arguments";
  }

  /** Reads the command's options. The complaints of a misused one go where errors go. */
  GetoptLong options(IoSession session, List<String> arguments, String letters) {
    return new GetoptLong(name, arguments, letters, List.of(), session.console()::errorLine);
  }
}
