package io.github.qcow2.testkit.powercut;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.Extent;
import io.github.qcow2.Preallocation;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.ZeroMode;
import io.github.qcow2.testkit.model.DiskOperation;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * An image whose guest's changes and flushes are written into a {@link GuestJournal}. Owns the
 * image.
 *
 * <p>Thread-safe as the image is, with two conditions for several threads: what they write at once
 * are whole sectors, and the device was told that it is {@linkplain #shared shared}.
 */
public final class JournaledDevice extends BlockDevice {
  private static final int SECTOR = Digests.SECTOR;

  private final Qcow2Image image;
  private final GuestJournal journal;
  private final PowerCutLog log;
  private volatile boolean shared;

  /**
   * Begins to keep the journal.
   *
   * @param image what is changed
   * @param journal what takes the changes down
   * @param log whose time the journal uses
   */
  public JournaledDevice(Qcow2Image image, GuestJournal journal, PowerCutLog log) {
    super(image.name(), image.isReadOnly());
    this.image = image;
    this.journal = journal;
    this.log = log;
  }

  /**
   * Says that several threads use the device. What a discard has done is then not looked up by
   * reading, so that more is allowed after it: zeros as well as the old bytes.
   */
  public JournaledDevice shared() {
    shared = true;
    return this;
  }

  /** Something that the image does. */
  @FunctionalInterface
  private interface Action {
    void run() throws IOException;
  }

  /** Does one thing; a {@link DiskOperation.Reopen} is for the owner of the files to do. */
  public void apply(DiskOperation operation) throws IOException {
    if (operation instanceof DiskOperation.Write write) {
      write(ByteBuffer.wrap(write.bytes()), write.position());
    } else if (operation instanceof DiskOperation.WriteCompressed write) {
      writeCompressed(ByteBuffer.wrap(write.bytes()), write.position());
    } else if (operation instanceof DiskOperation.WriteZeroes zeroes) {
      writeZeroes(zeroes.position(), zeroes.length(), zeroes.mode());
    } else if (operation instanceof DiskOperation.Discard discard) {
      discard(discard.position(), discard.length());
    } else if (operation instanceof DiskOperation.Read read) {
      read(ByteBuffer.allocate(read.length()), read.position());
    } else if (operation instanceof DiskOperation.Flush) {
      flush();
    } else if (operation instanceof DiskOperation.Grow grow) {
      grow(grow.size(), grow.preallocation());
    } else if (operation instanceof DiskOperation.Shrink shrink) {
      shrink(shrink.size());
    } else {
      throw new IllegalArgumentException(operation + " is not the device's to do");
    }
  }

  /** See {@link Qcow2Image#grow(long, Preallocation)}. */
  public void grow(long newSize, Preallocation preallocation) throws IOException {
    long begun = log.now();
    image.grow(newSize, preallocation);
    journal.resized(newSize, begun);
  }

  /** See {@link Qcow2Image#shrink}. */
  public void shrink(long newSize) throws IOException {
    long begun = log.now();
    GuestJournal.Change change = journal.cutting(newSize, image.size() - newSize);
    run(change, () -> image.shrink(newSize));
    journal.resized(newSize, begun);
  }

  @Override
  public long size() {
    return image.size();
  }

  @Override
  protected void readHook(ByteBuffer destination, long position) throws IOException {
    image.read(destination, position);
  }

  @Override
  protected void writeHook(ByteBuffer source, long position) throws IOException {
    GuestJournal.Change change = journal.writing(position & -SECTOR, whole(source, position));
    run(change, () -> image.write(source, position));
  }

  @Override
  protected void writeCompressedHook(ByteBuffer source, long position) throws IOException {
    GuestJournal.Change change = journal.writing(position & -SECTOR, whole(source, position));
    run(change, () -> image.writeCompressed(source, position));
  }

  @Override
  protected void writeZeroesHook(long position, long length, ZeroMode mode) throws IOException {
    GuestJournal.Change change;
    if (position % SECTOR == 0 && (position + length) % SECTOR == 0) {
      change = journal.zeroing(position, length);
    } else {
      ByteBuffer zeroes = ByteBuffer.allocate(Math.toIntExact(length));
      change = journal.writing(position & -SECTOR, whole(zeroes, position));
    }
    run(change, () -> image.writeZeroes(position, length, mode));
  }

  @Override
  protected void discardHook(long position, long length) throws IOException {
    long from = (position + SECTOR - 1) & -SECTOR;
    long to = (position + length) & -SECTOR;
    if (from >= to) {
      image.discard(position, length);
      return;
    }
    // Sector by sector, since some may be given back and others not.
    List<GuestJournal.Change> changes = new ArrayList<>();
    for (long at = from; at < to; at += SECTOR) {
      changes.add(journal.discarding(at, SECTOR));
    }
    image.discard(position, length);
    changes.forEach(GuestJournal.Change::done);
    if (!shared) {
      byte[] after = content(from, Math.toIntExact(to - from));
      for (int i = 0; i < changes.size(); i++) {
        if (GuestJournal.isZero(after, i * SECTOR)) {
          changes.get(i).certain();
        }
      }
    }
  }

  @Override
  protected void flushHook() throws IOException {
    long begun = log.now();
    image.flush();
    journal.flushed(begun);
  }

  @Override
  protected Extent extentHook(long position, long length) throws IOException {
    return Objects.requireNonNull(image.extents(position, length).next());
  }

  @Override
  protected void closeHook() throws IOException {
    long begun = log.now();
    image.close();
    journal.flushed(begun);
  }

  private static void run(GuestJournal.Change change, Action action) throws IOException {
    boolean done = false;
    try {
      action.run();
      done = true;
    } finally {
      if (done) {
        change.done();
      } else {
        change.failed();
      }
    }
  }

  /** Whole sectors as they will be after a write: what it leaves of the first and last is read. */
  private byte[] whole(ByteBuffer source, long position) throws IOException {
    long from = position & -SECTOR;
    long end = position + source.remaining();
    byte[] bytes = new byte[Math.toIntExact(((end + SECTOR - 1) & -SECTOR) - from)];
    if (from < position) {
      System.arraycopy(content(from, SECTOR), 0, bytes, 0, SECTOR);
    }
    if (end % SECTOR != 0) {
      System.arraycopy(content(end & -SECTOR, SECTOR), 0, bytes, bytes.length - SECTOR, SECTOR);
    }
    source.duplicate().get(bytes, (int) (position - from), source.remaining());
    return bytes;
  }

  private byte[] content(long position, int length) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(length);
    image.read(bytes, position);
    return bytes.array();
  }
}
