package io.github.qcow2.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Splits arguments into options and operands as glibc's {@code getopt_long} does, because scripts
 * written for qemu-img lean on it: options may follow operands, long names may be shortened as long
 * as they stay unique, short options may be bundled and carry their argument with or without a
 * space, and {@code --} ends the options.
 *
 * <p>Not thread-safe; one object serves one pass over one list of arguments.
 */
final class GetoptLong {
  /** What {@link #next()} gives when no option is left. */
  static final int END = -1;

  /** What {@link #next()} gives for an option that is unknown, ambiguous or misused. */
  static final int UNKNOWN = '?';

  /**
   * What {@link #next()} gives for an option that lacks its argument, when the short options start
   * with a colon; otherwise that is {@link #UNKNOWN} too.
   */
  static final int MISSING = ':';

  /**
   * A long option.
   *
   * @param name without the two dashes
   * @param takesArgument whether an argument must follow
   * @param value what {@link #next()} gives for it
   */
  record LongOption(String name, boolean takesArgument, int value) {
    static LongOption flag(String name, int value) {
      return new LongOption(name, false, value);
    }

    static LongOption withArgument(String name, int value) {
      return new LongOption(name, true, value);
    }
  }

  private final String program;
  private final List<String> arguments;
  private final String shortOptions;
  private final boolean operandsEndOptions;
  private final boolean silent;
  private final List<LongOption> longOptions;
  private final Consumer<String> complaints;

  private final List<String> operands = new ArrayList<>();
  private int index;
  private int bundlePosition;
  private @Nullable String argument;
  private String lastElement;
  private String lastLongName = "";

  /**
   * Starts a pass.
   *
   * @param program what complaints start with
   * @param arguments without the program's own name
   * @param shortOptions one letter each, followed by a colon where an argument is due. A leading
   *     {@code +} makes the first operand end the options; a leading colon (after it) silences the
   *     complaints and makes a missing argument {@link #MISSING}
   * @param longOptions in the order in which an ambiguity is to list them. Without any, there is
   *     nothing special about two dashes and more, as for glibc's {@code getopt}
   * @param complaints receives one line per misused option, worded as glibc words it
   */
  GetoptLong(
      String program,
      List<String> arguments,
      String shortOptions,
      List<LongOption> longOptions,
      Consumer<String> complaints) {
    this.program = program;
    this.arguments = List.copyOf(arguments);
    this.operandsEndOptions = shortOptions.startsWith("+");
    String rest = operandsEndOptions ? shortOptions.substring(1) : shortOptions;
    this.silent = rest.startsWith(":");
    this.shortOptions = silent ? rest.substring(1) : rest;
    this.longOptions = List.copyOf(longOptions);
    this.complaints = complaints;
    this.lastElement = program;
  }

  /** The next option: its letter, its long option's value, or one of the constants above. */
  int next() {
    argument = null;
    if (bundlePosition > 0) {
      return nextInBundle();
    }
    while (index < arguments.size()) {
      String element = arguments.get(index);
      if (element.equals("--")) {
        index++;
        break;
      }
      if (element.startsWith("--") && !longOptions.isEmpty()) {
        index++;
        lastElement = element;
        return longOption(element.substring(2));
      }
      if (element.length() > 1 && element.charAt(0) == '-') {
        bundlePosition = 1;
        return nextInBundle();
      }
      if (operandsEndOptions) {
        break;
      }
      operands.add(element);
      lastElement = element;
      index++;
    }
    operands.addAll(arguments.subList(index, arguments.size()));
    index = arguments.size();
    return END;
  }

  /** Whether the option that {@link #next()} gave last has an argument. */
  boolean hasArgument() {
    return argument != null;
  }

  /** The argument of the option that {@link #next()} gave last. */
  String argument() {
    if (argument == null) {
      throw new IllegalStateException("the option takes no argument");
    }
    return argument;
  }

  /**
   * What qemu-img's own complaints quote: {@code argv[optind - 1]}. That is the element at fault,
   * except inside a bundle of short options, where it is the element before.
   */
  String lastElement() {
    return lastElement;
  }

  /** The full name of the long option given last, with its dashes. */
  String lastLongName() {
    return lastLongName;
  }

  /** The operands, complete once {@link #next()} has given {@link #END}. */
  List<String> operands() {
    return List.copyOf(operands);
  }

  private int nextInBundle() {
    String bundle = arguments.get(index);
    char letter = bundle.charAt(bundlePosition++);
    boolean last = bundlePosition == bundle.length();
    String attached = bundle.substring(bundlePosition);
    if (last) {
      finishElement(bundle);
    }
    int found = letter == ':' ? -1 : shortOptions.indexOf(letter);
    if (found < 0) {
      complain("invalid option -- '" + letter + "'");
      return UNKNOWN;
    }
    if (found + 1 == shortOptions.length() || shortOptions.charAt(found + 1) != ':') {
      return letter;
    }
    if (!last) {
      argument = attached;
      finishElement(bundle);
    } else if (index < arguments.size()) {
      argument = arguments.get(index);
      finishElement(arguments.get(index));
    } else {
      complain("option requires an argument -- '" + letter + "'");
      return silent ? MISSING : UNKNOWN;
    }
    return letter;
  }

  private void finishElement(String element) {
    index++;
    bundlePosition = 0;
    lastElement = element;
  }

  private int longOption(String text) {
    int equals = text.indexOf('=');
    String name = equals < 0 ? text : text.substring(0, equals);
    List<LongOption> candidates = candidates(name);
    if (candidates.isEmpty()) {
      complain("unrecognized option '--" + text + "'");
      return UNKNOWN;
    }
    LongOption option = candidates.get(0);
    if (candidates.size() > 1 && !allMeanTheSame(candidates)) {
      StringBuilder message = new StringBuilder("option '--" + text + "' is ambiguous;");
      message.append(" possibilities:");
      for (LongOption candidate : candidates) {
        message.append(" '--").append(candidate.name()).append('\'');
      }
      complain(message.toString());
      return UNKNOWN;
    }
    lastLongName = "--" + option.name();
    if (!option.takesArgument()) {
      if (equals >= 0) {
        complain("option '--" + option.name() + "' doesn't allow an argument");
        return UNKNOWN;
      }
    } else if (equals >= 0) {
      argument = text.substring(equals + 1);
    } else if (index < arguments.size()) {
      argument = arguments.get(index++);
      lastElement = argument;
    } else {
      complain("option '--" + option.name() + "' requires an argument");
      return silent ? MISSING : UNKNOWN;
    }
    return option.value();
  }

  private List<LongOption> candidates(String name) {
    List<LongOption> candidates = new ArrayList<>();
    for (LongOption option : longOptions) {
      if (option.name().equals(name)) {
        return List.of(option);
      }
      if (option.name().startsWith(name)) {
        candidates.add(option);
      }
    }
    return candidates;
  }

  private static boolean allMeanTheSame(List<LongOption> candidates) {
    LongOption first = candidates.get(0);
    return candidates.stream()
        .allMatch(o -> o.value() == first.value() && o.takesArgument() == first.takesArgument());
  }

  private void complain(String message) {
    if (!silent) {
      complaints.accept(program + ": " + message);
    }
  }
}
