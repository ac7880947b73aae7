/**
 * Images whose tables or refcounts would make a write destroy something: what is written to them,
 * what is refused, and what the file says afterwards.
 */
@NullMarked
package io.github.qcow2.testkit.guard;

import org.jspecify.annotations.NullMarked;
