package io.github.qcow2.testkit.planted;

import static net.bytebuddy.matcher.ElementMatchers.named;
import static net.bytebuddy.matcher.ElementMatchers.takesArgument;

import io.github.qcow2.Qcow2Image;
import io.github.qcow2.allocation.ClusterAllocator;
import io.github.qcow2.allocation.DropCause;
import io.github.qcow2.allocation.Quarantine;
import io.github.qcow2.format.CompressedDescriptor;
import io.github.qcow2.format.Geometry;
import io.github.qcow2.format.Header;
import io.github.qcow2.format.L1Entry;
import io.github.qcow2.format.L2Entry;
import io.github.qcow2.mapping.MapChanges;
import io.github.qcow2.metadata.ClusterKind;
import io.github.qcow2.metadata.FlushEpochs;
import io.github.qcow2.metadata.HeaderFile;
import io.github.qcow2.metadata.TopTable;
import io.github.qcow2.metadata.TrackedFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import net.bytebuddy.ByteBuddy;
import net.bytebuddy.asm.Advice;
import net.bytebuddy.asm.AsmVisitorWrapper;
import net.bytebuddy.asm.MemberSubstitution;
import net.bytebuddy.description.method.MethodDescription;
import net.bytebuddy.dynamic.ClassFileLocator;
import net.bytebuddy.dynamic.DynamicType;
import net.bytebuddy.matcher.ElementMatcher;
import net.bytebuddy.pool.TypePool;

/**
 * Mistakes that a write engine can make, each as a change of the fewest methods that makes it. The
 * bodies below are woven into the methods that they name; what they assign to a parameter is
 * assigned there.
 */
@SuppressWarnings("UnusedVariable")
enum PlantedFault {
  /** Entries are written though data, counts and tables that they need may not be durable. */
  NO_BARRIER_BEFORE_ENTRIES {
    @Override
    void plant(Plan plan) {
      plan.change(FlushEpochs.class.getName(), without("barrier", "writeEpoch"));
    }
  },

  /** The header says that counts have another width before those are durable. */
  WIDTH_BEFORE_COUNTS {
    @Override
    void plant(Plan plan) {
      HEADER_BEFORE_TABLE.plant(plan);
    }

    @Override
    String run() {
      return AMENDING;
    }
  },

  /** The fields of a header are replaced before the extensions that they lead to are durable. */
  FIELDS_BEFORE_EXTENSIONS {
    @Override
    void plant(Plan plan) {
      plan.change(HeaderFile.class.getName(), without("barrier", "switchOver"));
    }

    @Override
    String run() {
      return AMENDING;
    }
  },

  /** A disk has its smaller size before what is behind the new end has been unlinked. */
  SIZE_BEFORE_UNLINKING {
    @Override
    void plant(Plan plan) {
      plan.change(Qcow2Image.class.getName(), Advice.to(SizeFirst.class).on(named("shrink")));
    }

    @Override
    String run() {
      return AMENDING;
    }
  },

  /** A file loses its refcount blocks before the table has stopped leading to them. */
  FILE_CUT_BEFORE_ITS_TABLE {
    @Override
    void plant(Plan plan) {
      plan.change("io.github.qcow2.allocation.RefcountTail", without("barrier", "giveUp"));
    }

    @Override
    String run() {
      return AMENDING;
    }
  },

  /** The refcount table points to blocks that may not be durable. */
  NO_BARRIER_BEFORE_REFCOUNT_TABLE {
    @Override
    void plant(Plan plan) {
      plan.change(FlushEpochs.class.getName(), without("barrier", "writeRefcounts"));
    }
  },

  /** A flush returns before what it has written is durable. */
  NO_BARRIER_AT_THE_END_OF_A_FLUSH {
    @Override
    void plant(Plan plan) {
      plan.change(FlushEpochs.class.getName(), without("barrier", "flush"));
    }
  },

  /** The header points to a table that may not be durable. */
  HEADER_BEFORE_TABLE {
    @Override
    void plant(Plan plan) {
      plan.change(HeaderFile.class.getName(), Advice.to(HeaderFirst.class).on(named("change")));
    }
  },

  /** Work goes on as if the header were durable that has only been written. */
  NO_BARRIER_AFTER_THE_HEADER {
    @Override
    void plant(Plan plan) {
      plan.change(HeaderFile.class.getName(), Advice.to(HeaderLast.class).on(named("change")));
    }
  },

  /** The L1 entry is written with the L2 table instead of after it. */
  TABLE_LINKED_AT_ONCE {
    @Override
    void plant(Plan plan) {
      plan.change(MapChanges.class.getName(), Advice.to(LinkAtOnce.class).on(named("linkTable")));
    }
  },

  /** A cluster is used again though the disk may still have an entry that points to it. */
  REUSED_EARLY {
    @Override
    void plant(Plan plan) {
      releaseAtOnce(plan, ForgetEpoch.class);
    }
  },

