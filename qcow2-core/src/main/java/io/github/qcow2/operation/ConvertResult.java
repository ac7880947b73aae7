package io.github.qcow2.operation;

/**
 * What a conversion did, in guest bytes.
 *
 * @param bytesRead fetched from the source
 * @param bytesWritten written to the target as data
 * @param bytesZero neither written as data nor lost: known or found to be zeros, and left alone
 *     where the target read as zeros already
 */
public record ConvertResult(long bytesRead, long bytesWritten, long bytesZero) {}
