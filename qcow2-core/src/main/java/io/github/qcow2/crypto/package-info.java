/**
 * Encryption of guest data: bytes in, bytes out, without any I/O. What there is: decryption of the
 * format's first method, {@link io.github.qcow2.crypto.AesSectors} (qcow2 spec, {@code
 * crypt_method} 1), which nobody should use for new images.
 */
@NullMarked
package io.github.qcow2.crypto;

import org.jspecify.annotations.NullMarked;
