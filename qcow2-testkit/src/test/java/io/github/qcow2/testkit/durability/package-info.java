/**
 * What survives: durability modes, lazy refcounts, and the repair of images that were not closed.
 */
@NullMarked
package io.github.qcow2.testkit.durability;

import org.jspecify.annotations.NullMarked;
