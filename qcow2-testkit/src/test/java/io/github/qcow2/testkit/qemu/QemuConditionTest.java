package io.github.qcow2.testkit.qemu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.lang.reflect.Proxy;
import java.util.Map;
import net.jqwik.api.lifecycle.LifecycleContext;
import net.jqwik.api.lifecycle.PropertyExecutor;
import net.jqwik.api.lifecycle.PropertyLifecycleContext;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class QemuConditionTest {
  private static final ExtensionContext JUPITER = unused(ExtensionContext.class);
  private static final LifecycleContext JQWIK = unused(LifecycleContext.class);
  private static final PropertyLifecycleContext PROPERTY = unused(PropertyLifecycleContext.class);

  @Test
  void testsRunWhereTheToolsAre() {
    QemuCondition condition = new QemuCondition(true, Map.of("CI", "true"));

    assertThat(condition.evaluateExecutionCondition(JUPITER).isDisabled()).isFalse();
    assertThat(condition.shouldBeSkipped(JQWIK).isSkipped()).isFalse();
  }

  @Test
  void testsAreSkippedWithAReasonWhereTheToolsAreMissing() {
    QemuCondition condition = new QemuCondition(false, Map.of("CI", "false"));

    assertThat(condition.evaluateExecutionCondition(JUPITER).isDisabled()).isTrue();
    assertThat(condition.evaluateExecutionCondition(JUPITER).getReason())
        .hasValue(QemuCondition.MISSING);
    assertThat(condition.shouldBeSkipped(JQWIK).isSkipped()).isTrue();
    assertThat(condition.shouldBeSkipped(JQWIK).reason()).hasValue(QemuCondition.MISSING);
  }

  @ParameterizedTest
  @CsvSource({"CI,true", "CI,TRUE", "QCOW2_REQUIRE_ORACLE,1"})
  void testsFailWhereTheToolsMustNotBeMissing(String variable, String value) {
    QemuCondition condition = new QemuCondition(false, Map.of(variable, value));

    assertThatIllegalStateException()
        .isThrownBy(() -> condition.evaluateExecutionCondition(JUPITER))
        .withMessageContaining("not on PATH");
    assertThat(condition.shouldBeSkipped(JQWIK).isSkipped()).isFalse();
    assertThatIllegalStateException()
        .isThrownBy(() -> condition.aroundProperty(PROPERTY, unused(PropertyExecutor.class)))
        .withMessageContaining("not on PATH");
  }

  @Test
  void toolsAreFoundOnlyWhereThePathLeads() {
    assertThat(QemuTools.find("/nowhere")).isEmpty();
    assertThat(QemuTools.find("")).isEmpty();
  }

  private static <T> T unused(Class<T> type) {
    return type.cast(
        Proxy.newProxyInstance(
            type.getClassLoader(),
            new Class<?>[] {type},
            (proxy, method, arguments) -> {
              throw new AssertionError("not to be called: " + method);
            }));
  }
}