  /** The count of a cluster falls while the disk may still have an entry that points to it. */
  FREED_BEFORE_UNLINKED {
    @Override
    void plant(Plan plan) {
      REUSED_EARLY.plant(plan);
      plan.change(ClusterAllocator.class.getName(), Advice.to(KeepHint.class).on(named("lower")));
    }
  },

  /** The host takes back compressed data though the disk may still have an entry that needs it. */
  PUNCHED_BEFORE_UNLINKED {
    @Override
    void plant(Plan plan) {
      plan.change(MapChanges.class.getName(), Advice.to(PunchAtOnce.class).on(named("drop")));
    }
  },

  /** The count of a replaced table falls while the disk may still point to it. */
  DECREMENT_FIRST {
    @Override
    void plant(Plan plan) {
      releaseAtOnce(plan, ForgetEpochOfTables.class);
      plan.change(ClusterAllocator.class.getName(), Advice.to(KeepHint.class).on(named("lower")));
    }
  },

  /** Compressed data is appended to a cluster that has been freed. */
  CURSOR_KEPT {
    @Override
    void plant(Plan plan) {
      plan.change(
          "io.github.qcow2.allocation.AppendCursor", Advice.to(Nothing.class).on(named("leave")));
    }
  },

  /** The dirty bit is set at the end of the first flush instead of before the first change. */
  DIRTY_BIT_LATE {
    @Override
    void plant(Plan plan) {
      plan.change(
          FlushEpochs.class.getName(),
          Advice.to(Nothing.class).on(named("beforeChange")),
          Advice.to(SetDirtyAtLast.class).on(named("flush")));
    }
  },

  /** The dirty bit is cleared at the close before the counts are durable. */
  DIRTY_BIT_CLEARED_EARLY {
    @Override
    void plant(Plan plan) {
      plan.change(
          FlushEpochs.class.getName(), Advice.to(ClearDirtyAtFirst.class).on(named("close")));
    }
  },

  /** A copy of a shared L2 table says of its clusters that they are ours alone. */
  COPIED_KEPT_ON_SHARED {
    @Override
    void plant(Plan plan) {
      plan.change(MapChanges.class.getName(), Advice.to(KeepCopied.class).on(named("copyTable")));
    }
  };

  /** Class files of the library with faults in them. */
  static final class Plan {
    private final ClassFileLocator locator =
        ClassFileLocator.ForClassLoader.of(PlantedFault.class.getClassLoader());
    private final Map<String, byte[]> changed = new HashMap<>();

    void change(String className, AsmVisitorWrapper... changes) {
      DynamicType.Builder<?> builder =
          new ByteBuddy()
              .redefine(TypePool.Default.of(locator).describe(className).resolve(), locator);
      for (AsmVisitorWrapper change : changes) {
        builder = builder.visit(change);
      }
      try (DynamicType.Unloaded<?> made = builder.make()) {
        changed.put(className, made.getBytes());
      }
    }
  }

  /** What finds faults of amending. */
  static final String AMENDING = "io.github.qcow2.testkit.amend.PlantedAmendRun";

  /** What finds faults of writing. */
  static final String WRITING = "io.github.qcow2.testkit.powercut.PlantedRun";

  abstract void plant(Plan plan);

  /** The class that finds this fault. */
  String run() {
    return WRITING;
  }

  /** The library with this fault in it. */
  PlantedLibrary library() {
    Plan plan = new Plan();
    plant(plan);
    return new PlantedLibrary(plan.changed);
  }

  private static AsmVisitorWrapper without(String call, String method) {
    return MemberSubstitution.relaxed().method(named(call)).stub().on(named(method));
  }

  /** Lets clusters out of quarantine before a flush, if the advice says that they are durable. */
  private static void releaseAtOnce(Plan plan, Class<?> epochs) {
    plan.change(
        Quarantine.class.getName(),
        Advice.to(epochs).on(named("add").and(hasEpoch())),
        Advice.to(SayYes.class).on(named("isFull")),
        Advice.to(SayNo.class).on(named("awaitsFlush")));
  }

  /** Tells the method of the quarantine from the one of its batches, which has the same name. */
  private static ElementMatcher.Junction<MethodDescription> hasEpoch() {
    return takesArgument(0, long.class);
  }

  static final class Nothing {
    @Advice.OnMethodEnter(skipOn = Advice.OnNonDefaultValue.class)
    static boolean enter() {
      return true;
    }
  }

  static final class SayYes {
    @Advice.OnMethodExit
    static void exit(@Advice.Return(readOnly = false) boolean answer) {
      answer = true;
    }
  }

  static final class SayNo {
    @Advice.OnMethodExit
    static void exit(@Advice.Return(readOnly = false) boolean answer) {
      answer = false;
    }
  }

  static final class ForgetEpoch {
    @Advice.OnMethodEnter
    static void enter(@Advice.Argument(value = 0, readOnly = false) long epoch) {
      epoch = 0;
    }
  }

