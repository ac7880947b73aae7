package io.github.qcow2.jmh.report;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;

/**
 * A JMH benchmark, and with which parameters it is run.
 *
 * @param name class, in the package of the benchmarks, and method
 * @param parameters values of {@code @Param} fields that have several
 */
record Call(String name, Map<String, String> parameters) {
  static final String PACKAGE = "io.github.qcow2.jmh.";

  static Call of(String name) {
    return new Call(name, Map.of());
  }

  Call with(String parameter, String value) {
    Map<String, String> all = new TreeMap<>(parameters);
    all.put(parameter, value);
    return new Call(name, Map.copyOf(all));
  }

  String className() {
    return PACKAGE + name.substring(0, name.indexOf('.'));
  }

  String methodName() {
    return name.substring(name.indexOf('.') + 1);
  }

  /** Whether it is called for some time, rather than for a number of calls. */
  boolean isTimed() throws IOException {
    try {
      BenchmarkMode mode = Class.forName(className()).getAnnotation(BenchmarkMode.class);
      return mode != null && !List.of(mode.value()).contains(Mode.SingleShotTime);
    } catch (ClassNotFoundException e) {
      throw new IOException(e);
    }
  }

  @Override
  public String toString() {
    return name
        + new TreeMap<>(parameters)
            .entrySet().stream()
                .map(entry -> " " + entry.getKey() + "=" + entry.getValue())
                .collect(Collectors.joining());
  }
}
