/**
 * Changes to what an image is rather than to what its guest reads, made while nobody else has the
 * file.
 *
 * <p>Each class makes one change, and each change becomes real with one write inside one sector of
 * the header: before it the image is the old one, after it the new one, and everything that the new
 * header points to is durable by then. {@link io.github.qcow2.amend.RefcountWidthChange} writes all
 * counts anew in another width, {@link io.github.qcow2.amend.RefcountPlan} says where; {@link
 * io.github.qcow2.amend.L2Tables} finds the tables in which an older version needs other entries.
 */
@NullMarked
package io.github.qcow2.amend;

import org.jspecify.annotations.NullMarked;
