package io.github.qcow2.cli;

import static org.assertj.core.api.Assertions.assertThat;

import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

class TerminalTextTest {
  @Test
  void escapeSequenceInANameNeverReachesTheTerminal() {
    assertThat(TerminalText.escape("a\u001b[31mb\u0007\u009b\u007f\n"))
        .isEqualTo("a\\x1b[31mb\\x07\\x9b\\x7f\\x0a");
  }

  @Test
  void directionOverrideIsShown() {
    assertThat(TerminalText.escape("gpj\u202eexe")).isEqualTo("gpj\\u202eexe");
  }

  @Test
  void plainTextIsLeftAlone() {
    assertThat(TerminalText.escape("C:\\images\\caf\u00e9 \ud83d\ude00.qcow2"))
        .isEqualTo("C:\\images\\caf\u00e9 \ud83d\ude00.qcow2");
  }

  @Test
  void backslashIsDoubledWhereEscapesAreUsed() {
    assertThat(TerminalText.escape("\\x1b\u001b")).isEqualTo("\\\\x1b\\x1b");
  }

  @Property
  void nothingInvisibleRemains(@ForAll String text) {
    assertThat(TerminalText.escape(text).codePoints())
        .allMatch(c -> !Character.isISOControl(c) && Character.getType(c) != Character.FORMAT);
  }
}
