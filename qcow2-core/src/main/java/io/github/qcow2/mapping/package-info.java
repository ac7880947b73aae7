/**
 * From guest offsets to what is there.
 *
 * <p>{@link io.github.qcow2.mapping.GuestMap} reads the two levels of tables and gives a {@link
 * io.github.qcow2.mapping.Mapping}; {@link io.github.qcow2.mapping.Exclusiveness} tells what may be
 * changed in place; {@link io.github.qcow2.mapping.MapChanges} publishes new entries. Guest bytes
 * are moved elsewhere: nothing here touches them.
 */
@NullMarked
package io.github.qcow2.mapping;

import org.jspecify.annotations.NullMarked;
