package io.github.qcow2.jmh.report;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** The table of whole commands beside qemu-img. */
final class ProcessTable {
  private final MarkdownTable table =
      new MarkdownTable(
          "command", ">qcow2", ">qemu-img", ">figure", ">least...greatest", ">limit", "");

  /**
   * Adds a row.
   *
   * @param ours of each round
   * @param qemu likewise; empty without qemu-img, which the row then says
   * @param figures likewise
   */
  void row(
      String what,
      String unit,
      List<Double> ours,
      List<Double> qemu,
      List<Double> figures,
      @Nullable Limit limit) {
    String own = Spread.figure(Spread.of(ours).median()) + " " + unit;
    String bound = limit == null ? "" : limit.toString();
    if (qemu.isEmpty()) {
      table.row(what, own, "missing", "", "", bound, "not measured: no qemu-img");
      return;
    }
    Spread spread = Spread.of(figures);
    table.row(
        what,
        own,
        Spread.figure(Spread.of(qemu).median()) + " " + unit,
        Spread.figure(spread.median()),
        spread.range(),
        bound,
        limit == null ? "" : limit.verdict(spread.median()));
  }

  @Override
  public String toString() {
    return table.toString();
  }
}
