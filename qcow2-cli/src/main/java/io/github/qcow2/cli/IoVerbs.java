package io.github.qcow2.cli;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** The commands of {@code io}. */
final class IoVerbs {
  private static final String QUIT = "quit -- ends the program\n";
  private static final String HELP = "help [command] -- explains one command, or lists all\n";

  private static final List<IoVerb> ALL =
      List.of(
          new IoVerb(
              "abort",
              null,
              0,
              0,
              false,
              "",
              "ends the process at once, as a crash would",
              "",
              IoQueries::abort),
          new IoVerb(
              "alloc",
              "a",
              1,
              2,
              false,
              "offset [count]",
              "counts the bytes of a range that the image itself holds",
              "",
              IoQueries::alloc),
          new IoVerb(
              "discard",
              "d",
              2,
              IoVerb.ANY_NUMBER,
              true,
              "[-Cq] off len",
              "gives the space of a range back",
              """
               -C  print numbers for programs
               -q  print nothing
              """,
              IoTransfer::discard),
          new IoVerb(
              "flush",
              "f",
              0,
              0,
              false,
              "",
              "makes everything written so far durable",
              "",
              IoQueries::flush),
          new IoVerb(
              "length", "l", 0, 0, false, "", "prints the size of the disk", "", IoQueries::length),
          new IoVerb(
              "map",
              null,
              0,
              0,
              false,
              "",
              "prints which ranges the image itself holds",
              "",
              IoQueries::map),
          new IoVerb(
              "read",
              "r",
              2,
              IoVerb.ANY_NUMBER,
              false,
              "[-Cqv] [-P pattern [-s off] [-l len]] off len",
              "reads a range of the disk",
              """
               -C  print numbers for programs
               -l  how many bytes -P checks
               -P  fail unless every byte is this one
               -q  print nothing
               -s  where in the range -P starts to check
               -v  print the bytes
              """,
              IoTransfer::read),
          new IoVerb(
              "reopen",
              null,
              0,
              IoVerb.ANY_NUMBER,
              false,
              "[(-r|-w)] [-c cache] [-o options]",
              "closes the image and opens it anew",
              """
               -c  when to flush from now on, as -t of the program
               -o  options of the image: cache-size, detect-zeroes, discard, discard-no-unref,
                   l2-cache-entry-size, l2-cache-size, lazy-refcounts, overlap-check,
                   pass-discard-other, pass-discard-request, pass-discard-snapshot,
                   refcount-cache-size
               -r  for reading only
               -w  for reading and writing
              """,
              IoReopen::reopen),
          new IoVerb(
              "truncate",
              "t",
              1,
              3,
              true,
              "[-m prealloc_mode] off",
              "makes the disk larger or smaller",
              " -m  how what is added is allocated: off, metadata, falloc or full\n",
              IoQueries::truncate),
          new IoVerb(
              "write",
              "w",
              2,
              IoVerb.ANY_NUMBER,
              true,
              "[-cCfnquz] [-P pattern | -s source_file] off len",
              "writes a range of the disk",
              """
               -c  compress it: whole clusters of a qcow2 image
               -C  print numbers for programs
               -f  flush afterwards
               -n  with -z: fail rather than write data
               -P  write this byte instead of 0xcd
               -q  print nothing
               -s  write the bytes of this file, over and over
               -u  with -z: give the space of the range back
               -z  make the range read as zeros without writing data
              """,
              IoTransfer::write));

  private IoVerbs() {}

  /** The command of that name or alias, or null. */
  static @Nullable IoVerb find(String name) {
    for (IoVerb verb : ALL) {
      if (verb.name().equals(name) || name.equals(verb.alias())) {
        return verb;
      }
    }
    return null;
  }

  /** A line for each command. */
  static String overview() {
    StringBuilder lines = new StringBuilder();
    for (IoVerb verb : ALL) {
      lines.append(verb.usage()).append('\n');
    }
    return lines.append(HELP).append(QUIT).toString();
  }
}
