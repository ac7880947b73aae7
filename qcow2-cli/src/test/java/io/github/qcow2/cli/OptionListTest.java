package io.github.qcow2.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.qcow2.cli.OptionList.Setting;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OptionListTest {
  @Test
  void settingsAreSeparatedByCommas() {
    assertThat(OptionList.parse("a=1,b=x=y,c="))
        .containsExactly(new Setting("a", "1"), new Setting("b", "x=y"), new Setting("c", ""));
  }

  @Test
  void twoCommasInAValueAreOne() {
    assertThat(OptionList.parse("a=1,,2,b=,,,c=3,,"))
        .containsExactly(new Setting("a", "1,2"), new Setting("b", ","), new Setting("c", "3,"));
  }

  @Test
  void keyEndsAtAnyComma() {
    assertThat(OptionList.parse("a,,b=1"))
        .containsExactly(new Setting("a", "on"), new Setting("", "on"), new Setting("b", "1"));
  }

  @Test
  void loneKeyIsOnAndWithNoBeforeItOff() {
    assertThat(OptionList.parse("lazy_refcounts,nolazy_refcounts"))
        .containsExactly(new Setting("lazy_refcounts", "on"), new Setting("lazy_refcounts", "off"));
  }

  @Test
  void noListHasNoSettings() {
    assertThat(OptionList.parse(null)).isEmpty();
  }

  @Test
  void onlyALoneWordAsksForHelp() {
    assertThat(OptionList.asksForHelp("a=1,help")).isTrue();
    assertThat(OptionList.asksForHelp("?")).isTrue();
    assertThat(OptionList.asksForHelp("a=help")).isFalse();
    assertThat(OptionList.asksForHelp("help=a")).isFalse();
    assertThat(OptionList.asksForHelp("a=1,,help")).isFalse();
    assertThat(OptionList.asksForHelp(null)).isFalse();
  }

  @Test
  void listsAddUp() throws CommandException {
    assertThat(OptionList.append(OptionList.append(null, "a=1"), "b=2")).isEqualTo("a=1,b=2");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", ",", ",a=1", "a=1,", "a=1,,,", ",,", ",,x"})
  void listThatEndsInTheMiddleIsRefused(String list) {
    assertThatThrownBy(() -> OptionList.append(null, list))
        .isInstanceOf(CommandException.class)
        .hasMessage("Invalid option list: " + list);
  }
}
