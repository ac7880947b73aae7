package io.github.qcow2.testkit.qemu;

import java.util.Map;
import java.util.OptionalLong;

/**
 * One line of {@code qemu-img map --output=json}.
 *
 * @param start first guest byte
 * @param length in bytes
 * @param depth layer of the backing chain that decides, 0 being the image itself
 * @param present whether any layer of the chain says how the range is stored
 * @param zero whether the range reads as zeros
 * @param data whether the range holds data
 * @param offset first host byte, where the range is stored as it is
 */
public record QemuExtent(
    long start,
    long length,
    int depth,
    boolean present,
    boolean zero,
    boolean data,
    OptionalLong offset) {

  static QemuExtent of(Map<?, ?> json) {
    Object offset = json.get("offset");
    return new QemuExtent(
        number(json, "start"),
        number(json, "length"),
        (int) number(json, "depth"),
        Boolean.TRUE.equals(json.get("present")),
        Boolean.TRUE.equals(json.get("zero")),
        Boolean.TRUE.equals(json.get("data")),
        offset instanceof Number number
            ? OptionalLong.of(number.longValue())
            : OptionalLong.empty());
  }

  private static long number(Map<?, ?> json, String key) {
    if (json.get(key) instanceof Number number) {
      return number.longValue();
    }
    throw new IllegalArgumentException("no number \"" + key + "\" in " + json);
  }
}
