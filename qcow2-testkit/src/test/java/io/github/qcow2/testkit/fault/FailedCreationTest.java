package io.github.qcow2.testkit.fault;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.common.jimfs.Configuration;
import com.google.common.jimfs.Jimfs;
import io.github.qcow2.ImageCreator;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.ReferencePolicy;
import io.github.qcow2.storage.HeapStorage;
import java.io.IOException;
import java.nio.file.FileSystem;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An image that cannot be created leaves no file behind. */
final class FailedCreationTest {
  private static final int BLOCK = 512;
  private static final int SIZE = 64 << 10;

  @TempDir Path directory;

  private static ImageCreator creator(Path image) {
    return Qcow2Image.create(image, SIZE).clusterSize(512);
  }

  private static List<Path> files(Path directory) throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.toList();
    }
  }

  /** Creates an image on ever larger file systems, until there is room enough. */
  private static int attempts(boolean withDataFile) throws IOException {
    for (int blocks = 1; ; blocks++) {
      Configuration configuration =
          Configuration.unix().toBuilder()
              .setBlockSize(BLOCK)
              .setMaxSize((long) blocks * BLOCK)
              .setWorkingDirectory("/work")
              .build();
      try (FileSystem system = Jimfs.newFileSystem(configuration)) {
        Path place = system.getPath("/work");
        ImageCreator creator = creator(place.resolve("image"));
        if (withDataFile) {
          creator.dataFile("data", true).references(ReferencePolicy.allowAll());
        }
        boolean done = false;
        try {
          creator.build().close();
          done = true;
        } catch (IOException e) {
          assertThat(files(place)).as("%d blocks: %s", blocks, e).isEmpty();
        }
        if (done) {
          return blocks;
        }
      }
    }
  }

  @Test
  void imageThatDoesNotFitTheFileSystemLeavesNothing() throws IOException {
    assertThat(attempts(false)).isGreaterThan(3);
  }

  @Test
  void dataFileThatDoesNotFitTheFileSystemLeavesNothing() throws IOException {
    assertThat(attempts(true)).isGreaterThan(SIZE / BLOCK);
  }

  @Test
  void faultInADataFileLeavesNoImage() throws IOException {
    int failed = 0;
    boolean hit = true;
    for (int number = 1; hit; number++) {
      FaultyStorage data = new FaultyStorage(new HeapStorage("data"));
      data.faults().plan(Fault.at(number));
      Path path = directory.resolve("image" + number);
      ImageCreator creator =
          creator(path)
              .dataFile("data", true)
              .references(reference -> new ReferencePolicy.Answer.UseStorage(data));
      boolean built = false;
      try (Qcow2Image image = creator.build()) {
        built = image.size() == SIZE;
      } catch (IOException e) {
        failed++;
      }
      hit = data.faults().hits() > 0;
      assertThat(Files.exists(path)).isEqualTo(built);
    }
    assertThat(failed).isGreaterThan(1);
  }

  /** A storage is its owner's: it is closed by nobody else, whatever is in it. */
  @Test
  void storageInWhichNoImageCouldBeMadeStaysOpen() throws IOException {
    Faults clean = new Faults();
    Qcow2Image.create(new FaultyStorage(new HeapStorage("image"), clean), SIZE).build().close();
    int failed = 0;
    for (int k = 1; k <= clean.calls(); k++) {
      HeapStorage storage = new HeapStorage("image");
      FaultyStorage faulty = new FaultyStorage(storage);
      faulty.faults().plan(Fault.at(k));
      boolean built = false;
      try (Qcow2Image image = Qcow2Image.create(faulty, SIZE).build()) {
        built = image.size() == SIZE;
      } catch (IOException e) {
        failed++;
      }
      if (!built) {
        faulty.setSize(0);
        Qcow2Image.create(faulty, SIZE).build().close();
      }
    }
    assertThat(failed).isGreaterThan(5);
  }
}
