package io.github.qcow2.testkit.fault;

import static io.github.qcow2.testkit.fault.StorageCall.DISCARD;
import static io.github.qcow2.testkit.fault.StorageCall.READ;
import static io.github.qcow2.testkit.fault.StorageCall.SET_SIZE;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.testkit.model.DiskOperation;
import io.github.qcow2.testkit.oracle.CheckResult;
import io.github.qcow2.testkit.oracle.FindingKind.Severity;
import io.github.qcow2.testkit.oracle.SpecOracle;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * One run of a workload under one fault, with a model of what must hold beside it.
 *
 * <p>Whoever is hit throws an {@link IOException} and nothing else. What the image shows afterwards
 * is, per sector of the operation that failed, old or new, and elsewhere what was there. What is in
 * the file after the end is in order, and at least what was flushed.
 */
final class FaultRun {
  /** What came of it. */
  enum Outcome {
    /** The fault never came to pass. */
    NOT_HIT,
    /** It came to pass, and no operation needed what failed. */
    ABSORBED,
    /** Some operation failed; the end was clean. */
    CLEAN,
    /** Some operation failed; clusters have leaked. */
    LEAKED,
    /** Something was not as it must be. */
    WRONG
  }

  /** On a host that is gone for good, everything fails: some looks at what is left are enough. */
  private static final int LOOKS_AT_MOST = 3;

  private final FaultScene scene;
  private final FaultScene.Files files;
  private final Faults faults;
  private final Fault fault;
  private final SectorHistory model;
  private final byte[][] snapshots;

  /** Failed operations; closing counts as one. */
  private int failures;

  private boolean barrierFailed;
  private boolean closeFailed;
  private @Nullable DiskOperation current;

  FaultRun(FaultScene scene, byte[] content, byte[][] snapshots, Faults faults, Fault fault) {
    this.scene = scene;
    this.files = scene.new Files();
    this.faults = faults;
    this.fault = fault;
    this.snapshots = snapshots;
    this.model = new SectorHistory(content);
  }

  /** Runs everything and judges the end. */
  Outcome run() {
    try {
      runAll();
      return judge();
    } catch (IOException | RuntimeException | AssertionError e) {
      throw new AssertionError(scene + ", " + fault + ", at " + current + ": " + e, e);
    }
  }

  private void runAll() throws IOException {
    faults.plan(fault);
    Qcow2Image image = open();
    for (DiskOperation operation : scene.workload()) {
      current = operation;
      if (operation instanceof DiskOperation.Reopen) {
        close(image);
        image = open();
      } else if (end(operation) <= model.size()) {
        apply(image, operation);
      }
    }
    current = null;
    look(image);
    close(image);
  }

  /** Opens the image; if that fails it is tried again when the host works again. */
  private Qcow2Image open() throws IOException {
    long hits = faults.hits();
    try {
      return files.open(faults);
    } catch (IOException e) {
      failed(hits, e);
      faults.heal();
      model.adopt(FaultScene.content(files.oracle()));
      return files.open(faults);
    }
  }

  private void close(Qcow2Image image) throws IOException {
    long hits = faults.hits();
    boolean closed = false;
    try {
      image.close();
      closed = true;
    } catch (IOException e) {
      failed(hits, e);
      closeFailed = true;
    }
    if (closed && barrierFailed) {
      throw new AssertionError("closed as if no barrier had failed");
    }
    barrierFailed = false;
    byte[] found = FaultScene.content(files.oracle());
    if (closed) {
      model.assertHolds(found);
      model.flushed();
    } else {
      model.adopt(found);
    }
  }

  private void apply(Qcow2Image image, DiskOperation operation) throws IOException {
    long hits = faults.hits();
    long barriers = failedBarriers();
    boolean done = false;
    try {
      perform(image, operation);
      done = true;
    } catch (IOException e) {
      failed(hits, e);
    }
    barrierFailed |= failedBarriers() > barriers;
    if (done && barrierFailed && operation instanceof DiskOperation.Flush) {
      throw new AssertionError("flushed as if no barrier had failed");
    }
    note(image, operation, done);
    if (!done && failures <= LOOKS_AT_MOST) {
      look(image);
    }
  }

  private long failedBarriers() {
    return faults.hits(StorageCall.FORCE);
  }

  /** An operation may fail only where a fault has hit it, or where nothing can be written now. */
  private void failed(long hitsBefore, IOException e) {
    failures++;
    if (faults.hits() == hitsBefore && !barrierFailed && !fault.isForGood()) {
      throw new AssertionError("failed though nothing was wrong: " + e, e);
    }
  }

