package io.github.qcow2.storage;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The record locks that this process holds, as Linux lists them. */
final class ProcessLocks {
  private static final Path LIST = Path.of("/proc/locks");
  private static final Pattern LOCK =
      Pattern.compile("POSIX +ADVISORY +READ +(\\d+) \\S+:(\\d+) (\\d+) (\\d+)$");

  private ProcessLocks() {}

  /** Positions of the bytes of a file that this process has locked, shared. */
  static Set<Long> on(Path file) throws IOException {
    assumeTrue(Files.isReadable(LIST), "locks are listed on Linux only");
    String inode = String.valueOf(Files.getAttribute(file, "unix:ino"));
    String process = String.valueOf(ProcessHandle.current().pid());
    Set<Long> positions = new TreeSet<>();
    for (String line : Files.readAllLines(LIST)) {
      Matcher lock = LOCK.matcher(line);
      if (lock.find() && lock.group(1).equals(process) && lock.group(2).equals(inode)) {
        for (long at = Long.parseLong(lock.group(3)); at <= Long.parseLong(lock.group(4)); at++) {
          positions.add(at);
        }
      }
    }
    return positions;
  }
}
