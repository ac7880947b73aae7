package io.github.qcow2.testkit.operation;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.check.ImageCheck;
import io.github.qcow2.check.Recount;
import io.github.qcow2.format.Geometry;
import io.github.qcow2.format.RefcountWidth;
import io.github.qcow2.testkit.qemu.QemuTools;
import io.github.qcow2.testkit.qemu.RequiresQemu;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What is counted in an image that qemu has closed is what qemu has counted. */
@RequiresQemu
final class RecountInteropTest {
  @TempDir Path directory;

  static List<QemuMadeImage> images() {
    return QemuMadeImage.all();
  }

  @ParameterizedTest
  @MethodSource("images")
  void everyReferenceThatQemuCountsIsCounted(QemuMadeImage made) throws IOException {
    Path image = made.make(QemuTools.required(), directory);
    Recount recount = ImageCheck.of(image).recount();
    assertThat(recount.obstacle()).isNull();
    ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(image));
    Geometry geometry = recount.header().geometry();
    RefcountWidth width = RefcountWidth.of(geometry.refcountOrder());
    long end = geometry.clustersFor(bytes.limit());
    for (long cluster = 0; cluster < end; cluster++) {
      long table = recount.header().refcountTableOffset();
      int block = (int) bytes.getLong((int) (table + 8 * geometry.refcountTableIndex(cluster)));
      long stored = 0;
      if (block != 0) {
        int index = geometry.refcountBlockIndex(cluster);
        int word = index / width.entriesPerWord();
        long[] words = {bytes.getLong(block + 8 * word)};
        stored = width.get(words, index % width.entriesPerWord());
      }
      assertThat(recount.references(cluster)).as("cluster " + cluster).isEqualTo(stored);
    }
  }
}
