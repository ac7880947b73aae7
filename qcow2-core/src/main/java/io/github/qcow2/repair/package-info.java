/**
 * Repairs an image that was not closed, before it is opened for writing.
 *
 * <p>{@link io.github.qcow2.repair.RefcountRepair} has all references counted by {@link
 * io.github.qcow2.check.ImageCheck#recount()}, plans with {@code RepairPlan} where refcount blocks
 * go that are missing, and then writes: {@code CountWriter} the counts, {@code CopiedFlags} the
 * flags that repeat them.
 */
@NullMarked
package io.github.qcow2.repair;

import org.jspecify.annotations.NullMarked;
