package io.github.qcow2;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

/** The arrows between packages: docs/architecture.md draws them. */
class LayersTest {
  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .importPackages("io.github.qcow2");

  @Test
  void nothingBelowKnowsWhatIsAbove() {
    layeredArchitecture()
        .consideringOnlyDependenciesInLayers()
        .layer("operation")
        .definedBy("io.github.qcow2.operation")
        .layer("image")
        .definedBy("io.github.qcow2")
        .layer("repair")
        .definedBy("io.github.qcow2.repair")
        .layer("amend")
        .definedBy("io.github.qcow2.amend")
        .layer("check")
        .definedBy("io.github.qcow2.check")
        .layer("transfer")
        .definedBy("io.github.qcow2.transfer")
        .layer("progress")
        .definedBy("io.github.qcow2.progress")
        .layer("mapping")
        .definedBy("io.github.qcow2.mapping")
        .layer("allocation")
        .definedBy("io.github.qcow2.allocation")
        .layer("metadata")
        .definedBy("io.github.qcow2.metadata")
        .layer("cache")
        .definedBy("io.github.qcow2.cache")
        .layer("storage")
        .definedBy("io.github.qcow2.storage")
        .layer("codec")
        .definedBy("io.github.qcow2.codec")
        .layer("crypto")
        .definedBy("io.github.qcow2.crypto")
        .layer("format")
        .definedBy("io.github.qcow2.format")
        .layer("error")
        .definedBy("io.github.qcow2.error")
        .whereLayer("operation")
        .mayNotBeAccessedByAnyLayer()
        .whereLayer("image")
        .mayOnlyBeAccessedByLayers("operation")
        .whereLayer("repair")
        .mayOnlyBeAccessedByLayers("image")
        .whereLayer("amend")
        .mayOnlyBeAccessedByLayers("image")
        .whereLayer("check")
        .mayOnlyBeAccessedByLayers("image", "repair")
        .whereLayer("transfer")
        .mayOnlyBeAccessedByLayers("operation", "image", "amend", "check")
        .whereLayer("progress")
        .mayOnlyBeAccessedByLayers("operation", "image", "amend", "check", "transfer")
        .whereLayer("mapping")
        .mayOnlyBeAccessedByLayers("image")
        .whereLayer("allocation")
        .mayOnlyBeAccessedByLayers("image", "mapping")
        .whereLayer("metadata")
        .mayOnlyBeAccessedByLayers("image", "repair", "amend", "mapping", "allocation")
        .whereLayer("cache")
        .mayOnlyBeAccessedByLayers("image", "metadata")
        .whereLayer("storage")
        .mayOnlyBeAccessedByLayers("image", "repair", "check", "metadata")
        .whereLayer("codec")
        .mayOnlyBeAccessedByLayers("image")
        .whereLayer("crypto")
        .mayOnlyBeAccessedByLayers("image")
        .whereLayer("format")
        .mayOnlyBeAccessedByLayers(
            "image", "repair", "amend", "check", "mapping", "allocation", "metadata")
        .check(CLASSES);
  }

  @Test
  void packagesFormNoCycle() {
    slices().matching("io.github.qcow2.(*)..").should().beFreeOfCycles().check(CLASSES);
  }

  @Test
  void coreDependsOnNothingButTheJdkAndItsLogger() {
    noClasses()
        .should()
        .dependOnClassesThat()
        .resideOutsideOfPackages(
            "java..", "javax.crypto..", "io.github.qcow2..", "org.slf4j..", "org.jspecify..")
        .check(CLASSES);
  }

  @Test
  void formatCodecAndCryptoAreValuesWithoutFiles() {
    noClasses()
        .that()
        .resideInAnyPackage(
            "io.github.qcow2.format", "io.github.qcow2.codec", "io.github.qcow2.crypto")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("java.nio.file..", "java.nio.channels..")
        .check(CLASSES);
  }
}
