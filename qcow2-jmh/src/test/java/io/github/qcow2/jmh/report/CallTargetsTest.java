package io.github.qcow2.jmh.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;

/** The table of targets names benchmarks that exist. */
class CallTargetsTest {
  @Test
  void everyCallIsABenchmarkWithThatMethod() throws ReflectiveOperationException {
    for (Call call : CallTargets.calls(CallTargets.ALL)) {
      List<Method> methods =
          Arrays.stream(Class.forName(call.className()).getMethods())
              .filter(method -> method.getName().equals(call.methodName()))
              .filter(method -> method.isAnnotationPresent(Benchmark.class))
              .toList();
      assertThat(methods).as(call.toString()).hasSize(1);
    }
  }

  @Test
  void workThatIsDoneOnceIsNotCalledForSomeTime() throws IOException {
    assertThat(Call.of("AllocatingWriteBenchmark.random4KiB").isTimed()).isFalse();
    assertThat(Call.of("ReadBenchmark.random").isTimed()).isTrue();
  }

  /** Several values would be several results, of which none is the one that is meant. */
  @Test
  void everyParameterWithSeveralValuesHasOneThatExists() throws ReflectiveOperationException {
    for (Call call : CallTargets.calls(CallTargets.ALL)) {
      List<String> names = new ArrayList<>();
      for (Class<?> state : Class.forName(call.className()).getClasses()) {
        for (Field field : state.getFields()) {
          Param param = field.getAnnotation(Param.class);
          if (param != null) {
            names.add(field.getName());
            if (param.value().length > 1) {
              assertThat(call.parameters()).as(call.toString()).containsKey(field.getName());
            }
            assertThat(param.value())
                .as(call.toString())
                .contains(call.parameters().getOrDefault(field.getName(), param.value()[0]));
          }
        }
      }
      assertThat(names).as(call.toString()).containsAll(call.parameters().keySet());
    }
  }

  @Test
  void sidesOfARatioAreRunOneAfterTheOtherAndOnceARound() {
    List<CallTarget> targets =
        List.of(
            CallTarget.ratio("1", "A.a", "A.bare", null),
            CallTarget.ratio("2", "A.b", "A.bare", null),
            CallTarget.ratio("3", "A.c", "A.other", null).with("p", "1"));
    Call parameterised = new Call("A.c", Map.of("p", "1"));
    assertThat(CallTargets.calls(targets))
        .containsExactly(
            Call.of("A.a"),
            Call.of("A.bare"),
            Call.of("A.b"),
            parameterised,
            Call.of("A.other").with("p", "1"));
  }
}
