/**
 * Power cuts: what they leave of the files of a disk, and whether that is good enough.
 *
 * <p>In three steps, each of which is useful by itself:
 *
 * <ol>
 *   <li><b>Record.</b> A {@link io.github.qcow2.testkit.powercut.PowerCutLog} makes {@link
 *       io.github.qcow2.testkit.powercut.PowerCutStorage}s, which record every write, size change
 *       and barrier of the code under test. A {@link
 *       io.github.qcow2.testkit.powercut.JournaledDevice} records in a {@link
 *       io.github.qcow2.testkit.powercut.GuestJournal} what the guest wrote meanwhile, and which
 *       flushes it saw return.
 *   <li><b>Cut.</b> {@link io.github.qcow2.testkit.powercut.CrashStates} goes through what could be
 *       on the disk, for every moment: all of it where that is feasible, else a choice that {@link
 *       io.github.qcow2.testkit.powercut.CrashBounds} describe. Each {@link
 *       io.github.qcow2.testkit.powercut.CrashState} has a {@link
 *       io.github.qcow2.testkit.powercut.CrashPoint} as its name, by which it can be had again.
 *   <li><b>Judge.</b> {@link io.github.qcow2.testkit.powercut.PowerCutExperiment} runs a history on
 *       a {@link io.github.qcow2.testkit.powercut.PowerCutDisk} and lets four judges look at the
 *       states: the specification's oracle, the library, a second power cut during the recovery,
 *       and QEMU's tools. The {@link io.github.qcow2.testkit.powercut.PowerCutReport} says what
 *       they found. A judge of your own is a {@link io.github.qcow2.testkit.powercut.CrashJudge}.
 * </ol>
 *
 * <p>To test an application that keeps its data in an image, record it and judge with its own
 * means: the example is in {@link io.github.qcow2.testkit.powercut.CrashStates}. For other tools,
 * {@link io.github.qcow2.testkit.powercut.PowerCutLog#export} writes a log as {@code dm-log-writes}
 * has it.
 *
 * <p>A finding reads like this, and everything in it can be pasted back:
 *
 * <pre>
 *   512-byte clusters | two writes | epoch 1, instant 9, unwritten 0xa5, units 0-2,7: content: sector
 *   1 holds zeros …
 *   512-byte clusters | two writes is [Write[position=0, length=700, seed=1], …]
 * </pre>
 */
@NullMarked
package io.github.qcow2.testkit.powercut;

import org.jspecify.annotations.NullMarked;
