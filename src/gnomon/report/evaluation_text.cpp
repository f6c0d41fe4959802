// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/evaluation_text.h"

#include <fmt/format.h>

#include <cmath>

#include "gnomon/report/wrapped_text.h"

namespace gnomon {
namespace {

constexpr int kIndent = 15;  // of what follows a label below the table

std::string in_style(const std::string& text, const TextStyle& style) {
  return style.unicode ? text : ascii_text(text);
}

// A report in other units than the activation has some large negative R²(identity); its size says
// nothing.
std::string r2_text(double r2) { return r2 < -9.99 ? "< -10" : format_r(r2); }

std::string end_text(double value) { return value < -9.99 ? "< -10" : format_r(value, 2); }

std::string interval_text(const std::optional<Interval>& interval) {
  if (!interval) return "no interval";
  return fmt::format("[{}, {}]", end_text(interval->ci_low), end_text(interval->ci_high));
}

TableCell interval_cell(const std::optional<Interval>& interval, const std::string& why) {
  if (!interval) return TableCell::missing(why);
  return interval_text(interval);
}

std::vector<TableCell> table_row(const EvaluationRow& row) {
  std::vector<TableCell> cells = {std::string(evaluation_kind_name(row.kind)), row.name};
  if (!row.score) {
    while (cells.size() < 6) cells.push_back(TableCell::missing(row.why));
    return cells;
  }
  const ReportScore& score = *row.score;
  cells.push_back(score.r ? TableCell(format_r(*score.r)) : TableCell::missing(row.why));
  cells.push_back(score.r2_identity ? TableCell(r2_text(*score.r2_identity))
                                    : TableCell::missing(row.why));
  cells.push_back(interval_cell(score.r2_identity_interval, row.why));
  cells.push_back(format_value(score.mean_absolute_error));
  return cells;
}

std::string score_line(const ReportScore& score) {
  if (!score.r) return score.why;
  std::string text = fmt::format("r = {} {}", format_r(*score.r), interval_text(score.r_interval));
  if (score.log10_p) {
    const std::string p = format_p(*score.log10_p);
    text += fmt::format(", p {}{}", p.starts_with("<") ? "" : "= ", p);
  }
  return text + fmt::format(", Spearman {}", format_r(score.spearman.value_or(0)));
}

std::string calibration_line(const ReportScore& score) {
  if (!score.slope) return score.why;
  return fmt::format("truth = {} {} · report {} {}; mean error {}", format_value(*score.slope),
                     interval_text(score.slope_interval), *score.intercept < 0 ? "-" : "+",
                     format_value(std::abs(*score.intercept)), format_value(score.mean_error));
}

std::string gain_line(const ReporterEvaluation& evaluation) {
  if (!evaluation.gain || !evaluation.gain->estimate) return "no floor has a score";
  return fmt::format("R² {} {} over {}, the best floor: {}", r2_text(*evaluation.gain->estimate),
                     interval_text(evaluation.gain->interval), evaluation.best_floor,
                     evaluation.beats_floors ? "beats the floors" : "does not beat the floors");
}

std::string fraction_line(const ReporterEvaluation& evaluation) {
  const std::optional<BootstrapInterval>& fraction = evaluation.fraction_of_ceiling;
  if (!fraction || !fraction->estimate) {
    return fmt::format("not defined: {}",
                       fraction ? fraction->why_undefined : "no ridge head at the site");
  }
  return fmt::format("{} {} of the R² of ridge at {}", end_text(*fraction->estimate),
                     interval_text(fraction->interval), evaluation.feature_site);
}

std::string selectivity_line(const Selectivity& selectivity) {
  const BootstrapInterval& difference = selectivity.difference;
  if (!difference.estimate) return fmt::format("not defined: {}", difference.why_undefined);
  std::string text = fmt::format(
      "R² of ridge {} for the activation, {} for random values of {} tokens: {} {}",
      r2_text(*selectivity.real.r2_identity), r2_text(*selectivity.control.r2_identity),
      selectivity.n_type, r2_text(*difference.estimate), interval_text(difference.interval));
  if (selectivity.real_code.defined() && selectivity.control_code.defined()) {
    text += fmt::format("; online code {:.2f} and {:.2f} bits a row, {:.2f} without features",
                        selectivity.real_code.bits_per_row, selectivity.control_code.bits_per_row,
                        selectivity.real_code.prior_bits_per_row);
  }
  return text;
}

}  // namespace

std::string evaluation_text(const ReporterEvaluation& evaluation, const TextStyle& style) {
  TextTable table({{"kind"},
                   {"report", Align::left, true},
                   {"r", Align::right},
                   {"R²ident", Align::right},
                   {fmt::format("{:g} % interval", 100 * evaluation.bootstrap.level)},
                   {"error", Align::right}});
  for (const EvaluationRow& row : evaluation.rows) table.add_row(table_row(row));
  std::string text = labelled_text("report of", evaluation.target, 11);
  text +=
      fmt::format("{} activation, held-out texts ({}): {} rows, {} distinct\n\n", evaluation.truth,
                  part_name(evaluation.scored), evaluation.n_row, evaluation.n_group);
  text += table.render(style);
  text += "\n";
  const auto line = [&](const std::string& label, const std::string& content) {
    text += labelled_text("  " + label, content, kIndent);
  };
  line("reporter", score_line(*evaluation.reporter().score));
  line("calibration", calibration_line(*evaluation.reporter().score));
  line("gain", gain_line(evaluation));
  line("of ceiling", fraction_line(evaluation));
  line("selectivity", selectivity_line(evaluation.selectivity));
  line("interval",
       "of R²ident, cluster bootstrap over text groups; error: mean absolute, in "
       "activation units");
  return in_style(text, style);
}

std::string drift_text(const ActivationDrift& drift, const TextStyle& style) {
  std::string text = fmt::format(
      "  activation   mean {}, sd {}; at the start {}, {}\n"
      "  distance     W1 {}, KS {:.2f}, r {}\n",
      format_value(drift.current.mean), format_value(drift.current.sd),
      format_value(drift.initial.mean), format_value(drift.initial.sd),
      format_value(drift.wasserstein1), drift.kolmogorov_smirnov,
      drift.r ? format_r(*drift.r) : "–");
  if (drift.sd_ratio) {
    text += fmt::format("  spread       {}: sd ratio {:.2f}{}\n", spread_verdict_name(drift.spread),
                        *drift.sd_ratio,
                        drift.sd_ratio_interval
                            ? fmt::format(" [{:.2f}, {:.2f}]", drift.sd_ratio_interval->ci_low,
                                          drift.sd_ratio_interval->ci_high)
                            : ", no interval");
  } else {
    text += fmt::format("  spread       unclear: {}\n", drift.why);
  }
  return in_style(text, style);
}

}  // namespace gnomon
