package io.github.qcow2.cli;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The argument of {@code -o}: {@code key=value,key=value}, where two commas stand for one inside a
 * value. A key alone means {@code on}, and with {@code no} before it {@code off}.
 */
final class OptionList {
  /** One setting, in the order given. */
  record Setting(String key, String value) {}

  private record Part(String key, @Nullable String value) {}

  private OptionList() {}

  /**
   * Joins another {@code -o} to what earlier ones gave, since they add up.
   *
   * @param before what was given so far, or null
   * @throws CommandException if the list starts or ends with a lone comma, or is empty
   */
  static String append(@Nullable String before, String added) throws CommandException {
    if (added.isEmpty() || added.startsWith(",") || endsInsideSeparator(added)) {
      throw new CommandException("Invalid option list: " + added);
    }
    return before == null ? added : before + "," + added;
  }

  /** Whether the list asks for help rather than setting something. */
  static boolean asksForHelp(@Nullable String list) {
    for (Part part : split(list)) {
      if (part.value() == null && (part.key().equals("help") || part.key().equals("?"))) {
        return true;
      }
    }
    return false;
  }

  /** The settings of a list, none for null. */
  static List<Setting> parse(@Nullable String list) {
    List<Setting> settings = new ArrayList<>();
    for (Part part : split(list)) {
      String key = part.key();
      String value = part.value();
      if (value != null) {
        settings.add(new Setting(key, value));
      } else if (key.startsWith("no")) {
        settings.add(new Setting(key.substring(2), "off"));
      } else {
        settings.add(new Setting(key, "on"));
      }
    }
    return settings;
  }

  private static List<Part> split(@Nullable String list) {
    List<Part> parts = new ArrayList<>();
    if (list == null) {
      return parts;
    }
    int at = 0;
    while (at <= list.length()) {
      int keyEnd = at;
      while (keyEnd < list.length() && ",=".indexOf(list.charAt(keyEnd)) < 0) {
        keyEnd++;
      }
      String key = list.substring(at, keyEnd);
      if (keyEnd == list.length() || list.charAt(keyEnd) == ',') {
        parts.add(new Part(key, null));
        at = keyEnd + 1;
        continue;
      }
      StringBuilder value = new StringBuilder();
      at = keyEnd + 1;
      while (at < list.length() && (list.charAt(at) != ',' || list.startsWith(",,", at))) {
        value.append(list.charAt(at));
        at += list.charAt(at) == ',' ? 2 : 1;
      }
      parts.add(new Part(key, value.toString()));
      at++;
    }
    return parts;
  }

  /** Whether an odd number of commas ends the list, so that the last one separates nothing. */
  private static boolean endsInsideSeparator(String list) {
    int commas = 0;
    while (commas < list.length() && list.charAt(list.length() - 1 - commas) == ',') {
      commas++;
    }
    return commas % 2 == 1;
  }
}
