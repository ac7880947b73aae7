package io.github.qcow2.testkit.qemu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.io.IOException;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import net.jqwik.api.lifecycle.LifecycleContext;
import net.jqwik.api.lifecycle.PropertyExecutor;
import net.jqwik.api.lifecycle.PropertyLifecycleContext;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.io.TempDir;
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
        .withMessageContaining("on PATH");
    assertThat(condition.shouldBeSkipped(JQWIK).isSkipped()).isFalse();
    assertThatIllegalStateException()
        .isThrownBy(() -> condition.aroundProperty(PROPERTY, unused(PropertyExecutor.class)))
        .withMessageContaining("on PATH");
  }

  @Test
  void toolsAreFoundOnlyWhereThePathLeads() {
    assertThat(QemuTools.find("/nowhere")).isEmpty();
    assertThat(QemuTools.find("")).isEmpty();
  }

  @Test
  void oneMissingToolIsAsBadAsThree(@TempDir Path directory) throws IOException {
    for (String tool : List.of("qemu-img", "qemu-io", "qemu-nbd")) {
      assertThat(QemuTools.find(directory.toString())).as("without %s", tool).isEmpty();
      Path program = Files.writeString(directory.resolve(tool), "#!/bin/sh\n");
      assertThat(program.toFile().setExecutable(true)).isTrue();
    }
    assertThat(QemuTools.find(directory.toString())).isPresent();
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
