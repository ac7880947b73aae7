package io.github.qcow2.testkit.model;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.Qcow2Image;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;

/**
 * Does the same to a device and to its model, and compares whatever is read. Not thread-safe.
 *
 * <p>Owns the device; {@link #close()} closes it.
 */
public final class SideBySide implements AutoCloseable {
  /**
   * Opens the device under test, for the first time and after each {@link DiskOperation.Reopen}.
   */
  @FunctionalInterface
  public interface Opener {
    /** The device, with everything in it that was there when it was last closed. */
    BlockDevice open() throws IOException;
  }

  private static final int CHUNK = 1 << 20;

  /** Up to this size, comparing everything means every byte. */
  private static final long SMALL = 32L << 20;

  private final ReferenceDisk model;
  private final Opener opener;
  private BlockDevice device;

  /**
   * Opens the device.
   *
   * @param model what the device holds at first
   * @throws AssertionError if the device is not as large as the model
   */
  public SideBySide(ReferenceDisk model, Opener opener) throws IOException {
    this.model = model;
    this.opener = opener;
    this.device = opener.open();
    checkSize();
  }

  /** The device as it is open now. */
  public BlockDevice device() {
    return device;
  }

  /** What the device must hold. */
  public ReferenceDisk model() {
    return model;
  }

  /**
   * Does one thing to both.
   *
   * @throws AssertionError if the device returned bytes that the model does not allow
   */
  public void apply(DiskOperation operation) throws IOException {
    if (operation instanceof DiskOperation.Write write) {
      byte[] bytes = write.bytes();
      device.write(ByteBuffer.wrap(bytes), write.position());
      model.write(write.position(), bytes);
    } else if (operation instanceof DiskOperation.WriteCompressed write) {
      byte[] bytes = write.bytes();
      if (device instanceof Qcow2Image image && !image.header().hasDataFile()) {
        image.writeCompressed(ByteBuffer.wrap(bytes), write.position());
      } else {
        device.write(ByteBuffer.wrap(bytes), write.position());
      }
      model.write(write.position(), bytes);
    } else if (operation instanceof DiskOperation.WriteZeroes zeroes) {
      device.writeZeroes(zeroes.position(), zeroes.length(), zeroes.mode());
      model.writeZeroes(zeroes.position(), zeroes.length());
    } else if (operation instanceof DiskOperation.Discard discard) {
      device.discard(discard.position(), discard.length());
      model.discard(discard.position(), discard.length());
    } else if (operation instanceof DiskOperation.Read read) {
      compare(read.position(), read.length());
    } else if (operation instanceof DiskOperation.Grow grow) {
      if (device instanceof Qcow2Image image) {
        image.grow(grow.size(), grow.preallocation());
        model.grow(grow.size());
      }
    } else if (operation instanceof DiskOperation.Shrink shrink) {
      if (device instanceof Qcow2Image image) {
        image.shrink(shrink.size());
        model.shrink(shrink.size());
      }
    } else if (operation instanceof DiskOperation.Flush) {
      device.flush();
    } else {
      reopen();
    }
  }

  /** Does one thing after the other, then {@link #compareAll()}. */
  public void applyAll(List<DiskOperation> operations) throws IOException {
    for (DiskOperation operation : operations) {
      apply(operation);
    }
    compareAll();
  }

  /**
   * Compares a range.
   *
   * @throws AssertionError if the device returned bytes that the model does not allow
   */
  public void compare(long position, int length) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(length);
    device.read(buffer, position);
    Optional<Mismatch> mismatch = model.observe(position, buffer.array());
    if (mismatch.isPresent()) {
      throw new AssertionError(device + ": " + mismatch.get());
    }
  }

  /**
   * Compares every byte of a disk of up to 32 MiB; of a larger one the first and the last bytes and
   * all places that were ever written to, with what is around them.
   *
   * @throws AssertionError if the device returned bytes that the model does not allow
   */
  public void compareAll() throws IOException {
    checkSize();
    if (model.size() <= SMALL) {
      for (long position = 0; position < model.size(); position += CHUNK) {
        compareClipped(position, CHUNK);
      }
      return;
    }
    int page = ReferenceDisk.pageSize();
    compareClipped(0, page);
    compareClipped(model.size() - page, page);
    for (long start : model.populatedPages()) {
      compareClipped(start - page, 3 * page);
    }
  }

  /** Closes the device and opens it again. */
  private void reopen() throws IOException {
    device.close();
    device = opener.open();
    checkSize();
  }

  private void compareClipped(long position, int length) throws IOException {
    long from = Math.max(0, position);
    long to = Math.min(model.size(), position + length);
    compare(from, (int) (to - from));
  }

  private void checkSize() {
    if (device.size() != model.size()) {
      throw new AssertionError(
          device + " has " + device.size() + " bytes, the model has " + model.size());
    }
  }

  @Override
  public void close() throws IOException {
    device.close();
  }
}
