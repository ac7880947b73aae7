package io.github.qcow2.testkit.generate;

import java.util.Set;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.providers.ArbitraryProvider;
import net.jqwik.api.providers.TypeUsage;

/**
 * Gives jqwik an {@link ImageShape} or a {@link DiskHistory} wherever a property asks for one with
 * {@code @ForAll}. jqwik finds it by itself.
 */
public final class GeneratorProvider implements ArbitraryProvider {
  private static final int MAX_OPERATIONS = 40;

  /** For jqwik. */
  public GeneratorProvider() {}

  @Override
  public boolean canProvideFor(TypeUsage targetType) {
    return targetType.isOfType(ImageShape.class) || targetType.isOfType(DiskHistory.class);
  }

  @Override
  public Set<Arbitrary<?>> provideFor(TypeUsage targetType, SubtypeProvider subtypeProvider) {
    return Set.of(
        targetType.isOfType(ImageShape.class)
            ? ImageShapes.any()
            : DiskHistories.on(ImageShapes.any(), MAX_OPERATIONS));
  }
}
