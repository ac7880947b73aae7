package io.github.qcow2.cli;

import io.github.qcow2.BlockDevice;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A run of {@code io}: the device that is open, and whether every command so far did what it was
 * asked. Not thread-safe.
 */
final class IoSession {
  private static final int SECTOR = 512;

  private final Console console;
  private final IoDevices devices;
  private @Nullable BlockDevice device;
  private boolean failed;
  private boolean finished;

  IoSession(Console console, IoDevices devices) {
    this.console = console;
    this.devices = devices;
  }

  Console console() {
    return console;
  }

  /** Whether {@code quit} was given. */
  boolean isFinished() {
    return finished;
  }

  /** Whether any command failed. */
  boolean hasFailed() {
    return failed;
  }

  /** Whether discards are to change nothing. */
  boolean ignoresDiscard() {
    return devices.ignoresDiscard();
  }

  /** Prints why a command failed, where its results would be, unless that has been said. */
  void fail(String message) {
    if (!message.isEmpty()) {
      console.line(message);
    }
    failed = true;
  }

  private void failWithError(String message) {
    console.errorLine(message);
    failed = true;
  }

  /** Opens a device for the commands that follow. */
  void open(String filename) {
    try {
      device = devices.open(filename);
    } catch (OpenFailure e) {
      console.error("can't open device " + filename + ": " + e.reason());
      e.hints().forEach(console::errorLine);
      failed = true;
    }
  }

  /**
   * Closes the device and opens it again in another way. If that fails, the device is opened as it
   * was.
   *
   * @throws IOException if it cannot be opened in that way
   */
  void reopen(BlockDevice open, ReopenOptions options, ReopenOptions before) throws IOException {
    device = null;
    open.close();
    try {
      device = devices.reopen(open.name(), options);
    } catch (OpenFailure e) {
      try {
        device = devices.reopen(open.name(), before);
      } catch (OpenFailure again) {
        // What is wrong has nothing to do with the options, and commands find no file open.
      }
      throw new IOException(e.reason());
    }
  }

  /** What opens the devices. */
  IoDevices devices() {
    return devices;
  }

  /** Closes the device, if one is open. */
  void close() {
    BlockDevice open = device;
    device = null;
    if (open == null) {
      return;
    }
    try {
      try {
        open.close();
      } finally {
        devices.closeBase();
      }
    } catch (IOException e) {
      console.error("closing " + open.name() + ": " + HostErrors.reason(e));
      failed = true;
    }
  }

  /** Runs one line. Whatever goes wrong is printed and remembered. */
  void run(String line) {
    List<String> words = words(line);
    if (words.isEmpty()) {
      return;
    }
    String name = words.get(0);
    List<String> arguments = words.subList(1, words.size());
    switch (name) {
      case "quit", "q" -> {
        finished = true;
        return;
      }
      case "help", "?" -> {
        help(arguments);
        return;
      }
      default -> {}
    }
    IoVerb verb = IoVerbs.find(name);
    if (verb == null) {
      failWithError("command \"" + name + "\" not found");
      return;
    }
    BlockDevice open = device;
    if (open == null) {
      failWithError("no file open");
      return;
    }
    String complaint = verb.complaintAbout(arguments.size());
    if (complaint != null) {
      failWithError(complaint);
      return;
    }
    if (verb.changes() && open.isReadOnly()) {
      failWithError(console.program() + ": Block node is read-only");
      return;
    }
    try {
      verb.action().run(this, open, verb, arguments);
    } catch (IoRefusal e) {
      fail(e.message());
    } catch (IOException e) {
      failWithError(console.program() + ": " + e.getMessage());
    }
  }

  /**
   * Refuses to turn a raw image whose format was only guessed into one of another format: the next
   * guess would then read names of other files out of what a guest wrote.
   */
  void guardProbedFormat(long offset, long length, byte[] bytes) throws IoRefusal {
    if (!devices.guessedRaw() || offset != 0 || length < SECTOR || bytes.length < SECTOR) {
      return;
    }
    try {
      if (ImageFormat.of(ByteBuffer.wrap(bytes, 0, SECTOR)) == ImageFormat.RAW) {
        return;
      }
    } catch (OpenFailure e) {
      // A format that is not supported here is a format all the same.
    }
    throw new IoRefusal("write failed: Operation not permitted");
  }

  private void help(List<String> arguments) {
    if (arguments.isEmpty()) {
      console.raw(IoVerbs.overview());
      return;
    }
    IoVerb verb = IoVerbs.find(arguments.get(0));
    if (verb == null) {
      fail("command " + arguments.get(0) + " not found");
      return;
    }
    console.raw(verb.usage() + "\n" + verb.help());
  }

  private static List<String> words(String line) {
    List<String> words = new ArrayList<>();
    for (String word : line.split(" ", -1)) {
      if (!word.isEmpty()) {
        words.add(word);
      }
    }
    return words;
  }
}
