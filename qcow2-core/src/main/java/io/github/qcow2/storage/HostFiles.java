package io.github.qcow2.storage;

import java.util.Iterator;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Which {@link HostFileProvider} the files of this process are opened with besides their channels.
 *
 * <p>It is looked for once, with the class loader of this class, and loaded when the first file is
 * locked or asked for something that Java cannot do. Where there is none, or none that works here,
 * files are <i>portable</i>: nothing is given back to the host, zeros are written, all bytes count
 * as data, and locks are those that Java has.
 *
 * <p>The system property {@value #PROPERTY}, read at that moment, may be
 *
 * <ul>
 *   <li>{@code portable}: no provider is looked for;
 *   <li>{@code late}: locks do without a provider, as long as none has been loaded for something
 *       else. For short-lived programs in which the time to load native code is felt.
 * </ul>
 *
 * <p>What images hold and who is kept out by locks is the same with and without. What differs is
 * how much is known of holes, how much room files take, and how long a copy takes.
 */
public final class HostFiles {
  /** The name of the system property. */
  public static final String PROPERTY = "qcow2.hostFiles";

  private static final Logger LOG = LoggerFactory.getLogger(HostFiles.class);
  private static final String PORTABLE = "portable";
  private static final String LATE = "late";

  /** Loads the provider when it is first looked at. */
  private static final class Loaded {
    static final @Nullable HostFileProvider PROVIDER = load();

    static {
      isLoaded = true;
    }
  }

  private static volatile boolean isLoaded;

  private HostFiles() {}

  /** Whether a provider has been looked for and is in use: loads nothing. */
  public static boolean isLoaded() {
    return isLoaded && Loaded.PROVIDER != null;
  }

  /**
   * Loads the provider on a thread of its own: for who will need it soon, and has something else to
   * do until then. A program that ends before waits for it: native code is unpacked into a
   * temporary file, which would stay behind.
   */
  public static void loadAhead() {
    if (isLoaded) {
      return;
    }
    Thread thread = new Thread(HostFiles::provider, "qcow2-host-files");
    thread.setDaemon(true);
    Runtime.getRuntime().addShutdownHook(new Thread(HostFiles::provider));
    thread.start();
  }

  /** The name of the provider in use, or {@code portable}. Loads it. */
  public static String provider() {
    HostFileProvider provider = load(true);
    return provider == null ? PORTABLE : provider.name();
  }

  /** The provider in use and what it relies on, or {@code portable}. Loads it. */
  public static String description() {
    HostFileProvider provider = load(true);
    return provider == null ? PORTABLE : provider.description();
  }

  /**
   * The provider, if there is one.
   *
   * @param needed whether it is to be loaded although loading is put off
   */
  static @Nullable HostFileProvider load(boolean needed) {
    return needed || isLoaded || !LATE.equals(System.getProperty(PROPERTY))
        ? Loaded.PROVIDER
        : null;
  }

  private static @Nullable HostFileProvider load() {
    if (PORTABLE.equals(System.getProperty(PROPERTY))) {
      return null;
    }
    Iterator<HostFileProvider> services =
        ServiceLoader.load(HostFileProvider.class, HostFiles.class.getClassLoader()).iterator();
    while (true) {
      try {
        if (!services.hasNext()) {
          return null;
        }
        return services.next();
      } catch (ServiceConfigurationError | LinkageError | RuntimeException e) {
        LOG.debug("a provider for host files does not work here: {}", e.toString());
      }
    }
  }
}
