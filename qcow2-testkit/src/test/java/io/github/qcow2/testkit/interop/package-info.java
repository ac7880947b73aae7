/**
 * The library as a whole, next to {@code qemu-img} and {@code qemu-io}: what those make is read
 * here, what is written here they find in order, and what they refuse is refused.
 *
 * <p>{@link io.github.qcow2.testkit.interop.ImageVariants} is the list of images that most of it
 * runs over: few enough to run each time, and still every two choices meet in one of them. {@link
 * io.github.qcow2.testkit.interop.VariantImage} makes one of them.
 *
 * <p>The classes that end in {@code RulesTest} hold a test for each mistake that implementations of
 * the format have been caught at.
 */
@NullMarked
package io.github.qcow2.testkit.interop;

import org.jspecify.annotations.NullMarked;
