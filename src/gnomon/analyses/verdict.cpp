// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace gnomon {
namespace {

constexpr double kAlpha = 0.05;

std::string number(const std::optional<double>& value) {
  return value ? fmt::format("{:+.3g}", *value) : "undefined";
}

std::string with_interval(const BootstrapInterval& value) {
  if (!value.interval) return number(value.estimate) + ", no interval";
  return fmt::format("{} [{:+.3g}, {:+.3g}]", number(value.estimate), value.interval->ci_low,
                     value.interval->ci_high);
}

// Gains, slopes and shares below this are 0: those of a planted 0 are rounding, whose interval
// lies on one side of 0 as often as not.
constexpr double kNothing = 1e-3;

bool above_zero(const BootstrapInterval& value) {
  return value.interval && value.interval->ci_low > 0 && *value.estimate > kNothing;
}
bool below_zero(const BootstrapInterval& value) {
  return value.interval && value.interval->ci_high < 0 && *value.estimate < -kNothing;
}
bool within(const BootstrapInterval& value, double margin) {
  return value.interval && value.interval->ci_low > -margin && value.interval->ci_high < margin;
}

bool beyond_controls(const PatchStudy& patch) {
  return !patch.control_p_value || *patch.control_p_value <= kAlpha;
}

// Within the margin that counts as none, but neither 0 nor what matched neurons have.
bool small_but_there(const PatchStudy& patch) {
  return above_zero(patch.total.gain) && patch.control_p_value && *patch.control_p_value <= kAlpha;
}

double margin_of(const std::optional<PatchStudy>& patch) {
  return patch && patch->none ? patch->none->options.margin : EquivalenceOptions{}.margin;
}

Evidence score_evidence(const ReporterEvaluation& evaluation) {
  Evidence evidence{"E1", "Is there a report to explain, beyond what needs no model?", "", {}};
  evidence.readings.fill(Reading::silent);
  const auto& score = evaluation.reporter().score;
  evidence.figure =
      fmt::format("R² {} against {}; over the best floor, {}: {}",
                  number(score ? score->r2_identity : std::nullopt), evaluation.truth,
                  evaluation.best_floor.empty() ? "none" : evaluation.best_floor,
                  evaluation.gain ? with_interval(*evaluation.gain) : "no comparison");
  const Reading reading = evaluation.beats_floors ? Reading::supports : Reading::undecided;
  for (const Account account : {Account::models_map, Account::reads_input, Account::reads_write})
    evidence.of(account) = reading;
  return evidence;
}

Evidence gain_evidence(const VerdictInputs& inputs) {
  Evidence evidence{"E2", "Does the report follow when the neuron is written into?", "", {}};
  evidence.readings.fill(Reading::silent);
  if (!inputs.patch) {
    const bool unreachable = inputs.no_patch == NoPatch::unreachable;
    evidence.figure = (unreachable ? "causal gain 0: " : "not measured: ") + inputs.why_no_patch;
    for (const Account account : {Account::models_map, Account::reads_input})
      evidence.of(account) = unreachable ? Reading::supports : Reading::undecided;
    evidence.of(Account::reads_write) = unreachable ? Reading::contradicts : Reading::undecided;
    return evidence;
  }
  const PatchStudy& patch = *inputs.patch;
  evidence.figure = fmt::format("causal gain {}: {}", with_interval(patch.total.gain),
                                gain_verdict_name(patch.verdict));
  if (patch.control_p_value) {
    evidence.figure += fmt::format("; above {:.0f} % of {} matched controls (p = {:.2g})",
                                   patch.control_percentile.value_or(0), patch.controls.size(),
                                   *patch.control_p_value);
  }
  Reading& write = evidence.of(Account::reads_write);
  if (below_zero(patch.total.gain) ||
      (patch.verdict == GainVerdict::no_effect && !small_but_there(patch))) {
    write = Reading::contradicts;
  } else if (patch.verdict == GainVerdict::no_effect) {
    write = Reading::undecided;
  } else {
    write = above_zero(patch.total.gain) && beyond_controls(patch) ? Reading::supports
                                                                   : Reading::undecided;
  }
  const Reading other = patch.verdict == GainVerdict::no_effect ? Reading::supports
                        : patch.verdict == GainVerdict::follows ? Reading::contradicts
                                                                : Reading::undecided;
  evidence.of(Account::models_map) = other;
  evidence.of(Account::reads_input) = other;
  return evidence;
}

Evidence interchange_evidence(const VerdictInputs& inputs) {
  Evidence evidence{"E3", "Does it report the value that another text's neuron had?", "", {}};
  evidence.readings.fill(Reading::silent);
  evidence.of(Account::reads_write) = Reading::undecided;
  if (!inputs.patch) {
    evidence.figure = "not measured: " + inputs.why_no_patch;
    return evidence;
  }
  const PatchStudy& patch = *inputs.patch;
  if (!patch.interchange) {
    evidence.figure = "not measured: all rows are of one text group";
    return evidence;
  }
  const Sufficiency& swap = *patch.interchange;
  if (!swap.why.empty()) {
    evidence.figure = swap.why;
    return evidence;
  }
  evidence.figure = fmt::format("slope {} on the donor's value, r {}, p = {:.2g} over {} shuffles",
                                number(swap.slope), number(swap.r), swap.p_value, swap.n_shuffle);
  // A slope within the margin is too small to be the account of a report, whatever its p.
  const double margin = margin_of(inputs.patch);
  Reading& write = evidence.of(Account::reads_write);
  if (swap.slope && std::abs(*swap.slope) < margin && swap.null_slope_low > -margin &&
      swap.null_slope_high < margin) {
    write = Reading::contradicts;
  } else if (swap.slope && std::abs(*swap.slope) >= margin && swap.p_value <= kAlpha) {
    write = *swap.slope > 0 ? Reading::supports : Reading::contradicts;
  }
  return evidence;
}

Evidence ablation_evidence(const VerdictInputs& inputs) {
  Evidence evidence{"E4", "What is left of the report when the neuron says nothing?", "", {}};
  evidence.readings.fill(Reading::silent);
  if (!inputs.patch) {
    evidence.figure = "not measured: " + inputs.why_no_patch;
    return evidence;
  }
  const PatchStudy& patch = *inputs.patch;
  const auto found = std::ranges::find(patch.ablations, AblationMode::mean,
                                       &std::pair<AblationMode, Necessity>::first);
  if (found == patch.ablations.end()) {
    evidence.figure = "not measured";
    return evidence;
  }
  const Necessity& ablated = found->second;
  evidence.figure =
      fmt::format("slope on the true activation {}, with the neuron at its mean {}; carried {}",
                  number(ablated.clean_slope.estimate), number(ablated.ablated_slope.estimate),
                  with_interval(ablated.carried));
  evidence.of(Account::reads_write) = Reading::undecided;
  evidence.of(Account::models_map) = Reading::undecided;
  if (above_zero(ablated.carried)) {
    evidence.of(Account::reads_write) = Reading::supports;
  } else if (within(ablated.carried, margin_of(patch)) && above_zero(ablated.ablated_slope)) {
    evidence.of(Account::reads_write) = Reading::contradicts;
    evidence.of(Account::models_map) = Reading::supports;
  }
  return evidence;
}

Evidence direction_evidence(const VerdictInputs& inputs) {
  Evidence evidence{"E5", "Does it follow the neuron's input, the neuron held?", "", {}};
  evidence.readings.fill(Reading::silent);
  if (!inputs.direction) {
    evidence.figure = "not measured: " + inputs.why_no_direction;
    return evidence;
  }
  const DirectionPatch& direction = *inputs.direction;
  evidence.figure = fmt::format(
      "gain {} along it; above {:.0f} % of {} random directions of its length (p = {:.2g})",
      with_interval(direction.gain), direction.percentile, direction.random_gains.size(),
      direction.p_value);
  Reading& input = evidence.of(Account::reads_input);
  input = Reading::undecided;
  if (within(direction.gain, margin_of(inputs.patch))) {
    input = Reading::contradicts;
  } else if (above_zero(direction.gain) && direction.p_value <= kAlpha) {
    input = Reading::supports;
  }
  return evidence;
}

// Whether any cosine of the read-out with a direction of this kind stands out among those of the
// layer's other neurons.
Evidence cosine_evidence(const WeightsAnalysis& weights) {
  Evidence evidence{"E6", "Does the read-out point along the neuron's weights?", "", {}};
  evidence.readings.fill(Reading::silent);
  std::string figure;
  for (const auto& [kind, account, word] :
       {std::tuple{DirectionKind::read, Account::reads_input, "read"},
        {DirectionKind::write, Account::reads_write, "write"}}) {
    const ReadOutCosine* best = nullptr;
    for (const ReadOutCosine& cosine : weights.cosines) {
      if (cosine.kind != kind || !cosine.value || !cosine.others || !cosine.others->q) continue;
      if (best == nullptr || *cosine.others->q < *best->others->q) best = &cosine;
    }
    if (best == nullptr) continue;
    evidence.of(account) = *best->others->q <= kAlpha ? Reading::supports : Reading::undecided;
    figure += fmt::format("{}{}: {} cosine {:+.2f} at {}, q = {:.2g}", figure.empty() ? "" : "; ",
                          word, read_out_statistic_name(best->statistic), *best->value, best->place,
                          *best->others->q);
  }
  evidence.figure = figure.empty() ? "no cosine with a null" : "smallest q: " + figure;
  return evidence;
}

Evidence share_evidence(const WeightsAnalysis& weights) {
  Evidence evidence{"E7", "How much of its variance is the neuron's own write?", "", {}};
  evidence.readings.fill(Reading::silent);
  for (const ReadOutPlace& place : weights.places) {
    if (!place.share) {
      if (evidence.figure.empty() && !place.why_no_share.empty())
        evidence.figure = "not measured: " + place.why_no_share;
      continue;
    }
    evidence.figure = fmt::format("share {} at {}", with_interval(place.share->share), place.name);
    evidence.of(Account::reads_write) =
        above_zero(place.share->share) ? Reading::supports : Reading::undecided;
  }
  if (evidence.figure.empty()) evidence.figure = "not measured";
  return evidence;
}

Evidence spread_evidence(const ActivationDrift& drift) {
  Evidence evidence{"E8", "Does the neuron still say what it said before training?", "", {}};
  evidence.readings.fill(Reading::silent);
  Reading& reading = evidence.of(Account::regularised);
  reading = Reading::undecided;
  evidence.figure = fmt::format(
      "spread {}: sd {:.3g} times that of the start{}; r with it {}",
      spread_verdict_name(drift.spread), drift.sd_ratio.value_or(0),
      drift.sd_ratio_interval ? fmt::format(" [{:.3g}, {:.3g}]", drift.sd_ratio_interval->ci_low,
                                            drift.sd_ratio_interval->ci_high)
                              : std::string(),
      number(drift.r));
  if (!drift.sd_ratio) evidence.figure = drift.why;
  if (drift.spread == SpreadVerdict::collapsed) {
    reading = Reading::supports;
  } else if (drift.spread == SpreadVerdict::kept || drift.spread == SpreadVerdict::expanded ||
             (drift.sd_ratio_interval && drift.sd_ratio_interval->ci_low > 1)) {
    reading = Reading::contradicts;
  }
  return evidence;
}

const Evidence& piece(const Verdict& verdict, std::string_view id) {
  return *std::ranges::find(verdict.evidence, id, &Evidence::id);
}

AccountVerdict by_one(const Verdict& verdict, Account account, std::string_view id,
                      std::string decide) {
  AccountVerdict result{account, piece(verdict, id).of(account), {std::string(id)}, {}};
  if (result.outcome == Reading::silent) result.outcome = Reading::undecided;
  if (result.outcome == Reading::undecided) result.decide = std::move(decide);
  return result;
}

std::string gain_decider(const VerdictInputs& inputs) {
  if (!inputs.patch)
    return "nothing: a neuron that is constant in the trained model says nothing that can be read";
  const PatchStudy& patch = *inputs.patch;
  if (patch.verdict == GainVerdict::no_effect) {
    return fmt::format(
        "nothing more: the neuron's write has a part in the report, {} of an ideal "
        "1, below the margin of {:g} that counts as an effect",
        number(patch.total.gain.estimate), margin_of(patch));
  }
  if (patch.control_p_value && *patch.control_p_value > kAlpha && above_zero(patch.total.gain)) {
    return fmt::format(
        "the gain is above 0 but not beyond those of {} matched neurons: more "
        "controls, `gnomon patch RUN --controls {}`",
        patch.controls.size(), 4 * std::max<std::size_t>(16, patch.controls.size()));
  }
  if (!patch.none) return "more held-out texts: the gain has no interval";
  return fmt::format("more held-out texts: of {} the smallest gain that would be found is {:.2g}",
                     patch.n_row, patch.none->detectable);
}

std::string input_decider(const VerdictInputs& inputs) {
  if (!inputs.direction) return inputs.why_no_direction;
  if (above_zero(inputs.direction->gain) && inputs.direction->p_value > kAlpha) {
    return fmt::format(
        "nothing more: the report follows it, but {} random directions of its length move the "
        "report as much",
        inputs.direction->random_gains.size());
  }
  return "more held-out texts";
}

AccountVerdict models_map(const Verdict& verdict, const VerdictInputs& inputs) {
  AccountVerdict result{Account::models_map, Reading::undecided, {"E1", "E2", "E5"}, {}};
  const Reading gain = piece(verdict, "E2").of(Account::models_map);
  const bool reads_input = piece(verdict, "E5").of(Account::reads_input) == Reading::supports;
  if (gain == Reading::contradicts) {
    result.outcome = Reading::contradicts;
    result.because = {"E2"};
  } else if (gain == Reading::supports && inputs.evaluation.beats_floors && !reads_input) {
    result.outcome = Reading::supports;
  } else if (!inputs.evaluation.beats_floors) {
    result.decide = "a report that beats its floors (E1): another training or more texts";
  } else if (reads_input) {
    result.decide = "nothing: it reads the neuron's input direction, which is one way to do it";
  } else if (inputs.patch && above_zero(inputs.patch->total.gain)) {
    result.decide =
        fmt::format("nothing more: a mixture, of which the gain {} is the neuron's part",
                    number(inputs.patch->total.gain.estimate));
  } else {
    result.decide = gain_decider(inputs);
  }
  return result;
}

}  // namespace

