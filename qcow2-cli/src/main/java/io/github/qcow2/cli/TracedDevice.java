package io.github.qcow2.cli;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.Extent;
import io.github.qcow2.HostCopy;
import io.github.qcow2.ZeroMode;
import java.io.IOException;
import java.io.Serial;
import java.nio.ByteBuffer;

/**
 * Passes everything on to another device, and remembers of each failure what was being done and
 * where: qemu-img reports the two, and its exit codes depend on the first. Closing it leaves the
 * other open.
 */
final class TracedDevice extends BlockDevice {
  private static final int SECTOR = 512;

  /** What a device was doing when it failed. */
  enum Activity {
    READING,
    WRITING,
    /** Finding out how bytes are stored. */
    MAPPING
  }

  /** A failure of the device. The cause is the failure as the device reported it. */
  static final class Failure extends IOException {
    @Serial private static final long serialVersionUID = 1L;

    private final String device;
    private final Activity activity;
    private final long position;
    private final IOException reported;

    Failure(String device, Activity activity, long position, IOException reported) {
      super(reported.getMessage(), reported);
      this.device = device;
      this.activity = activity;
      this.position = position;
      this.reported = reported;
    }

    /** Name of the device. */
    String device() {
      return device;
    }

    Activity activity() {
      return activity;
    }

    /** First guest byte of what failed. */
    long position() {
      return position;
    }

    /** What the device itself said. */
    IOException reported() {
      return reported;
    }
  }

  private interface Action {
    void run() throws IOException;
  }

  private final BlockDevice device;

  TracedDevice(BlockDevice device) {
    super(device.name(), device.isReadOnly());
    this.device = device;
  }

  @Override
  public long size() {
    return device.size();
  }

  @Override
  protected void readHook(ByteBuffer destination, long position) throws IOException {
    trace(Activity.READING, position, () -> device.read(destination, position));
  }

  @Override
  protected void writeHook(ByteBuffer source, long position) throws IOException {
    trace(Activity.WRITING, position, () -> device.write(source, position));
  }

  @Override
  protected void writeCompressedHook(ByteBuffer source, long position) throws IOException {
    trace(Activity.WRITING, position, () -> device.writeCompressed(source, position));
  }

  @Override
  protected void writeZeroesHook(long position, long length, ZeroMode mode) throws IOException {
    trace(Activity.WRITING, position, () -> device.writeZeroes(position, length, mode));
  }

  @Override
  protected void discardHook(long position, long length) throws IOException {
    trace(Activity.WRITING, position, () -> device.discard(position, length));
  }

  @Override
  protected boolean copyFromHook(BlockDevice source, long from, long position, long length)
      throws IOException {
    try {
      return device.copyFrom(source, from, position, length);
    } catch (IOException e) {
      throw new Failure(name(), Activity.WRITING, position, e);
    }
  }

  @Override
  protected boolean copyToHook(HostCopy copy, long position, long length) throws IOException {
    return device.copyTo(copy, position, length);
  }

  @Override
  protected void flushHook() throws IOException {
    device.flush();
  }

  @Override
  protected Extent extentHook(long position, long length) throws IOException {
    // Looking for the end of an extent means looking at what follows, which may be what fails.
    for (long bytes = length; ; bytes = Math.max(SECTOR, bytes / 2)) {
      try {
        return ExtentShift.first(device, position, bytes, 0);
      } catch (IOException e) {
        if (bytes <= SECTOR) {
          throw new Failure(name(), Activity.MAPPING, position, e);
        }
      }
    }
  }

  @Override
  protected void closeHook() {}

  private void trace(Activity activity, long position, Action action) throws IOException {
    try {
      action.run();
    } catch (IOException e) {
      throw new Failure(name(), activity, position, e);
    }
  }
}
