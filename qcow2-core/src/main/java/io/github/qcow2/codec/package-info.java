/** Compression of clusters: deflate is built in, other codecs are found as services. */
@NullMarked
package io.github.qcow2.codec;

import org.jspecify.annotations.NullMarked;
