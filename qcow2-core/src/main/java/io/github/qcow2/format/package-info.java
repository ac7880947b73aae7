/**
 * What the bytes of a qcow2 file mean: pure values and arithmetic, no I/O and no state. Every other
 * package may use this one; it uses only {@code error}.
 *
 * <p>A tour, in the order in which an image is understood:
 *
 * <ol>
 *   <li>{@link io.github.qcow2.format.Limits} bounds every count before memory is allocated for it.
 *   <li>{@link io.github.qcow2.format.HeaderReader} makes a {@link io.github.qcow2.format.Header}
 *       of the first cluster, or says which rule it breaks; {@link
 *       io.github.qcow2.format.HeaderProblem} lists what is well formed and yet not to be opened.
 *       {@link io.github.qcow2.format.HeaderBuilder} makes the header of a new image.
 *   <li>{@link io.github.qcow2.format.Geometry} turns guest offsets into L1 and L2 indexes, and
 *       clusters into refcount block indexes. It owns every shift and mask.
 *   <li>{@link io.github.qcow2.format.L1Entry}, {@link io.github.qcow2.format.L2Entry}, {@link
 *       io.github.qcow2.format.SubclusterBitmap} and {@link
 *       io.github.qcow2.format.CompressedDescriptor} read and make the 64-bit words of the mapping
 *       tables; {@link io.github.qcow2.format.ClusterType} names what an entry says.
 *   <li>{@link io.github.qcow2.format.RefcountWidth} reads and writes refcounts of 1 to 64 bits.
 *   <li>{@link io.github.qcow2.format.SnapshotTableReader} lists the internal snapshots as {@link
 *       io.github.qcow2.format.SnapshotRecord}s, {@link io.github.qcow2.format.BitmapDirectory} the
 *       persistent bitmaps as {@link io.github.qcow2.format.BitmapRecord}s.
 * </ol>
 *
 * <p>Words of on-disk tables are {@code long}s holding the eight big-endian bytes of the file. The
 * functions on them are static, take and return primitives, and allocate nothing: they are what a
 * guest read does once per cluster. Offsets and lengths are in bytes unless a name says otherwise.
 *
 * <p>Bytes that come from an image are checked with typed exceptions from {@link
 * io.github.qcow2.error}; {@link IllegalArgumentException} is left to errors of the caller.
 */
@NullMarked
package io.github.qcow2.format;

import org.jspecify.annotations.NullMarked;
