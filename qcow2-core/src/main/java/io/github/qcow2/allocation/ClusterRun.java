package io.github.qcow2.allocation;

/**
 * Host clusters in a row.
 *
 * @param first number of the first cluster
 * @param count how many, at least one
 */
public record ClusterRun(long first, long count) {}
