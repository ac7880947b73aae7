/**
 * Which host clusters are in use, and how often.
 *
 * <p>{@link io.github.qcow2.allocation.Refcounts} counts references; {@link
 * io.github.qcow2.allocation.ClusterAllocator} finds free clusters and grows the refcount
 * structures; {@link io.github.qcow2.allocation.Quarantine} keeps dropped clusters counted until
 * nobody can reach them any more, on disk or in memory; {@link
 * io.github.qcow2.allocation.OperationGate} tells when the latter is so; {@link
 * io.github.qcow2.allocation.HostDiscards} lets the host have the bytes of those that then come
 * free.
 */
@NullMarked
package io.github.qcow2.allocation;

import org.jspecify.annotations.NullMarked;
