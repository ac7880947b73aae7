/**
 * Looks for errors in the tables of an image, below everything that opens one: all it needs is the
 * bytes of the host file.
 *
 * <p>The way in is {@link io.github.qcow2.check.ImageCheck}. {@code ReferenceWalk} goes through the
 * phases: {@code L1Walk}, {@code SnapshotWalk} and {@code BitmapWalk} count references into a
 * {@code ReferenceCounter} and collect the L2 tables; {@code L2Walk} brings each of these to {@code
 * L2Check} once. For a check, {@code CheckRun} then has {@code RefcountComparison} hold the result
 * against {@code StoredCounts}; what is wrong goes to a {@code FindingLog}, and from there into a
 * {@link io.github.qcow2.check.CheckReport}. For a repair the result itself is what matters: {@link
 * io.github.qcow2.check.Recount}. A {@code CheckBudget} bounds memory and reading.
 *
 * <p>Most entries lead to the cluster after that of the entry before, and most counts are those of
 * their neighbours. {@code L2Check} and {@code RefcountComparison} recognise such runs, where there
 * is nothing to report, and let {@code ReferenceCounts} go through them word by word; everything
 * else is looked at one by one, with the same result.
 *
 * <p>The calling thread works, with one thread beside it that reads ahead; by the time {@code
 * run()} has returned or thrown, that one has ended.
 */
@NullMarked
package io.github.qcow2.check;

import org.jspecify.annotations.NullMarked;
