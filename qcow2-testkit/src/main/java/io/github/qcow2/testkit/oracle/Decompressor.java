package io.github.qcow2.testkit.oracle;

import java.io.IOException;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/** Undoes the compression of one cluster. */
@FunctionalInterface
public interface Decompressor {
  /** Raw deflate streams, which is compression type 0. */
  Decompressor DEFLATE =
      (data, cluster) -> {
        Inflater inflater = new Inflater(true);
        try {
          inflater.setInput(data);
          int done = 0;
          while (done < cluster.length) {
            int count = inflater.inflate(cluster, done, cluster.length - done);
            if (count == 0) {
              throw new IOException("compressed data ends after " + done + " bytes");
            }
            done += count;
          }
        } catch (DataFormatException e) {
          throw new IOException("not a deflate stream", e);
        } finally {
          inflater.end();
        }
      };

  /**
   * Fills {@code cluster}.
   *
   * @param data the compressed bytes; others, which mean nothing, may follow them
   * @param cluster receives the bytes of one whole cluster
   * @throws IOException if the data does not give so many bytes
   */
  void decompress(byte[] data, byte[] cluster) throws IOException;
}
