package io.github.qcow2.testkit.generate;

import io.github.qcow2.testkit.model.DiskOperation;
import java.util.List;

/**
 * A disk and what is done to it.
 *
 * @param shape of the image
 * @param backingSeed of the content of the backing disk, if there is one: {@link
 *     io.github.qcow2.testkit.model.Content} says which bytes those are
 * @param operations in order, all inside the disk
 */
public record DiskHistory(ImageShape shape, long backingSeed, List<DiskOperation> operations) {
  /** Keeps its own copy of the operations. */
  public DiskHistory {
    operations = List.copyOf(operations);
  }

  @Override
  public String toString() {
    StringBuilder text = new StringBuilder(shape.toString());
    if (shape.backing() != ImageShape.Backing.NONE) {
      text.append(", backing seed ").append(backingSeed);
    }
    for (DiskOperation operation : operations) {
      text.append("\n  ").append(operation);
    }
    return text.toString();
  }
}
