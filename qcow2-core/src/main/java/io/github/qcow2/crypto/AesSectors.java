package io.github.qcow2.crypto;

import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.util.Arrays;
import javax.crypto.Cipher;
import javax.crypto.spec.SecretKeySpec;

/**
 * The format's first encryption (qcow2 spec, {@code crypt_method} 1): AES-128 in CBC mode, each
 * sector of 512 bytes by itself. The initialization vector is the number of the sector in the
 * guest's disk, eight bytes little-endian and eight zeros. The key is the passphrase's first 16
 * bytes, filled up with zeros; the specification speaks of 256 bits, but no program has ever used
 * so many.
 *
 * <p>Nothing in an image tells whether the key is right: a wrong one decrypts to other bytes.
 *
 * <p>Immutable, and so usable by many threads.
 */
public final class AesSectors {
  /** What is encrypted as one piece, in bytes. */
  public static final int SECTOR_BYTES = 512;

  private static final int KEY_BYTES = 16;
  private static final int BLOCK_BYTES = 16;

  private final SecretKeySpec key;

  /** Takes the key from a passphrase, of which no reference is kept. */
  public AesSectors(byte[] passphrase) {
    this.key = new SecretKeySpec(Arrays.copyOf(passphrase, KEY_BYTES), "AES");
  }

  /**
   * Decrypts whole sectors in place, from the buffer's position to its limit; neither moves.
   *
   * @param sector number of the first one in the guest's disk
   */
  public void decrypt(ByteBuffer sectors, long sector) {
    int length = sectors.remaining();
    if (length % SECTOR_BYTES != 0) {
      throw new IllegalArgumentException(length + " bytes are no whole sectors");
    }
    byte[] encrypted = new byte[length];
    sectors.get(sectors.position(), encrypted);
    byte[] plain = decryptBlocks(encrypted);
    for (int start = 0; start < length; start += SECTOR_BYTES) {
      long number = sector + start / SECTOR_BYTES;
      for (int i = 0; i < Long.BYTES; i++) {
        plain[start + i] ^= (byte) (number >>> (Byte.SIZE * i));
      }
      for (int i = start + BLOCK_BYTES; i < start + SECTOR_BYTES; i++) {
        plain[i] ^= encrypted[i - BLOCK_BYTES];
      }
    }
    sectors.put(sectors.position(), plain);
  }

  /** All blocks at once, before they are chained. */
  private byte[] decryptBlocks(byte[] encrypted) {
    try {
      Cipher cipher = Cipher.getInstance("AES/ECB/NoPadding");
      cipher.init(Cipher.DECRYPT_MODE, key);
      return cipher.doFinal(encrypted);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every Java runtime has AES with keys of 128 bits", e);
    }
  }
}
