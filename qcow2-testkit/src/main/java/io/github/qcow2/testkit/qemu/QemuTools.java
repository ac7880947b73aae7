package io.github.qcow2.testkit.qemu;

import com.fasterxml.jackson.jr.ob.JSON;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * {@code qemu-img}, {@code qemu-io} and {@code qemu-nbd} of this machine. Each method but {@link
 * #serve} runs one process and waits for it, at most a minute. Immutable.
 *
 * <p>Images are always given with their format, so nothing is probed. All methods throw {@link
 * IOException} when the tool fails, unless they return a {@link ToolResult}, which says so itself.
 */
public final class QemuTools {
  private static final Duration TIMEOUT = Duration.ofMinutes(1);
  private static final Pattern VERSION = Pattern.compile("version (\\d+)\\.(\\d+)\\.(\\d+)");

  private final Path qemuImg;
  private final Path qemuIo;
  private final Path qemuNbd;

  private QemuTools(Path qemuImg, Path qemuIo, Path qemuNbd) {
    this.qemuImg = qemuImg;
    this.qemuIo = qemuIo;
    this.qemuNbd = qemuNbd;
  }

  /** The tools, if all are on {@code PATH}. */
  public static Optional<QemuTools> find() {
    String path = System.getenv("PATH");
    return path == null ? Optional.empty() : find(path);
  }

  /** The tools, if all are in directories of {@code path}, which is written as {@code PATH} is. */
  static Optional<QemuTools> find(String path) {
    return program("qemu-img", path)
        .flatMap(
            img ->
                program("qemu-io", path)
                    .flatMap(
                        io -> program("qemu-nbd", path).map(nbd -> new QemuTools(img, io, nbd))));
  }

  /**
   * The tools, in a test that cannot do without: see {@link RequiresQemu}.
   *
   * @throws IllegalStateException if they are not on {@code PATH}
   */
  public static QemuTools required() {
    return find().orElseThrow(() -> new IllegalStateException(QemuCondition.MISSING));
  }

  /** The version, for example {@code 7.2.22}. */
  public String version() throws IOException {
    Matcher matcher = versionMatcher();
    return matcher.group(1) + "." + matcher.group(2) + "." + matcher.group(3);
  }

  /** Whether the version is {@code major.minor} or a later one. */
  public boolean isAtLeast(int major, int minor) throws IOException {
    Matcher matcher = versionMatcher();
    int actualMajor = Integer.parseInt(matcher.group(1));
    int actualMinor = Integer.parseInt(matcher.group(2));
    return actualMajor > major || (actualMajor == major && actualMinor >= minor);
  }

  /** Runs {@code qemu-img} with these arguments. */
  public ToolResult img(String... arguments) throws IOException {
    return run(qemuImg, List.of(arguments));
  }

  /**
   * Runs {@code qemu-io} on a qcow2 image: each command as it would be typed, for example {@code
   * "write -P 0x11 0 64k"}.
   */
  public ToolResult io(Path image, String... commands) throws IOException {
    List<String> arguments = new ArrayList<>(List.of("-f", "qcow2"));
    for (String command : commands) {
      arguments.add("-c");
      arguments.add(command);
    }
    arguments.add(image.toString());
    return run(qemuIo, arguments);
  }

  /**
   * Has an image opened for writing, as a virtual machine does, until the server is closed.
   *
   * @param options of {@code qemu-nbd}, for example {@code --read-only}
   */
  public QemuServer serve(Path image, String format, String... options) throws IOException {
    List<String> arguments = new ArrayList<>(List.of("--format", format));
    arguments.addAll(List.of(options));
    arguments.add(image.toString());
    return QemuServer.start(qemuNbd, arguments);
  }

  /**
   * Makes a qcow2 image.
   *
   * @param size in bytes
   * @param options as after {@code -o}, each {@code name=value}
   */
  public void create(Path image, long size, String... options) throws IOException {
    List<String> arguments = new ArrayList<>(List.of("create", "-q", "-f", "qcow2"));
    addOptions(arguments, options);
    arguments.add(image.toString());
    arguments.add(Long.toString(size));
    run(qemuImg, arguments).orThrow();
  }

  /**
   * Copies the guest's view of an image into a new one.
   *
   * @param options as after {@code -o}, each {@code name=value}; {@code -c} stands for compression
   */
  public void convert(
      Path source, String sourceFormat, Path target, String targetFormat, String... options)
      throws IOException {
    List<String> arguments =
        new ArrayList<>(List.of("convert", "-q", "-f", sourceFormat, "-O", targetFormat));
    addOptions(arguments, options);
    arguments.add(source.toString());
    arguments.add(target.toString());
    run(qemuImg, arguments).orThrow();
  }

  /** The guest's view of a qcow2 image, through its whole backing chain: for small disks. */
  public byte[] content(Path image) throws IOException {
    Path raw = Files.createTempFile("content", ".raw");
    try {
      convert(image, "qcow2", raw, "raw");
      return Files.readAllBytes(raw);
    } finally {
      Files.deleteIfExists(raw);
    }
  }

  /** The guest's view of an internal snapshot of a qcow2 image: for small disks. */
  public byte[] snapshotContent(Path image, String snapshot) throws IOException {
    Path raw = Files.createTempFile("content", ".raw");
    try {
      img(
              "convert",
              "-q",
              "-f",
              "qcow2",
              "-l",
              "snapshot.name=" + snapshot,
              "-O",
              "raw",
              image.toString(),
              raw.toString())
          .orThrow();
      return Files.readAllBytes(raw);
    } finally {
      Files.deleteIfExists(raw);
    }
  }

  /**
   * Checks a qcow2 image without repairing it.
   *
   * @throws IOException if the check printed no verdict, as when the image cannot be opened
   */
  public QemuCheck check(Path image) throws IOException {
    ToolResult result = img("check", "--output=json", "-f", "qcow2", image.toString());
    if (!result.stdout().startsWith("{")) {
      throw new IOException(result.toString());
    }
    return QemuCheck.of(JSON.std.mapFrom(result.stdout()), result);
  }

  /** Whether two images hold the same bytes; of different sizes, whether the rest is zeros. */
  public boolean identical(Path first, String firstFormat, Path second, String secondFormat)
      throws IOException {
    ToolResult result =
        img("compare", "-f", firstFormat, "-F", secondFormat, first.toString(), second.toString());
    if (result.exitCode() > 1) {
      throw new IOException(result.toString());
    }
    return result.succeeded();
  }

  /** How the bytes of a qcow2 image are stored, through its whole backing chain. */
  public List<QemuExtent> map(Path image) throws IOException {
    ToolResult result = img("map", "--output=json", "-f", "qcow2", image.toString()).orThrow();
    List<QemuExtent> extents = new ArrayList<>();
    for (Object element : JSON.std.listFrom(result.stdout())) {
      extents.add(QemuExtent.of((Map<?, ?>) element));
    }
    return extents;
  }

  /** What {@code qemu-img info --output=json} says about a qcow2 image, as parsed JSON. */
  public Map<String, Object> info(Path image) throws IOException {
    ToolResult result = img("info", "--output=json", "-f", "qcow2", image.toString()).orThrow();
    return Collections.unmodifiableMap(JSON.std.mapFrom(result.stdout()));
  }

  private static void addOptions(List<String> arguments, String... options) {
    for (String option : options) {
      if (!option.startsWith("-")) {
        arguments.add("-o");
      }
      arguments.add(option);
    }
  }

  private static ToolResult run(Path program, List<String> arguments) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(program.toString());
    command.addAll(arguments);
    return ToolProcess.run(command, TIMEOUT);
  }

  private Matcher versionMatcher() throws IOException {
    ToolResult result = img("--version").orThrow();
    Matcher matcher = VERSION.matcher(result.stdout());
    if (!matcher.find()) {
      throw new IOException("no version in " + result);
    }
    return matcher;
  }

  private static Optional<Path> program(String name, String path) {
    for (String directory : path.split(Pattern.quote(File.pathSeparator), -1)) {
      Path candidate = Path.of(directory.isEmpty() ? "." : directory, name);
      if (Files.isRegularFile(candidate) && Files.isExecutable(candidate)) {
        return Optional.of(candidate.toAbsolutePath());
      }
    }
    return Optional.empty();
  }
}
