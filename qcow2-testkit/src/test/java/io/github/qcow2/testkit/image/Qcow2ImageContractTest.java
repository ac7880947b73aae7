package io.github.qcow2.testkit.image;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.ImageCreator;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.RawImage;
import io.github.qcow2.ReferencePolicy;
import io.github.qcow2.storage.HeapStorage;
import io.github.qcow2.testkit.contract.BlockDeviceContract;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.IdentityHashMap;
import java.util.Optional;
import org.junit.jupiter.api.Nested;

/** Images of several shapes keep the contract of every block device. */
final class Qcow2ImageContractTest {
  @Nested
  final class Default extends Contract {
    @Override
    ImageCreator shape(ImageCreator creator) {
      return creator;
    }
  }

  @Nested
  final class SmallestClustersAndWidestRefcounts extends Contract {
    @Override
    ImageCreator shape(ImageCreator creator) {
      return creator.clusterSize(512).refcountBits(64);
    }
  }

  @Nested
  final class Version2 extends Contract {
    @Override
    ImageCreator shape(ImageCreator creator) {
      return creator.version(2).clusterSize(4096);
    }
  }

  @Nested
  final class Subclusters extends Contract {
    @Override
    ImageCreator shape(ImageCreator creator) {
      return creator.extendedL2(true).clusterSize(16 << 10).refcountBits(1);
    }
  }

  @Nested
  final class Overlay extends Contract {
    @Override
    ImageCreator shape(ImageCreator creator) {
      return creator.clusterSize(4096).backing("base", "raw");
    }
  }

  abstract static class Contract extends BlockDeviceContract {
    private final IdentityHashMap<BlockDevice, HeapStorage> storages = new IdentityHashMap<>();

    abstract ImageCreator shape(ImageCreator creator);

    private static ReferencePolicy policy() throws IOException {
      HeapStorage zeroes = new HeapStorage("base");
      zeroes.setSize(300_032);
      return ReferencePolicy.explicit(RawImage.over(zeroes));
    }

    @Override
    protected BlockDevice create(long size) throws IOException {
      HeapStorage storage = new HeapStorage("image");
      Qcow2Image image = shape(Qcow2Image.create(storage, size)).references(policy()).build();
      storages.put(image, storage);
      return image;
    }

    @Override
    protected Optional<BlockDevice> createReadOnly(byte[] content) throws IOException {
      HeapStorage storage = new HeapStorage("image");
      try (Qcow2Image image =
          shape(Qcow2Image.create(storage, content.length)).references(policy()).build()) {
        image.write(ByteBuffer.wrap(content), 0);
      }
      HeapStorage copy = HeapStorage.copyOf("image", storage.toByteArray());
      return Optional.of(Qcow2Image.open(copy).references(policy()).build());
    }

    @Override
    protected Optional<BlockDevice> reopen(BlockDevice closed) throws IOException {
      byte[] bytes = storages.get(closed).toByteArray();
      HeapStorage storage = HeapStorage.copyOf("image", bytes);
      Qcow2Image image = Qcow2Image.open(storage).writable().references(policy()).build();
      storages.put(image, storage);
      return Optional.of(image);
    }
  }
}
