/**
 * Images made by hand, byte for byte from a description, without the library: what no tool would
 * write, and what a reader must cope with all the same.
 *
 * <p>{@link io.github.qcow2.testkit.build.ImageBuilder} takes the description and lays out an image
 * that breaks no rule. The {@link io.github.qcow2.testkit.build.BuiltImage} knows where everything
 * is, so that single entries and refcounts can be spoiled from there.
 */
@NullMarked
package io.github.qcow2.testkit.build;

import org.jspecify.annotations.NullMarked;
