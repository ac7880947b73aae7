package io.github.qcow2.testkit.planted;

import java.io.IOException;
import java.io.InputStream;
import java.util.Map;

/**
 * A second copy of the library and its test kit, with some classes exchanged. Classes of other
 * libraries are shared with the first.
 */
final class PlantedLibrary extends ClassLoader {
  private static final String OURS = "io.github.qcow2.";

  private final Map<String, byte[]> exchanged;

  /**
   * Makes a copy.
   *
   * @param exchanged class files by the name of their class
   */
  PlantedLibrary(Map<String, byte[]> exchanged) {
    super(PlantedLibrary.class.getClassLoader());
    this.exchanged = exchanged;
  }

  @Override
  protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
    if (!name.startsWith(OURS)) {
      return super.loadClass(name, resolve);
    }
    synchronized (getClassLoadingLock(name)) {
      Class<?> loaded = findLoadedClass(name);
      return loaded != null ? loaded : define(name);
    }
  }

  private Class<?> define(String name) throws ClassNotFoundException {
    byte[] bytes = exchanged.get(name);
    try {
      if (bytes == null) {
        bytes = classFile(name);
      }
    } catch (IOException e) {
      throw new ClassNotFoundException(name, e);
    }
    return defineClass(name, bytes, 0, bytes.length);
  }

  private byte[] classFile(String name) throws IOException, ClassNotFoundException {
    try (InputStream file = getParent().getResourceAsStream(name.replace('.', '/') + ".class")) {
      if (file == null) {
        throw new ClassNotFoundException(name);
      }
      return file.readAllBytes();
    }
  }
}
