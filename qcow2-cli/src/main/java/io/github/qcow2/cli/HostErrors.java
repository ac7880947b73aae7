package io.github.qcow2.cli;

import io.github.qcow2.error.Qcow2Exception;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;

/** Says in the words of the C library what the host's file system refused. */
final class HostErrors {
  private HostErrors() {}

  /** The reason alone, without the file's name. */
  static String reason(IOException e) {
    if (e instanceof NoSuchFileException) {
      return "No such file or directory";
    }
    if (e instanceof AccessDeniedException) {
      return "Permission denied";
    }
    if (e instanceof FileAlreadyExistsException) {
      return "File exists";
    }
    if (e instanceof NotDirectoryException) {
      return "Not a directory";
    }
    if (e instanceof FileSystemException failure && failure.getReason() != null) {
      return failure.getReason();
    }
    if (e instanceof Qcow2Exception failure) {
      return failure.rule();
    }
    String message = e.getMessage();
    return message == null ? "Input/output error" : message;
  }

  /** The name of the error number that qemu-img would have met: a broken image is an I/O error. */
  static String errorName(IOException e) {
    return e instanceof Qcow2Exception ? "Input/output error" : reason(e);
  }

  /** A path, or an exception like that of a file that does not exist where there can be none. */
  static Path path(String name) throws NoSuchFileException {
    try {
      return Path.of(name);
    } catch (InvalidPathException e) {
      throw new NoSuchFileException(name);
    }
  }
}
