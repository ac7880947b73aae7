/**
 * QEMU's own tools as an oracle: what {@code qemu-img}, {@code qemu-io} and {@code qemu-nbd} say
 * about an image and do with it is what users will compare with.
 *
 * <p>{@link io.github.qcow2.testkit.qemu.QemuTools} finds and runs them; {@link
 * io.github.qcow2.testkit.qemu.RequiresQemu} marks the tests that cannot do without. Where the
 * tools are missing such a test is skipped with a reason, except on a build server: there it fails,
 * so that a broken installation cannot pass for a green build.
 */
@NullMarked
package io.github.qcow2.testkit.qemu;

import org.jspecify.annotations.NullMarked;
