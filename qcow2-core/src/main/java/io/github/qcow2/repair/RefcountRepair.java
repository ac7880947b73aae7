package io.github.qcow2.repair;

import io.github.qcow2.check.Finding;
import io.github.qcow2.check.ImageCheck;
import io.github.qcow2.check.Recount;
import io.github.qcow2.error.CorruptImageException;
import io.github.qcow2.error.LimitExceededException;
import io.github.qcow2.error.OperationCancelledException;
import io.github.qcow2.format.Geometry;
import io.github.qcow2.format.Header;
import io.github.qcow2.format.Limits;
import io.github.qcow2.metadata.ClusterKind;
import io.github.qcow2.metadata.HeaderFile;
import io.github.qcow2.metadata.TableReading;
import io.github.qcow2.metadata.TrackedFile;
import java.io.IOException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes the counts of an image right that was not closed (qcow2 spec, "incompatible features",
 * dirty bit), so that it can be written to.
 *
 * <pre>
 *   everything is read, everything that can be refused is refused
 *   ═══ barrier                    what was read is durable: who wrote it may have died before a
 *                                  barrier of his own
 *   new refcount blocks, and a new refcount table if the old one is too short
 *   ═══ barrier
 *   refcount table entries of the new blocks, or the 12 bytes of the header for the new table
 *   counts in old blocks and COPIED flags, in place
 *   ═══ barrier
 *   dirty bit off
 *   ═══ barrier
 * </pre>
 *
 * <p>Before, the dirty bit is set, and it stays so to the last line: a power cut in between leaves
 * an image that the next opening repairs in the same way. New blocks lie where no reference leads,
 * so nothing is overwritten that anybody can see, before or after.
 *
 * <p>Used by one thread while the image is being opened; nobody else has the file.
 */
public final class RefcountRepair {
  private static final Logger LOG = LoggerFactory.getLogger(RefcountRepair.class);

  private final String image;
  private final TrackedFile file;
  private final HeaderFile header;
  private final Limits limits;

  /**
   * Prepares the repair of one image.
   *
   * @param image what exceptions name
   * @param header with the dirty bit set
   */
  public RefcountRepair(String image, TrackedFile file, HeaderFile header, Limits limits) {
    this.image = image;
    this.file = file;
    this.header = header;
    this.limits = limits;
  }

  /**
   * Repairs the image. Until everything has been counted nothing is written.
   *
   * @throws CorruptImageException if more is wrong with it than counts; nothing has been written
   * @throws LimitExceededException if counting its references goes beyond a limit; nothing has been
   *     written
   * @throws OperationCancelledException if the thread was interrupted while it counted; nothing has
   *     been written
   */
  public void run() throws IOException {
    Recount recount = ImageCheck.of(file.storage()).limits(limits).recount();
    Finding obstacle = recount.obstacle();
    if (obstacle != null) {
      throw new CorruptImageException(
          image,
          obstacle.hostOffset(),
          "the image was not closed, and it is too broken to be repaired by counting its"
              + " references: "
              + obstacle.message());
    }
    Geometry geometry = header.header().geometry();
    TableReading reading = new TableReading(file);
    long[] table = new long[header.header().refcountTableEntries()];
    reading.read(header.header().refcountTableOffset(), table);
    RepairPlan plan = RepairPlan.of(image, recount, table, limits);

    file.distrust();
    file.barrier();
    // What only features unknown to us know of has no references, and may be overwritten.
    header.clearUnknownAutoclear();
    CountWriter counts = new CountWriter(file, plan, reading, geometry);
    counts.writeNewBlocks();
    if (plan.movesTable()) {
      file.writeWords(plan.table(), plan.tableOffset(), ClusterKind.REFCOUNT_TABLE);
      header.change(
          header.header().withRefcountTable(plan.tableOffset(), plan.tableClusters()),
          Header.REFCOUNT_TABLE_FIELDS_OFFSET,
          Header.REFCOUNT_TABLE_FIELDS_LENGTH);
    } else {
      file.barrier();
      ChangedSectors.write(
          file, plan.oldTable(), plan.table(), plan.tableOffset(), ClusterKind.REFCOUNT_TABLE);
    }
    counts.correctOldBlocks();
    CopiedFlags flags = new CopiedFlags(file, recount, reading);
    flags.correct();
    header.markDirty(false);
    LOG.info(
        "{}: was not closed; repaired: {} reference counts raised, {} lowered, {} refcount blocks"
            + " made, {} COPIED flags corrected",
        image,
        counts.raised(),
        counts.lowered(),
        plan.blocks(),
        flags.corrected());
  }
}