  private static void perform(Qcow2Image image, DiskOperation operation) throws IOException {
    if (operation instanceof DiskOperation.Write write) {
      image.write(ByteBuffer.wrap(write.bytes()), write.position());
    } else if (operation instanceof DiskOperation.WriteCompressed write) {
      image.writeCompressed(ByteBuffer.wrap(write.bytes()), write.position());
    } else if (operation instanceof DiskOperation.WriteZeroes zeroes) {
      image.writeZeroes(zeroes.position(), zeroes.length(), zeroes.mode());
    } else if (operation instanceof DiskOperation.Discard discard) {
      image.discard(discard.position(), discard.length());
    } else if (operation instanceof DiskOperation.Read read) {
      bytes(image, read.position(), read.length());
    } else if (operation instanceof DiskOperation.Grow grow) {
      image.grow(grow.size(), grow.preallocation());
    } else if (operation instanceof DiskOperation.Flush) {
      image.flush();
    } else {
      throw new AssertionError(operation);
    }
  }

  /** Where an operation ends; where the disk could not grow, some are beyond its end. */
  private static long end(DiskOperation operation) {
    return operation instanceof DiskOperation.Write write ? write.position() + write.length() : 0;
  }

  private void note(BlockDevice image, DiskOperation operation, boolean done) throws IOException {
    if (operation instanceof DiskOperation.Write write) {
      noteWrite(image, (int) write.position(), write.bytes(), done);
    } else if (operation instanceof DiskOperation.WriteCompressed write) {
      noteWrite(image, (int) write.position(), write.bytes(), done);
    } else if (operation instanceof DiskOperation.WriteZeroes zeroes) {
      noteWrite(image, (int) zeroes.position(), new byte[zeroes.length()], done);
    } else if (operation instanceof DiskOperation.Discard discard) {
      noteWrite(image, (int) discard.position(), new byte[discard.length()], false);
    } else if (done && operation instanceof DiskOperation.Grow grow) {
      model.grow((int) grow.size());
      model.flushed();
    } else if (done && operation instanceof DiskOperation.Flush) {
      model.flushed();
    }
  }

  private void noteWrite(BlockDevice image, int position, byte[] wanted, boolean done)
      throws IOException {
    if (done) {
      model.write(position, wanted);
      return;
    }
    faults.suspend();
    byte[] found = bytes(image, position, wanted.length);
    faults.resume();
    model.settle(position, wanted, found, scene.tearsSectors());
  }

  /** Whatever has failed, what the image shows is what it must be. */
  private void look(BlockDevice image) throws IOException {
    faults.suspend();
    model.assertHolds(bytes(image, 0, (int) image.size()));
    faults.resume();
  }

  private static byte[] bytes(BlockDevice image, long position, int length) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(length);
    image.read(buffer, position);
    return buffer.array();
  }

  private Outcome judge() throws IOException {
    SpecOracle oracle = files.oracle();
    CheckResult check = oracle.check();
    if (!check.isSafe() || check.count(Severity.STALE) > 0) {
      throw new AssertionError(check.toString());
    }
    if (!Arrays.deepEquals(FaultScene.snapshots(oracle), snapshots)) {
      throw new AssertionError("a snapshot has changed");
    }
    if (faults.hits() == 0) {
      return Outcome.NOT_HIT;
    }
    if (!check.isClean()) {
      if (!closeFailed && !fault.isForGood()) {
        throw new AssertionError("clusters were lost on the way: " + check);
      }
      return Outcome.LEAKED;
    }
    long harmless = faults.hits(READ) + faults.hits(SET_SIZE) + faults.hits(DISCARD);
    if (failures == 0 && faults.hits() > harmless) {
      throw new AssertionError("something was not written, and nobody was told");
    }
    return failures == 0 ? Outcome.ABSORBED : Outcome.CLEAN;
  }

  /** Whatever has happened, on a host that works the image is good for reading and writing. */
  void useOnceMore() {
    try {
      useOnWorkingHost();
    } catch (IOException | RuntimeException | AssertionError e) {
      throw new AssertionError(scene + ", " + fault + ", used once more: " + e, e);
    }
  }

  private void useOnWorkingHost() throws IOException {
    try (Qcow2Image image = files.open(new Faults())) {
      model.assertHolds(bytes(image, 0, (int) image.size()));
      byte[] patch = new byte[SectorHistory.SECTOR];
      Arrays.fill(patch, (byte) 0x6e);
      for (int i = 0; i < 4; i++) {
        int position = model.size() / 4 * i / SectorHistory.SECTOR * SectorHistory.SECTOR;
        image.write(ByteBuffer.wrap(patch), position);
        model.write(position, patch);
      }
    }
    SpecOracle oracle = files.oracle();
    model.assertHolds(FaultScene.content(oracle));
    CheckResult check = oracle.check();
    if (!check.isSafe()) {
      throw new AssertionError(check.toString());
    }
  }

  /** How many operations have failed. */
  int failures() {
    return failures;
  }
}
