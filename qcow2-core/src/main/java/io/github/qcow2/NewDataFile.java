package io.github.qcow2;

import io.github.qcow2.error.Qcow2Exception;
import io.github.qcow2.error.UnsupportedFeatureException;
import io.github.qcow2.metadata.ClusterKind;
import io.github.qcow2.metadata.TrackedFile;
import io.github.qcow2.storage.FileStorage;
import io.github.qcow2.storage.Storage;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * The external data file of an image that is being created (qcow2 spec, "Header extension: External
 * data file name"): a new one, or one that exists and whose content the disk is to show.
 *
 * <p>Used before the image has a header. Afterwards the file is as long as the disk, and durable.
 *
 * @param image what messages call the image
 * @param size of the disk in bytes
 * @param overwrites whether a file that exists may lose what it holds
 * @param adopts whether it is to keep it instead, and has to exist
 * @param isMapped whether all of it is mapped from the beginning, so that whatever a block device
 *     holds would be on the disk
 */
record NewDataFile(
    String image,
    long size,
    Preallocation preallocation,
    ImageOptions options,
    boolean overwrites,
    boolean adopts,
    boolean isMapped) {

  /**
   * Makes the file, or makes an existing one long enough.
   *
   * @param answer of the policy about the name of the data file
   * @return its path if it did not exist before, else null
   */
  @Nullable Path make(ReferencePolicy.Answer answer) throws IOException {
    if (answer instanceof ReferencePolicy.Answer.UseStorage use) {
      if (!adopts) {
        empty(use.storage());
      }
      fill(use.storage());
      return null;
    }
    if (!(answer instanceof ReferencePolicy.Answer.OpenFile file)) {
      throw new UnsupportedFeatureException(
          image, Qcow2Exception.NO_OFFSET, "a device cannot serve as data file");
    }
    Path path = file.path();
    if (adopts) {
      try (Storage data = FileStorage.openWritable(path, options.locking)) {
        fill(data);
      }
      return null;
    }
    boolean existed = Files.exists(path);
    if (!existed || !overwrites) {
      FileStorage.createNew(path, options.locking).close();
    }
    makeFile(path, existed);
    return existed ? null : path;
  }

  private void makeFile(Path path, boolean existed) throws IOException {
    boolean made = false;
    try {
      try (Storage data = FileStorage.create(path, options.locking)) {
        fill(data);
      }
      made = true;
    } finally {
      if (!made && !existed) {
        Files.deleteIfExists(path);
      }
    }
  }

  private void empty(Storage data) throws IOException {
    if (data.size() != 0) {
      if (!overwrites) {
        throw new FileAlreadyExistsException(data.name(), null, "the storage is not empty");
      }
      data.setSize(0);
    }
  }

  private void fill(Storage data) throws IOException {
    long before = data.size();
    if (adopts && before > size) {
      throw new UnsupportedFeatureException(
          image,
          Qcow2Exception.NO_OFFSET,
          "the data file has "
              + before
              + " bytes, of which the disk would hide all behind "
              + size);
    }
    TrackedFile file = new TrackedFile(data, options.durability.hasBarriers());
    if (before > 0 && isMapped && !adopts) {
      boolean mayUnmap = preallocation == Preallocation.OFF;
      file.writeZeroes(0, Math.min(before, size), mayUnmap, ClusterKind.DATA);
    }
    if (preallocation == Preallocation.FULL) {
      preallocation.prepare(file, before, size - before);
    } else {
      preallocation.prepare(file, 0, size);
    }
    file.barrier();
  }
}
