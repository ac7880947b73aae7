/**
 * A reader and checker of qcow2 images, written from the format's specification alone. It shares no
 * code with the library, not even the names of bits, so that an error in the one is not repeated in
 * the other.
 *
 * <p>{@link io.github.qcow2.testkit.oracle.SpecOracle} is the way in. It takes the bytes of an
 * image as an array or as a {@link io.github.qcow2.testkit.oracle.ByteSource}, and
 *
 * <ul>
 *   <li>tells what a guest reads, in the disk as it is and in its snapshots;
 *   <li>checks the metadata and gives a {@link io.github.qcow2.testkit.oracle.CheckResult}: typed
 *       findings, of which some mean lost data and some, such as leaks, do not.
 * </ul>
 *
 * <p>It reads whatever it needs each time it needs it, and keeps nothing. Checking an image of some
 * dozens of clusters all the same takes only microseconds, because the power-cut tests do it for
 * every state a file can be left in.
 */
@NullMarked
package io.github.qcow2.testkit.oracle;

import org.jspecify.annotations.NullMarked;
