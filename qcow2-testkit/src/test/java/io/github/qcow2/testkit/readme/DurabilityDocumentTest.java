package io.github.qcow2.testkit.readme;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What docs/durability.md says to be tested is tested by tests that exist. */
final class DurabilityDocumentTest {
  private static final Pattern TEST = Pattern.compile("`([A-Z]\\w*Test)(?:\\.(\\w+))?`");

  @Test
  void everyTestThatIsNamedExists() throws IOException {
    Path root = Path.of(System.getProperty("user.dir")).resolve("..");
    List<Path> sources;
    try (Stream<Path> files = Files.walk(root.resolve("qcow2-testkit/src/test/java"))) {
      sources = files.filter(file -> file.toString().endsWith(".java")).toList();
    }
    Matcher names = TEST.matcher(Files.readString(root.resolve("docs/durability.md")));
    int found = 0;
    while (names.find()) {
      String file = names.group(1) + ".java";
      List<Path> matching = sources.stream().filter(source -> source.endsWith(file)).toList();
      assertThat(matching).as(file).hasSize(1);
      if (names.group(2) != null) {
        assertThat(Files.readString(matching.get(0))).contains("void " + names.group(2) + "(");
      }
      found++;
    }
    assertThat(found).isGreaterThan(20);
  }
}
