// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/patch_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "gnomon/report/wrapped_text.h"
#include "gnomon/stats/quantile.h"

namespace gnomon {
namespace {

std::string number_text(const std::optional<double>& value) {
  return value ? fmt::format("{:+.3f}", *value) : "–";
}

std::string share_text(const std::optional<double>& value) {
  return value ? fmt::format("{:.3f}", *value) : "–";
}

std::string interval_text(const std::optional<Interval>& interval) {
  if (!interval) return "[no interval]";
  return fmt::format("[{:+.3f}, {:+.3f}]", interval->ci_low, interval->ci_high);
}

std::string estimate_text(const BootstrapInterval& estimate) {
  if (!estimate.estimate) return "– (" + estimate.why_undefined + ")";
  return number_text(estimate.estimate) + " " + interval_text(estimate.interval);
}

constexpr int kIndent = 14;

std::string line(const std::string& label, const std::string& text) {
  return labelled_text("  " + label, text, kIndent);
}

std::string dose_table(const PatchStudy& study, const TextStyle& style) {
  TextTable table({{"dose", Align::right},
                   {"neuron", Align::right},
                   {"in range", Align::right},
                   {"typical", Align::right},
                   {"report", Align::right},
                   {"sd", Align::right},
                   {"change", Align::right},
                   {"direct", Align::right}});
  for (const DosePoint& point : study.points) {
    table.add_row({fmt::format("{:.4g}", point.dose), fmt::format("{:.4g}", point.mean_value),
                   format_percent(point.share_in_range),
                   point.share_typical ? TableCell(format_percent(*point.share_typical))
                                       : TableCell::missing(study.why_no_typicality),
                   fmt::format("{:.4g}", point.mean_report), fmt::format("{:.3g}", point.sd_report),
                   fmt::format("{:+.4f}", point.mean_change),
                   point.mean_direct ? TableCell(fmt::format("{:.4g}", *point.mean_direct))
                                     : TableCell::missing(study.why_no_direct)});
  }
  return table.render(style);
}

std::string controls_text(const PatchStudy& study) {
  if (!study.control_percentile)
    return line("controls", "none: " + (study.why_no_controls.empty()
                                            ? std::string("the gain or theirs is undefined")
                                            : study.why_no_controls));
  std::vector<double> gains;
  for (const UnitGain& control : study.controls) {
    if (control.gain.gain.estimate) gains.push_back(std::abs(*control.gain.gain.estimate));
  }
  return line("controls",
              fmt::format("{} units like it: |gain| {:.3f} in the middle, {:.3f} at most; above {} "
                          "of them, p {:.2g}",
                          gains.size(), quantile(gains, 0.5), *std::ranges::max_element(gains),
                          format_percentile(*study.control_percentile, gains.size()),
                          *study.control_p_value));
}

std::string gain_text(const PatchStudy& study) {
  std::string text = "Causal gain: slope of the report on the neuron, in its natural range\n";
  text += line("total",
               fmt::format("{}  R²fit {}  R²ident {}", estimate_text(study.total.gain),
                           share_text(study.total.r2_fit), number_text(study.total.r2_identity)));
  if (study.direct) {
    text += line("direct", estimate_text(study.direct->gain) + "  the neuron's write alone");
    text += line("indirect", estimate_text(*study.indirect) + "  through later blocks");
  } else {
    text += line("direct", "not defined: " + study.why_no_direct);
  }
  text +=
      line("texts",
           fmt::format("sd of their gains {}, positive in {}", share_text(study.total.row_gain_sd),
                       study.total.share_positive ? format_percent(*study.total.share_positive)
                                                  : std::string("–")));
  return text + controls_text(study);
}

std::string ablations_text(const PatchStudy& study, const TextStyle& style) {
  if (study.ablations.empty()) return "";
  TextTable table({{"ablation"},
                   {"slope", Align::right},
                   {"ablated", Align::right},
                   {"carried by the neuron"},
                   {"r", Align::right},
                   {"ablated", Align::right},
                   {"change", Align::right}});
  for (const auto& [mode, necessity] : study.ablations) {
    table.add_row({std::string(ablation_mode_name(mode)),
                   number_text(necessity.clean_slope.estimate),
                   number_text(necessity.ablated_slope.estimate), estimate_text(necessity.carried),
                   number_text(necessity.clean_r), number_text(necessity.ablated_r),
                   fmt::format("{:.3f}", necessity.mean_change)});
  }
  return "\nNecessary? Slope and r of the report on the unpatched neuron, across texts\n" +
         table.render(style);
}

std::string interchange_text(const PatchStudy& study) {
  if (!study.interchange) return "";
  const Sufficiency& swap = *study.interchange;
  std::string text = "\nSufficient? The report against the value of another text's neuron\n";
  if (!swap.r) return text + line("interchange", "– (" + swap.why + ")");
  return text +
         line("interchange",
              fmt::format("slope {}, r {} over {} pairs; donors shuffled: r {:+.3f} to {:+.3f}, p "
                          "{:.2g}",
                          number_text(swap.slope), number_text(swap.r), swap.n_pair,
                          swap.null_r_low, swap.null_r_high, swap.p_value));
}

std::string verdict_text(const PatchStudy& study) {
  const double margin = study.none ? study.none->options.margin : EquivalenceOptions{}.margin;
  const auto tested = [&](const EquivalenceTest& test) {
    return fmt::format("{:.0f} % interval [{:+.3f}, {:+.3f}]", 100 * test.interval.level,
                       test.interval.ci_low, test.interval.ci_high);
  };
  switch (study.verdict) {
    case GainVerdict::follows:
      return fmt::format("The report follows the neuron: its gain is 1 within {:g} ({}).", margin,
                         tested(*study.ideal));
    case GainVerdict::no_effect: {
      const std::optional<Interval>& interval = study.total.gain.interval;
      const bool is_zero = !interval || (interval->ci_low <= 0 && interval->ci_high >= 0);
      return fmt::format(
          "Writing into the neuron moves the report by less than {:g} per unit ({}; chance to show "
          "this where there is no effect: {}){}",
          margin, tested(*study.none), format_percent(study.none->equivalence_power),
          is_zero ? "." : ", though not by 0: an effect that is there, below the margin.");
    }
    case GainVerdict::depends:
      return "The report depends on the neuron, with another gain than 1: the interval of the gain "
             "does not hold 0.";
    case GainVerdict::undecided:
      break;
  }
  if (!study.none) return "Undecided: the gain has no interval.";
  return fmt::format(
      "Undecided: the gain's interval holds 0 and is too wide for \"no effect within {:g}\" ({}). "
      "A "
      "gain of {:.3f} would have been found with a chance of {}.",
      margin, tested(*study.none), study.none->detectable,
      format_percent(study.none->options.power));
}

}  // namespace

std::string patch_text(const PatchStudy& study, const TextStyle& style) {
  std::string text = fmt::format(
      "{} patched{}\n{} read: reports of {}\n", study.site,
      study.most_tokens == 1 ? std::string()
                             : fmt::format(" at up to {} tokens together", study.most_tokens),
      study.read_out, study.target);
  text += fmt::format("{} texts: {} rows, {} distinct; natural range {:.4g} to {:.4g},\n",
                      study.part == Part::test ? "held-out" : part_name(study.part), study.n_row,
                      study.n_group, study.range.low, study.range.high);
  text += fmt::format("1 % to 99 % of {} training rows\n\n", study.n_training_row);
  text += dose_table(study, style) + "\n" + gain_text(study) + ablations_text(study, style) +
          interchange_text(study);
  const NonVacuity& moved = study.non_vacuity;
  text += "\nMoved by the doses\n";
  text += line("neuron", fmt::format("by {:.3g} on average, {:.3g} at most", moved.mean_site_change,
                                     moved.largest_site_change));
  text += line("read-out", fmt::format("by {:.3g} on average, {:.2g} of its norm",
                                       moved.mean_feature_change, moved.mean_feature_relative));
  text += line("report", fmt::format("by {:.3g} on average, {:.3g} at most",
                                     moved.mean_report_change, moved.largest_report_change));
  if (study.typicality) {
    text +=
        line("typical", fmt::format("share of texts whose {} lies within 99 % of the distances of "
                                    "unchanged ones (Mahalanobis, {:.1f})",
                                    study.typicality->site, study.typicality->clean_q99));
  }
  text += "\n";
  for (const std::string& wrapped : wrapped_lines(verdict_text(study), kTextWidth))
    text += wrapped + "\n";
  return style.unicode ? text : ascii_text(text);
}

}  // namespace gnomon
