package io.github.qcow2.crypto;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.GeneralSecurityException;
import java.util.Random;
import javax.crypto.Cipher;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;
import org.junit.jupiter.api.Test;

/** Against the JDK's own chaining of blocks. */
final class AesSectorsTest {
  @Test
  void eachSectorIsChainedFromItsNumberInTheDisk() throws GeneralSecurityException {
    byte[] plain = new byte[5 * 512];
    new Random(1).nextBytes(plain);
    long first = 0x1_2345_6789_abL;
    byte[] key = "0123456789abcdef".getBytes(US_ASCII);
    ByteBuffer buffer = ByteBuffer.allocateDirect(7 * 512);
    buffer.position(512);
    for (int i = 0; i < 5; i++) {
      buffer.put(encrypted(plain, i * 512, key, first + i));
    }
    buffer.position(512).limit(6 * 512);

    new AesSectors(key).decrypt(buffer, first);

    byte[] decrypted = new byte[plain.length];
    buffer.get(decrypted);
    assertThat(decrypted).isEqualTo(plain);
  }

  @Test
  void aShortPassphraseIsFilledUpWithZeros() throws GeneralSecurityException {
    byte[] plain = new byte[512];
    byte[] key = new byte[16];
    key[0] = 'a';
    ByteBuffer buffer = ByteBuffer.wrap(encrypted(plain, 0, key, 9));
    new AesSectors(new byte[] {'a'}).decrypt(buffer, 9);
    assertThat(buffer.array()).isEqualTo(plain);
  }

  @Test
  void onlyWholeSectorsAreDecrypted() {
    AesSectors sectors = new AesSectors(new byte[0]);
    ByteBuffer buffer = ByteBuffer.allocate(513);
    assertThatThrownBy(() -> sectors.decrypt(buffer, 0))
        .isInstanceOf(IllegalArgumentException.class);
  }

  private static byte[] encrypted(byte[] plain, int start, byte[] key, long sector)
      throws GeneralSecurityException {
    byte[] vector =
        ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN).putLong(0, sector).array();
    Cipher cipher = Cipher.getInstance("AES/CBC/NoPadding");
    cipher.init(Cipher.ENCRYPT_MODE, new SecretKeySpec(key, "AES"), new IvParameterSpec(vector));
    return cipher.doFinal(plain, start, 512);
  }
}
