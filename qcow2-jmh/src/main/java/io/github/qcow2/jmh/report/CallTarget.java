package io.github.qcow2.jmh.report;

import org.jspecify.annotations.Nullable;

/**
 * What is wanted of a call.
 *
 * @param what the row's title
 * @param call what is measured
 * @param figure which of its figures
 * @param beside what it is compared with; null for a figure that stands alone
 * @param limit what the figure has to be; null for one that is only shown
 */
record CallTarget(
    String what, Call call, Figure figure, @Nullable Call beside, @Nullable Limit limit) {

  /** A figure of a call. */
  enum Figure {
    /** Calls in a second by all threads together, divided by those of the call beside it. */
    RATE,
    /** Nanoseconds of a call. */
    NANOSECONDS,
    /** Bytes allocated by a call, on the heap. */
    ALLOCATION
  }

  /** A ratio of rates. */
  static CallTarget ratio(String what, String call, String beside, @Nullable Limit limit) {
    return new CallTarget(what, Call.of(call), Figure.RATE, Call.of(beside), limit);
  }

  /** A figure of one call. */
  static CallTarget figure(String what, Figure figure, String call, @Nullable Limit limit) {
    return new CallTarget(what, Call.of(call), figure, null, limit);
  }

  /** The same, with a parameter of all its calls. */
  CallTarget with(String parameter, String value) {
    return new CallTarget(
        what,
        call.with(parameter, value),
        figure,
        beside == null ? null : beside.with(parameter, value),
        limit);
  }
}
