package io.github.qcow2.jmh.report;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class RawResultsTest {
  @Test
  void resultsAreAnArrayInJson() {
    RawResults results = new RawResults();
    results.add("a \"b\" \\ \n", 1, "qcow2", "seconds", 0.25);
    results.add("c", 2, "qemu-img", "MiB", Double.NaN);
    assertThat(results)
        .hasToString(
            """
            [
            {"what": "a \\"b\\" \\\\ \\u000a", "round": 1, "program": "qcow2", "unit": "seconds", "value": 0.25},
            {"what": "c", "round": 2, "program": "qemu-img", "unit": "MiB", "value": null}
            ]""");
  }
}
