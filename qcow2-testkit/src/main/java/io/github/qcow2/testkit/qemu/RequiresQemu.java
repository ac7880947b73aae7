package io.github.qcow2.testkit.qemu;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Inherited;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import net.jqwik.api.lifecycle.AddLifecycleHook;
import net.jqwik.api.lifecycle.PropagationMode;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Marks a test, a property or a whole class that asks {@link QemuTools}.
 *
 * <p>Where {@code qemu-img}, {@code qemu-io} and {@code qemu-nbd} are not all on {@code PATH}, the
 * test is skipped, with a reason that the report shows. Where they must not be missing, it fails
 * instead: that is so when the environment has {@code CI=true} or {@code QCOW2_REQUIRE_ORACLE=1}.
 */
@Documented
@Inherited
@Target({ElementType.TYPE, ElementType.METHOD})
@Retention(RetentionPolicy.RUNTIME)
@ExtendWith(QemuCondition.class)
@AddLifecycleHook(value = QemuCondition.class, propagateTo = PropagationMode.ALL_DESCENDANTS)
public @interface RequiresQemu {}
