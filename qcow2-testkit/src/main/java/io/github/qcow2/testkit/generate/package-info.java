/**
 * Generators for jqwik: shapes of images and histories of operations on them.
 *
 * <p>With the kit on the class path a property can simply ask for one:
 *
 * <pre>{@code
 * @Property
 * void imageBehavesAsItsModel(@ForAll DiskHistory history) throws IOException {
 *   ImageShape shape = history.shape();
 *   ...
 * }
 * }</pre>
 *
 * <p>{@link io.github.qcow2.testkit.generate.ImageShapes} and {@link
 * io.github.qcow2.testkit.generate.DiskHistories} give the same with limits of one's own. Small
 * clusters, the borders of clusters, tables and table slices, and short histories are preferred:
 * that is where mistakes are, and what failures shrink to.
 */
@NullMarked
package io.github.qcow2.testkit.generate;

import org.jspecify.annotations.NullMarked;
