package io.github.qcow2.testkit.guard;

import io.github.qcow2.Qcow2Image;
import io.github.qcow2.testkit.build.BuiltImage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;

/** How a write is led into a cluster that is something else. */
enum Trap {
  /** The L2 entry of guest cluster 0 points there. */
  OVERWRITE("write -P 0x7e 0 512") {
    @Override
    BuiltImage set(BuiltImage image, long target) {
      return image.withU64(image.l2EntryOffset(0), COPIED | target);
    }

    @Override
    void spring(Qcow2Image image) throws IOException {
      image.write(bytes(512), 0);
    }
  },
  /** It is the only cluster whose refcount is 0, and a guest cluster needs one. */
  ALLOCATE("write -P 0x7e 512 512") {
    @Override
    void spring(Qcow2Image image) throws IOException {
      image.write(bytes(512), TrapImage.CLUSTER);
    }
  },
  /** So it is, and a compressed guest cluster needs one. */
  ALLOCATE_COMPRESSED("write -c -P 0x7e 512 512") {
    @Override
    void spring(Qcow2Image image) throws IOException {
      image.writeCompressed(bytes(512), TrapImage.CLUSTER);
    }
  },
  /** So it is, and an L2 table needs one. */
  NEW_L2_TABLE("write -P 0x7e 65536 512") {
    @Override
    void spring(Qcow2Image image) throws IOException {
      image.write(bytes(512), 128 * TrapImage.CLUSTER);
    }
  },
  /** So it is, and a longer L1 table needs one. */
  LONGER_L1_TABLE("truncate 1150976") {
    @Override
    void spring(Qcow2Image image) throws IOException {
      image.grow(TrapImage.DISK + (1 << 20));
    }
  };

  private static final long COPIED = 1L << 63;

  private final String command;

  Trap(String command) {
    this.command = command;
  }

  /** The command for qemu-io that does what {@link #spring} does. */
  String command() {
    return command;
  }

  /** Prepares the image. */
  BuiltImage set(BuiltImage image, long target) {
    return image.withRefcount(target, 0);
  }

  /** Writes. */
  abstract void spring(Qcow2Image image) throws IOException;

  private static ByteBuffer bytes(int length) {
    byte[] bytes = new byte[length];
    Arrays.fill(bytes, (byte) 0x7e);
    return ByteBuffer.wrap(bytes);
  }
}