std::string_view account_name(Account account) {
  constexpr std::array<std::string_view, 4> kNames = {"models_map", "reads_input", "reads_write",
                                                      "regularised"};
  return kNames[static_cast<std::size_t>(account)];
}

std::string_view account_statement(Account account) {
  constexpr std::array<std::string_view, 4> kStatements = {
      "H1: it computes the activation from other things in the stream",
      "H2: it reads the direction that the neuron itself reads",
      "H3: it reads what the neuron writes", "H4: training made the neuron easy to report"};
  return kStatements[static_cast<std::size_t>(account)];
}

std::string_view reading_name(Reading reading) {
  constexpr std::array<std::string_view, 4> kNames = {"supports", "contradicts", "undecided",
                                                      "silent"};
  return kNames[static_cast<std::size_t>(reading)];
}

Verdict judge(const VerdictInputs& inputs) {
  Verdict verdict;
  verdict.target = inputs.evaluation.target;
  if (inputs.patch) {
    verdict.gain = inputs.patch->total.gain;
  } else {
    if (inputs.no_patch == NoPatch::unreachable) verdict.gain.estimate = 0;
    verdict.gain.why_undefined = inputs.why_no_patch;
  }
  verdict.evidence = {score_evidence(inputs.evaluation), gain_evidence(inputs),
                      interchange_evidence(inputs),      ablation_evidence(inputs),
                      direction_evidence(inputs),        cosine_evidence(inputs.weights),
                      share_evidence(inputs.weights),    spread_evidence(inputs.drift)};
  verdict.accounts.push_back(models_map(verdict, inputs));
  verdict.accounts.push_back(by_one(verdict, Account::reads_input, "E5", input_decider(inputs)));
  verdict.accounts.push_back(by_one(verdict, Account::reads_write, "E2", gain_decider(inputs)));
  verdict.accounts.push_back(by_one(verdict, Account::regularised, "E8",
                                    "more held-out texts: the interval of the spread is too wide"));
  return verdict;
}

}  // namespace gnomon
