package io.github.qcow2.testkit.qemu;

import java.util.Map;
import net.jqwik.api.lifecycle.AroundPropertyHook;
import net.jqwik.api.lifecycle.LifecycleContext;
import net.jqwik.api.lifecycle.PropertyExecutionResult;
import net.jqwik.api.lifecycle.PropertyExecutor;
import net.jqwik.api.lifecycle.PropertyLifecycleContext;
import net.jqwik.api.lifecycle.SkipExecutionHook;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Carries out {@link RequiresQemu} for Jupiter's tests and for jqwik's properties. Public because
 * both engines make their own instance.
 */
public final class QemuCondition
    implements ExecutionCondition, SkipExecutionHook, AroundPropertyHook {
  static final String MISSING =
      "qemu-img, qemu-io and qemu-nbd are not all on PATH: install qemu-utils to run this test";

  private final boolean present;
  private final boolean mandatory;

  /** For the engines: looks at this machine. */
  public QemuCondition() {
    this(QemuTools.find().isPresent(), System.getenv());
  }

  QemuCondition(boolean present, Map<String, String> environment) {
    this.present = present;
    this.mandatory =
        "true".equalsIgnoreCase(environment.get("CI"))
            || "1".equals(environment.get("QCOW2_REQUIRE_ORACLE"));
  }

  /**
   * Lets a Jupiter test run, or disables it.
   *
   * @throws IllegalStateException if the tools are missing where they must not be, which makes the
   *     test fail
   */
  @Override
  public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
    failIfMissingWhereMandatory();
    return present
        ? ConditionEvaluationResult.enabled("qemu-img, qemu-io and qemu-nbd are on PATH")
        : ConditionEvaluationResult.disabled(MISSING);
  }

  /** Lets a jqwik property run, or skips it. */
  @Override
  public SkipResult shouldBeSkipped(LifecycleContext context) {
    return present || mandatory ? SkipResult.doNotSkip() : SkipResult.skip(MISSING);
  }

  /**
   * Runs a jqwik property.
   *
   * @throws IllegalStateException if the tools are missing where they must not be, which makes the
   *     property fail
   */
  @Override
  public PropertyExecutionResult aroundProperty(
      PropertyLifecycleContext context, PropertyExecutor property) {
    failIfMissingWhereMandatory();
    return property.execute();
  }

  private void failIfMissingWhereMandatory() {
    if (!present && mandatory) {
      throw new IllegalStateException(MISSING + " (the environment says it must not be skipped)");
    }
  }
}
