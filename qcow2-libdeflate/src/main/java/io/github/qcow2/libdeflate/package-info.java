/**
 * Deflate by libdeflate, a library of the host, in less than half of the time that the JDK's takes.
 *
 * <p>Where this module is on the class path or module path and the library is installed (package
 * {@code libdeflate0} on Debian, {@code libdeflate} elsewhere), images use {@link
 * io.github.qcow2.libdeflate.LibdeflateCodec} by themselves; where it is missing, the core's
 * deflate as ever. What an image may hold, and what it then means, is the same with both.
 *
 * <p>The library is called through JNA, which loads native code: from JDK 24 on that is reported on
 * standard error unless {@code --enable-native-access=com.sun.jna} is given, or {@code ALL-UNNAMED}
 * on the class path, or the manifest of an executable jar says {@code Enable-Native-Access:
 * ALL-UNNAMED}. It is loaded when the first cluster is compressed or decompressed.
 *
 * <ul>
 *   <li>{@code Libdeflate} are the functions of the library, if it could be loaded.
 *   <li>{@code Workspace} is what one call needs, kept for the next.
 *   <li>{@code SingleBlock} says which streams may be left to the library.
 * </ul>
 */
@NullMarked
package io.github.qcow2.libdeflate;

import org.jspecify.annotations.NullMarked;
