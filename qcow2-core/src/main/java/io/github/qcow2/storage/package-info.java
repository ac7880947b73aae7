/**
 * Positional bytes of one host file. {@link io.github.qcow2.storage.Storage} is the contract: reads
 * past the end give zeros, transfers are complete or throw, and {@link
 * io.github.qcow2.storage.Storage#force()} is the only thing that makes bytes durable.
 */
@NullMarked
package io.github.qcow2.storage;

import org.jspecify.annotations.NullMarked;
