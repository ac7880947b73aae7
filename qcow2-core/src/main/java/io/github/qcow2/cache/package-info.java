/** What stays in memory of the tables of an image. */
@NullMarked
package io.github.qcow2.cache;

import org.jspecify.annotations.NullMarked;
