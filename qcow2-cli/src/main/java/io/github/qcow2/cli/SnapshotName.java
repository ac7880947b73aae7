package io.github.qcow2.cli;

import io.github.qcow2.cli.OptionList.Setting;
import io.github.qcow2.format.SnapshotRecord;
import org.jspecify.annotations.Nullable;

/**
 * How an internal snapshot is named on the command line.
 *
 * @param id the snapshot's id, or null for any
 * @param name the snapshot's name, or null for any
 * @param either whether a snapshot fits whose id or else whose name is the text that both fields
 *     hold
 */
record SnapshotName(@Nullable String id, @Nullable String name, boolean either) {
  private static final String ID = "snapshot.id";
  private static final String NAME = "snapshot.name";

  /** Whether the snapshot is meant, by its id if one was given. */
  boolean isById(SnapshotRecord snapshot) {
    boolean sameId = id == null || id.equals(snapshot.id());
    return sameId && (either || name == null || name.equals(snapshot.name()));
  }

  /** Whether the snapshot is meant by its name, if none has the text for its id. */
  boolean isByName(SnapshotRecord snapshot) {
    return either && snapshot.name().equals(name);
  }

  /** Reads {@code snapshot.id=ID,snapshot.name=NAME}, or else a text that is one of the two. */
  static SnapshotName parse(Console console, String text) throws CommandException {
    if (!text.startsWith("snapshot.")) {
      return new SnapshotName(text, text, true);
    }
    String id = null;
    String name = null;
    for (Setting setting : OptionList.parse(text)) {
      switch (setting.key()) {
        case ID -> id = setting.value();
        case NAME -> name = setting.value();
        default -> {
          console.error("Invalid parameter '" + setting.key() + "'");
          throw new CommandException("Failed in parsing snapshot param '" + text + "'");
        }
      }
    }
    return new SnapshotName(id, name, false);
  }
}
