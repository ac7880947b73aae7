/**
 * What long work on an image or a device has in common, whatever it does with the bytes: {@link
 * io.github.qcow2.transfer.ReadAhead} fetches them a few transfers ahead of their use, {@link
 * io.github.qcow2.transfer.Checkpoint} is where the work tells how far it has come and may be
 * stopped; {@link io.github.qcow2.transfer.ZeroScan} finds zeros in what was fetched.
 */
@NullMarked
package io.github.qcow2.transfer;

import org.jspecify.annotations.NullMarked;
