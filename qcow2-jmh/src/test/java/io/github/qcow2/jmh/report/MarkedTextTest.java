package io.github.qcow2.jmh.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MarkedTextTest {
  @TempDir Path directory;
  private Path file;

  @BeforeEach
  void name() {
    file = directory.resolve("text.md");
  }

  @Test
  void onlyWhatIsBetweenTheMarksChanges() throws IOException {
    String before = "before\n<!-- a -->\n";
    String after = "<!-- end of a -->\nafter\n<!-- b -->\n<!-- end of b -->\n";
    Files.writeString(file, before + "old\n" + after);
    MarkedText text = new MarkedText(file);
    text.replace("a", "new\n");
    text.replace("a", "newer\n");
    assertThat(Files.readString(file)).isEqualTo(before + "\nnewer\n\n" + after);
  }

  @Test
  void textWithoutPlaceOrWithTwoIsRefusedAndLeftAlone() throws IOException {
    for (String content :
        new String[] {
          "",
          "<!-- a -->\n",
          "<!-- end of a -->\n<!-- a -->\n",
          "<!-- a -->\n<!-- a -->\n<!-- end of a -->\n"
        }) {
      Files.writeString(file, content);
      assertThatThrownBy(() -> new MarkedText(file).require("a")).isInstanceOf(IOException.class);
      assertThatThrownBy(() -> new MarkedText(file).replace("a", "x"))
          .isInstanceOf(IOException.class);
      assertThat(Files.readString(file)).isEqualTo(content);
    }
  }
}
