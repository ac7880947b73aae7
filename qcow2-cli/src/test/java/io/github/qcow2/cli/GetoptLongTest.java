package io.github.qcow2.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.cli.GetoptLong.LongOption;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class GetoptLongTest {
  private static final List<LongOption> LONG =
      List.of(
          LongOption.withArgument("cmd", 'c'),
          LongOption.flag("copy-on-read", 'C'),
          LongOption.withArgument("cache", 't'),
          LongOption.withArgument("format", 'f'),
          LongOption.flag("force-share", 'U'),
          LongOption.flag("force", 'F'));

  private final List<String> complaints = new ArrayList<>();

  /** Options as {@code letter} or {@code letter=argument}, then the operands. */
  private List<String> parse(String shortOptions, String... arguments) {
    GetoptLong options =
        new GetoptLong("tool", List.of(arguments), shortOptions, LONG, complaints::add);
    List<String> parsed = new ArrayList<>();
    for (int option = options.next(); option != GetoptLong.END; option = options.next()) {
      String text = Character.toString(option);
      boolean withArgument = option == 'c' || option == 't' || option == 'f';
      parsed.add(withArgument ? text + "=" + options.argument() : text);
      if (option == '?' || option == ':') {
        parsed.add("at " + options.lastElement());
      }
    }
    parsed.addAll(options.operands());
    return parsed;
  }

  @Test
  void optionsMayFollowOperands() {
    assertThat(parse("f:q", "a", "-q", "b", "-f", "raw", "c"))
        .containsExactly("q", "f=raw", "a", "b", "c");
  }

  @Test
  void plusMakesTheFirstOperandEndTheOptions() {
    assertThat(parse("+f:q", "-q", "a", "-f", "raw")).containsExactly("q", "a", "-f", "raw");
  }

  @Test
  void twoDashesEndTheOptions() {
    assertThat(parse("q", "a", "--", "-q", "--", "b")).containsExactly("a", "-q", "--", "b");
  }

  @Test
  void oneDashIsAnOperand() {
    assertThat(parse("q", "-", "-q")).containsExactly("q", "-");
  }

  @Test
  void bundleMayEndWithAnArgument() {
    assertThat(parse("f:pq", "-pqfraw", "-pqf", "qcow2"))
        .containsExactly("p", "q", "f=raw", "p", "q", "f=qcow2");
  }

  @Test
  void attachedArgumentMayBeginWithADashOrEquals() {
    assertThat(parse("f:", "-f-q", "-f=raw", "-f", "--")).containsExactly("f=-q", "f==raw", "f=--");
  }

  @Test
  void longOptionTakesItsArgumentAfterEqualsOrASpace() {
    assertThat(parse("", "--format=raw", "--format", "qcow2", "--format=", "--cache", "--cmd"))
        .containsExactly("f=raw", "f=qcow2", "f=", "t=--cmd");
  }

  @Test
  void longOptionMayBeShortenedWhileUnique() {
    assertThat(parse("", "--form=raw", "--cop", "--force-s")).containsExactly("f=raw", "C", "U");
  }

  @Test
  void exactNameWinsOverLongerOnes() {
    assertThat(parse("", "--force")).containsExactly("F");
  }

  @Test
  void repeatedOptionIsGivenEachTime() {
    assertThat(parse("c:", "-c", "one", "-ctwo", "--cmd=three"))
        .containsExactly("c=one", "c=two", "c=three");
  }

  @Test
  void complaintsAreWordedAsGlibcWordsThem() {
    parse("qc:", "--c", "--c=3", "--foo=3", "--force=1", "-x", "--cache");
    parse("c:", "-c");
    assertThat(complaints)
        .containsExactly(
            "tool: option '--c' is ambiguous; possibilities: '--cmd' '--copy-on-read' '--cache'",
            "tool: option '--c=3' is ambiguous; possibilities: '--cmd' '--copy-on-read' '--cache'",
            "tool: unrecognized option '--foo=3'",
            "tool: option '--force' doesn't allow an argument",
            "tool: invalid option -- 'x'",
            "tool: option '--cache' requires an argument",
            "tool: option requires an argument -- 'c'");
  }

  @Test
  void colonSilencesComplaintsAndTellsMissingFromUnknown() {
    assertThat(parse(":qf:", "-x", "--foo=1", "-f"))
        .containsExactly("?", "at -x", "?", "at --foo=1", ":", "at -f");
    assertThat(complaints).isEmpty();
  }

  @Test
  void faultInsideABundleIsReportedAtTheElementBefore() {
    assertThat(parse(":q", "a.img", "-xq")).containsExactly("?", "at a.img", "q", "a.img");
    assertThat(parse(":q", "-xq")).containsExactly("?", "at tool", "q");
    assertThat(parse(":q", "-qx")).containsExactly("q", "?", "at -qx");
  }

  @Test
  void withoutLongOptionsTwoDashesAreAnInvalidLetter() {
    GetoptLong options =
        new GetoptLong("tool", List.of("--foo", "--", "-x"), "o", List.of(), complaints::add);
    assertThat(options.next()).isEqualTo(GetoptLong.UNKNOWN);
    assertThat(complaints).containsExactly("tool: invalid option -- '-'");
  }

  @Test
  void colonIsNoOption() {
    assertThat(parse("q:", "-:")).startsWith("?");
  }

  @Test
  void parsingGoesOnAfterAFault() {
    assertThat(parse("q", "-x", "-q", "--bad", "a")).contains("q", "a");
  }
}
