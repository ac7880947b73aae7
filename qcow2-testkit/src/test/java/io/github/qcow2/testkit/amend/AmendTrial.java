package io.github.qcow2.testkit.amend;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.ImageAmender;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.storage.HeapStorage;
import io.github.qcow2.testkit.oracle.ByteSource;
import io.github.qcow2.testkit.oracle.HeaderFields;
import io.github.qcow2.testkit.oracle.SpecOracle;
import io.github.qcow2.testkit.powercut.CrashBounds;
import io.github.qcow2.testkit.powercut.CrashStates;
import io.github.qcow2.testkit.powercut.PowerCutLog;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Amends an image, and amends it again with the power cut at every moment. In each state the image
 * must be sound, without leaks if the change promises that, hold what it held, and be one of the
 * images that the change goes through; amending what is left must then complete the change.
 */
final class AmendTrial {
  /** What leads around the old extensions while there are two lists of them. */
  static final int PADDING = 0x71706164;

  private final byte[] image;
  private final byte @Nullable [] backing;
  private final Consumer<ImageAmender> values;
  private final List<byte[]> contents;
  private boolean mayLeak;
  private CrashBounds bounds = CrashBounds.FULL;

  AmendTrial(byte[] image, Consumer<ImageAmender> values) throws IOException {
    this(image, null, values);
  }

  AmendTrial(byte[] image, byte @Nullable [] backing, Consumer<ImageAmender> values)
      throws IOException {
    this.image = image.clone();
    this.backing = backing;
    this.values = values;
    this.contents = contents(image);
  }

  /** Permits clusters to leak at a power cut; amending again does not find them. */
  AmendTrial mayLeak() {
    mayLeak = true;
    return this;
  }

  AmendTrial bounds(CrashBounds number) {
    bounds = number;
    return this;
  }

  /** The image after the change, which is sound and holds what it held. */
  byte[] amended() throws IOException {
    byte[] after = amended(image);
    assertSound(after, false);
    return after;
  }

  private byte[] amended(byte[] before) throws IOException {
    HeapStorage storage = HeapStorage.copyOf("image", before);
    ImageAmender amender = Qcow2Image.amend(storage);
    values.accept(amender);
    amender.run();
    return storage.toByteArray();
  }

  /**
   * Cuts the power at every moment.
   *
   * @return how many states there were
   */
  long cutPower() throws IOException {
    PowerCutLog log = new PowerCutLog();
    ImageAmender amender = Qcow2Image.amend(log.storage("image", image));
    values.accept(amender);
    amender.run();
    String wanted = describe(amended(image));
    boolean[] seen = new boolean[2];
    long states =
        CrashStates.of(log)
            .bounds(bounds)
            .forEach(
                state -> {
                  byte[] left = state.toByteArray(0);
                  try {
                    assertSound(left, mayLeak);
                    boolean done = describe(left).equals(wanted);
                    seen[done ? 1 : 0] = true;
                    byte[] again = amended(left);
                    assertSound(again, mayLeak);
                    assertThat(describe(again)).isEqualTo(wanted);
                  } catch (IOException | RuntimeException | AssertionError e) {
                    throw new AssertionError("at " + state, e);
                  }
                });
    assertThat(seen).containsExactly(true, true);
    return states;
  }

  private void assertSound(byte[] bytes, boolean leaksAllowed) throws IOException {
    SpecOracle oracle = SpecOracle.of(bytes);
    if (leaksAllowed) {
      assertThat(oracle.check().isSafe()).as(oracle.check().toString()).isTrue();
    } else {
      assertThat(oracle.check().findings()).isEmpty();
    }
    List<byte[]> now = contents(bytes);
    assertThat(now).hasSameSizeAs(contents);
    for (int i = 0; i < now.size(); i++) {
      assertThat(Arrays.mismatch(now.get(i), contents.get(i))).as("content %d", i).isEqualTo(-1);
    }
  }

  /** What an amendment can change: the header, but for places. */
  private static String describe(byte[] image) throws IOException {
    HeaderFields header = SpecOracle.of(image).header();
    StringBuilder text = new StringBuilder();
    for (HeaderFields.Extension extension : header.extensions()) {
      if (extension.type() != PADDING) {
        int from = (int) extension.offset();
        text.append(String.format(" %x:", extension.type()))
            .append(Arrays.toString(Arrays.copyOfRange(image, from, from + extension.length())));
      }
    }
    return String.format(
        "version %d, order %d, incompatible %x, compatible %x, autoclear %x, size %d, backing %s,%s",
        header.version(),
        header.refcountOrder(),
        header.incompatible(),
        header.compatible(),
        header.autoclear(),
        header.size(),
        header.backingName(),
        text);
  }

  /** What the disk holds, and after it each snapshot. */
  private List<byte[]> contents(byte[] image) throws IOException {
    SpecOracle oracle = SpecOracle.of(image);
    if (backing != null) {
      oracle = oracle.withBacking(ByteSource.of(backing));
    }
    List<byte[]> contents = new ArrayList<>();
    contents.add(all(oracle.content()));
    for (int i = 0; i < oracle.header().snapshotCount(); i++) {
      contents.add(all(oracle.snapshotContent(i)));
    }
    return contents;
  }

  private static byte[] all(ByteSource source) throws IOException {
    byte[] bytes = new byte[Math.toIntExact(source.size())];
    source.read(0, bytes, 0, bytes.length);
    return bytes;
  }
}
