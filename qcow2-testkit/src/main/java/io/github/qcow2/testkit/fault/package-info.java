/**
 * Storages that fail, to see what becomes of whoever uses them.
 *
 * <p>{@link io.github.qcow2.testkit.fault.FaultyStorage} stands before another storage and counts
 * the calls. {@link io.github.qcow2.testkit.fault.Faults} says which of them fail; several storages
 * can share one, so that the calls of an image and of its data file are counted together. A test
 * that wants to see every call fail runs once without a fault, asks how many calls there were, and
 * then runs again for each of them:
 *
 * <pre>{@code
 * Faults clean = new Faults();
 * workload(new FaultyStorage(start(), clean));
 * for (long k = 1; k <= clean.calls(); k++) {
 *   Faults faults = new Faults();
 *   faults.plan(Fault.at(k));
 *   workload(new FaultyStorage(start(), faults));
 * }
 * }</pre>
 *
 * <p>{@link io.github.qcow2.testkit.fault.ForwardingStorage} is the base of storages that differ
 * from another one in some way.
 */
@NullMarked
package io.github.qcow2.testkit.fault;

import org.jspecify.annotations.NullMarked;
