package io.github.qcow2.jmh.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** What is written about {@code bin/bench} is so. */
class PerformanceDocumentTest {
  private static final Path ROOT = Path.of(System.getProperty("user.dir")).resolve("..");
  private static final Path DOCUMENT = ROOT.resolve("docs/performance.md");
  private static final Pattern COMMAND = Pattern.compile("(?m)^bin/bench([^#\\n]*)");

  @Test
  void documentHasAPlaceForEveryTable() throws IOException {
    for (String part : BenchReport.TABLES) {
      new MarkedText(DOCUMENT).require(part);
    }
  }

  @Test
  void everyTargetStandsInTheTableOfCallsOnceItIsWritten() throws IOException {
    String text = Files.readString(DOCUMENT);
    String table =
        text.substring(text.indexOf("<!-- calls -->"), text.indexOf("<!-- end of calls"));
    if (table.contains("|")) {
      assertThat(CallTargets.ALL)
          .allSatisfy(target -> assertThat(table).contains("\n| " + target.what() + " |"));
    }
  }

  @Test
  void everyCommandLineThatIsShownIsUnderstood() throws IOException {
    int found = 0;
    for (String document : new String[] {"docs/performance.md", "README.md"}) {
      Matcher commands = COMMAND.matcher(Files.readString(ROOT.resolve(document)));
      while (commands.find()) {
        String arguments = commands.group(1).strip();
        BenchOptions.parse(ROOT, arguments.isEmpty() ? new String[0] : arguments.split(" +", -1));
        found++;
      }
    }
    assertThat(found).isGreaterThanOrEqualTo(4);
  }

  @Test
  void helpNamesEveryOption() throws IOException {
    String script = Files.readString(ROOT.resolve("bin/bench"));
    assertThat(script).contains("--rounds N", "--quick", "--only PART", "--output FILE");
  }
}
