/** Property-based test kit for qcow2 images and for implementations of the library's interfaces. */
module io.github.qcow2.testkit {
  requires transitive io.github.qcow2.core;
  requires transitive net.jqwik.api;
  requires transitive org.junit.jupiter.api;
  requires com.fasterxml.jackson.jr.ob;
  requires org.assertj.core;
  requires transitive org.junit.jupiter.params;
  requires static transitive org.jspecify;

  exports io.github.qcow2.testkit.contract;
  exports io.github.qcow2.testkit.fault;
  exports io.github.qcow2.testkit.generate;
  exports io.github.qcow2.testkit.linear;
  exports io.github.qcow2.testkit.build;
  exports io.github.qcow2.testkit.model;
  exports io.github.qcow2.testkit.oracle;
  exports io.github.qcow2.testkit.powercut;
  exports io.github.qcow2.testkit.qemu;

  provides net.jqwik.api.providers.ArbitraryProvider with
      io.github.qcow2.testkit.generate.GeneratorProvider;
}
