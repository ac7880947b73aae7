/**
 * Holes, reservations, copies in the kernel and locks of a descriptor, for files of a Linux host.
 *
 * <p>It is enough to have this artifact on the class or module path: {@link
 * io.github.qcow2.posix.PosixHostFiles} is found by {@link io.github.qcow2.storage.HostFiles}, and
 * opens a {@link io.github.qcow2.storage.HostDescriptor} besides the channels of each {@link
 * io.github.qcow2.storage.FileStorage} that needs one. On other systems, and where native code
 * cannot be loaded, it is passed over.
 *
 * <p>System calls are made through JNA. Since JDK 24, the virtual machine prints a warning when it
 * loads native code unless it was started with {@code --enable-native-access=com.sun.jna} (or
 * {@code ALL-UNNAMED} on the class path).
 */
@NullMarked
package io.github.qcow2.posix;

import org.jspecify.annotations.NullMarked;