  static final class ForgetEpochOfTables {
    @Advice.OnMethodEnter
    static void enter(
        @Advice.Argument(value = 0, readOnly = false) long epoch,
        @Advice.Argument(1) Quarantine.Kind kind) {
      if (kind == Quarantine.Kind.TABLE) {
        epoch = 0;
      }
    }
  }

  static final class KeepHint {
    @Advice.OnMethodEnter
    static long enter(@Advice.FieldValue("hint") long hint) {
      return hint;
    }

    @Advice.OnMethodExit
    static void exit(
        @Advice.Enter long before, @Advice.FieldValue(value = "hint", readOnly = false) long hint) {
      hint = before;
    }
  }

  static final class HeaderFirst {
    @Advice.OnMethodEnter(skipOn = Advice.OnNonDefaultValue.class)
    static boolean enter(
        @Advice.Argument(0) Header next,
        @Advice.Argument(1) int offset,
        @Advice.Argument(2) int length,
        @Advice.FieldValue("file") TrackedFile file,
        @Advice.FieldValue(value = "header", readOnly = false) Header header)
        throws IOException {
      file.write(next.encode(offset, length), offset, ClusterKind.HEADER);
      file.barrier();
      header = next;
      return true;
    }
  }

  static final class SizeFirst {
    @Advice.OnMethodEnter
    static void enter(@Advice.Argument(0) long size, @Advice.FieldValue("header") HeaderFile header)
        throws IOException {
      header.change(
          header.header().withSize(size), Header.SIZE_FIELD_OFFSET, Header.SIZE_FIELD_LENGTH);
    }
  }

  static final class HeaderLast {
    @Advice.OnMethodEnter(skipOn = Advice.OnNonDefaultValue.class)
    static boolean enter(
        @Advice.Argument(0) Header next,
        @Advice.Argument(1) int offset,
        @Advice.Argument(2) int length,
        @Advice.FieldValue("file") TrackedFile file,
        @Advice.FieldValue(value = "header", readOnly = false) Header header)
        throws IOException {
      file.barrier();
      file.write(next.encode(offset, length), offset, ClusterKind.HEADER);
      header = next;
      return true;
    }
  }

  static final class LinkAtOnce {
    @Advice.OnMethodExit
    static void exit(
        @Advice.Argument(0) int index,
        @Advice.Argument(2) long table,
        @Advice.FieldValue("l1") TopTable l1,
        @Advice.FieldValue("file") TrackedFile file)
        throws IOException {
      file.writeWords(
          new long[] {L1Entry.of(table, true)}, l1.offset() + 8L * index, ClusterKind.ACTIVE_L1);
    }
  }

  /** The last sector may have the beginning of somebody else's data. */
  static final class PunchAtOnce {
    @Advice.OnMethodExit
    static void exit(
        @Advice.Argument(0) long old,
        @Advice.Argument(2) DropCause cause,
        @Advice.FieldValue("file") TrackedFile file,
        @Advice.FieldValue("geometry") Geometry geometry)
        throws IOException {
      if (L2Entry.compressed(old) && cause == DropCause.REQUEST) {
        file.discard(
            CompressedDescriptor.hostOffset(old, geometry.clusterBits()),
            CompressedDescriptor.byteLength(old, geometry.clusterBits()) - 512L,
            ClusterKind.DATA);
      }
    }
  }

  static final class SetDirtyAtLast {
    @Advice.OnMethodExit
    static void exit(
        @Advice.FieldValue("lazy") boolean lazy,
        @Advice.FieldValue("header") HeaderFile header,
        @Advice.FieldValue(value = "dirty", readOnly = false) boolean dirty)
        throws IOException {
      if (lazy && !dirty) {
        header.markDirty(true);
        dirty = true;
      }
    }
  }

  static final class ClearDirtyAtFirst {
    @Advice.OnMethodEnter
    static void enter(
        @Advice.FieldValue("header") HeaderFile header,
        @Advice.FieldValue(value = "dirty", readOnly = false) boolean dirty)
        throws IOException {
      if (dirty) {
        header.markDirty(false);
        dirty = false;
      }
    }
  }

  static final class KeepCopied {
    @Advice.OnMethodExit
    static void exit(
        @Advice.Argument(2) long copy,
        @Advice.FieldValue("file") TrackedFile file,
        @Advice.FieldValue("geometry") Geometry geometry)
        throws IOException {
      ByteBuffer table = ByteBuffer.allocate(geometry.clusterSize());
      file.read(table, copy);
      for (int at = 0; at < geometry.clusterSize(); at += geometry.l2EntryBytes()) {
        long entry = table.getLong(at);
        if (!L2Entry.compressed(entry) && L2Entry.offset(entry) != 0) {
          table.putLong(at, entry | 1L << 63);
        }
      }
      file.write(table.rewind(), copy, ClusterKind.DATA);
    }
  }
}
