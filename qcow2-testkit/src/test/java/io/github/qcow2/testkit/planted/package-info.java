/**
 * Tests of the tests: faults planted into the library, each of which the power-cut experiment must
 * find.
 *
 * <p>The library itself has no hooks for this. {@link io.github.qcow2.testkit.planted.PlantedFault}
 * says which methods to change, {@link io.github.qcow2.testkit.planted.PlantedLibrary} loads a copy
 * of the library that has been changed so, and {@link io.github.qcow2.testkit.planted.PlantedRun}
 * runs the experiment inside that copy.
 */
@NullMarked
package io.github.qcow2.testkit.planted;

import org.jspecify.annotations.NullMarked;
