package io.github.qcow2.jmh.report;

import io.github.qcow2.jmh.report.CallTarget.Figure;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** The table of calls: per target what the rounds came to, and whether that is enough. */
final class CallTable {
  private final List<Map<Call, CallScore>> rounds;

  /**
   * @param rounds the scores of each round
   */
  CallTable(List<Map<Call, CallScore>> rounds) {
    this.rounds = rounds;
  }

  String of(List<CallTarget> targets) {
    MarkdownTable table =
        new MarkdownTable(
            "call", ">here", ">beside it", ">figure", ">least...greatest", ">limit", "");
    for (CallTarget target : targets) {
      List<Double> figures = figures(target);
      if (figures.isEmpty()) {
        table.row(target.what(), "", "", "not measured");
        continue;
      }
      Spread spread = Spread.of(figures);
      Limit limit = target.limit();
      table.row(
          target.what(),
          target.figure() == Figure.ALLOCATION ? "" : nanoseconds(target.call()),
          target.beside() == null ? "" : nanoseconds(target.beside()),
          Spread.figure(spread.median()),
          spread.range(),
          limit == null ? "" : limit.toString(),
          limit == null ? "" : limit.verdict(spread.median()));
    }
    return table.toString();
  }

  /** A figure of each round that has one. */
  private List<Double> figures(CallTarget target) {
    return switch (target.figure()) {
      case NANOSECONDS -> each(target.call(), CallScore::nanoseconds);
      case ALLOCATION -> each(target.call(), CallScore::allocation);
      case RATE -> ratios(target.call(), target.beside());
    };
  }

  private List<Double> ratios(Call call, @Nullable Call beside) {
    List<Double> ratios = new ArrayList<>();
    for (Map<Call, CallScore> round : rounds) {
      CallScore score = round.get(call);
      CallScore other = beside == null ? null : round.get(beside);
      if (score != null && other != null) {
        ratios.add(score.rate() / other.rate());
      }
    }
    return ratios;
  }

  private List<Double> each(Call call, Function<CallScore, Double> figure) {
    List<Double> figures = new ArrayList<>();
    for (Map<Call, CallScore> round : rounds) {
      CallScore score = round.get(call);
      if (score != null) {
        figures.add(figure.apply(score));
      }
    }
    return figures;
  }

  private String nanoseconds(Call call) {
    List<Double> all = each(call, CallScore::nanoseconds);
    double median = Spread.of(all).median();
    return median < 10_000 ? Spread.figure(median) + " ns" : Spread.figure(median / 1000) + " µs";
  }
}
