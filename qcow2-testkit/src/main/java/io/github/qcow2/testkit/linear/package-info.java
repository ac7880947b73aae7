/**
 * Finds out whether a disk that many threads use at once behaves as if they had used it one after
 * the other.
 *
 * <p>Every sector that is written carries its own number and the number of the write: {@link
 * io.github.qcow2.testkit.linear.SectorStamp}. What a read finds thus tells which write it comes
 * from, and whether it belongs there at all. {@link io.github.qcow2.testkit.linear.SectorRegisters}
 * is told when each operation began and ended, and decides, sector by sector, whether some order
 * explains what was read. {@link io.github.qcow2.testkit.linear.StampedDisk} stands before a device
 * and does the telling:
 *
 * <pre>{@code
 * SectorRegisters registers = new SectorRegisters(device.size() / 512, 0);
 * StampedDisk disk = new StampedDisk(device, registers, clusterSize);
 * // any number of threads:
 * disk.write(sector, 8);
 * disk.read(sector, 64);
 * }</pre>
 *
 * <p>Whatever is wrong comes out as a {@link io.github.qcow2.testkit.linear.NotLinearizable}, of
 * the operation that shows it; memory does not grow with the length of the history.
 */
@NullMarked
package io.github.qcow2.testkit.linear;

import org.jspecify.annotations.NullMarked;
