// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/detail/report_findings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <regex>

#include "gnomon/report/detail/report_data.h"
#include "gnomon/report/detail/sweep_measure.h"
#include "gnomon/report/stream_words.h"
#include "gnomon/report/text_table.h"

namespace gnomon::detail {
namespace {

struct Estimate {
  double value = 0;
  std::optional<double> low;
  std::optional<double> high;

  bool has_interval() const { return low && high; }
  bool above(double limit) const { return low && *low > limit; }
  bool below(double limit) const { return high && *high < limit; }
};

std::string estimate_text(const Estimate& estimate) {
  std::string text = format_r(estimate.value, 2);
  if (estimate.has_interval()) text += " " + format_interval(*estimate.low, *estimate.high);
  return text;
}

std::optional<Estimate> estimate_of(const Json& object) {
  const auto value = number_at(object, "value");
  if (!value) return std::nullopt;
  Estimate estimate{*value, std::nullopt, std::nullopt};
  const Json& interval = child_at(object, "interval");
  if (interval.is_array() && interval.size() == 2 && interval[0].is_number() &&
      interval[1].is_number()) {
    estimate.low = interval[0].get<double>();
    estimate.high = interval[1].get<double>();
  }
  return estimate;
}

const Json* reporter_row(const Json& evaluation) {
  for (const Json& row : child_at(evaluation, "rows")) {
    if (text_at(row, "kind") == "reporter") return &row;
  }
  return nullptr;
}

std::string counts(const Json& document) {
  const auto rows = number_at(document, "n_rows").value_or(0);
  const auto distinct = number_at(document, "n_distinct").value_or(0);
  return rows == distinct
             ? fmt::format("{:.0f} held-out texts", rows)
             : fmt::format("{:.0f} held-out rows ({:.0f} distinct texts)", rows, distinct);
}

std::string not_shown(std::string_view what) {
  return fmt::format("We cannot say {}: a check on which that number rests failed (see Checks).",
                     what);
}

std::string report_sentence(const ReportData& data) {
  const Json* evaluation = nullptr;
  if (const auto trainings = data.trainings(); !trainings.empty())
    evaluation = data.main.document(trainings.front() + "/evaluation.json");
  if (evaluation == nullptr) return "";
  if (!data.main.holds()) return not_shown("what the report is worth");
  const Json* reporter = reporter_row(*evaluation);
  const auto gain = estimate_of(child_at(*evaluation, "gain"));
  if (reporter == nullptr || !gain) return "";
  std::string over = text_at(child_at(*evaluation, "gain"), "over");
  for (const Json& row : child_at(*evaluation, "rows")) {
    if (text_at(row, "name") == over) {
      over = fmt::format("“{}” ({})", over, text_at(row, "definition"));
      break;
    }
  }
  const std::string r2 =
      estimate_text({number_at(*reporter, "r2_identity").value_or(0), std::nullopt, std::nullopt});
  const std::string start =
      fmt::format("On {}, the report has R² {} against the activation", counts(*evaluation), r2);
  if (gain->above(0))
    return fmt::format("{}: better by {} than {}, the best predictor that never reads the stream.",
                       start, estimate_text(*gain), over);
  if (gain->below(0))
    return fmt::format("{}: worse than {}, which never reads the stream (difference {}).", start,
                       over, estimate_text(*gain));
  return fmt::format(
      "{}; we cannot tell whether it is better than {}, which never reads the stream "
      "(difference {}).",
      start, over, estimate_text(*gain));
}

// A projection run has no trained report: its head stands against the baselines.
std::string head_sentence(const ReportData& data, const Json& projections) {
  if (!data.main.holds()) return not_shown("how well a linear head predicts the activation");
  const Json* head = nullptr;
  for (const Json& direction : child_at(projections, "directions")) {
    if (text_at(direction, "name") == "head") head = &direction;
  }
  const auto r2 = head == nullptr ? std::nullopt : number_at(*head, "r2_identity");
  if (!r2) return "";
  const Json* best = nullptr;
  for (const Json& baseline : child_at(projections, "baselines")) {
    const auto value = number_at(baseline, "r2_identity");
    if (!value || text_at(baseline, "name") == "ridge") continue;
    if (best == nullptr || *value > number_at(*best, "r2_identity").value_or(-1e300))
      best = &baseline;
  }
  std::string sentence =
      fmt::format("On {}, a linear head on the last stream has R² {} against the activation",
                  counts(projections), format_r(*r2, 2));
  if (best != nullptr)
    sentence += fmt::format("; “{}”, which never reads the stream, has {}", text_at(*best, "name"),
                            format_r(number_at(*best, "r2_identity").value_or(0), 2));
  return sentence + ".";
}

std::string direction_name(const std::string& name) {
  if (name == "input") return "the direction that the neuron reads";
  if (name == "input_gate") return "the direction that the neuron's gate reads";
  if (name == "input_up") return "the direction that the neuron's other branch reads";
  if (name == "output") return "the direction that the neuron writes";
  if (name == "final") return "the neuron's write direction in the last stream";
  return name;
}

bool beats_null(const Json& direction, const char* key) {
  const Json& null = child_at(direction, key);
  const auto upper = number_at(null, "abs_r_upper");
  return !upper || std::abs(number_at(direction, "r").value_or(0)) > *upper;
}

std::string direction_sentence(const ReportData& data, const Json& projections) {
  if (!data.main.holds()) return not_shown("which direction goes with the activation");
  const Json* best = nullptr;
  for (const Json& direction : child_at(projections, "directions")) {
    const auto r = number_at(direction, "r");
    if (!r || text_at(direction, "name") == "head") continue;
    if (best == nullptr || std::abs(*r) > std::abs(number_at(*best, "r").value_or(0)))
      best = &direction;
  }
  if (best == nullptr) return "";
  const Estimate r{number_at(*best, "r").value_or(0), number_at(*best, "ci_low"),
                   number_at(*best, "ci_high")};
  const std::string where = fmt::format("{} (read at {})", direction_name(text_at(*best, "name")),
                                        text_at(*best, "site"));
  if (!r.above(0) && !r.below(0))
    return fmt::format(
        "No projection on one of the neuron's own directions is shown to go with the activation: "
        "the largest is {}, r {}, an interval that holds 0.",
        where, estimate_text(r));
  std::string sentence =
      fmt::format("Of the neuron's own directions, {} goes with the activation most, r {}", where,
                  estimate_text(r));
  if (!beats_null(*best, "random_directions"))
    return sentence + ", but random directions of the same stream reach as much.";
  if (!beats_null(*best, "other_neurons"))
    return sentence + ", but the same direction of other neurons reaches as much.";
  return sentence + ", more than 97.5 % of directions that have nothing to do with it.";
}

// "H2: it reads X" -> "that the report reads X (H2)"
std::string account_words(const Json& account) {
  const std::string statement = text_at(account, "statement");
  const std::size_t colon = statement.find(": ");
  if (colon == std::string::npos) return "that " + statement;
  std::string claim = statement.substr(colon + 2);
  if (claim.starts_with("it ")) claim = "the report " + claim.substr(3);
  return fmt::format("that {} ({})", claim, statement.substr(0, colon));
}

std::string accounts_sentence(const Json& verdict) {
  std::vector<std::string> supported;
  std::vector<std::string> contradicted;
  for (const Json& account : child_at(verdict, "accounts")) {
    const std::string outcome = text_at(account, "outcome");
    if (outcome == "supported") supported.push_back(account_words(account));
    if (outcome == "contradicted") contradicted.push_back(account_words(account));
  }
  if (supported.empty() && contradicted.empty())
    return "We cannot tell what the report reads: every account of it is undecided.";
  if (supported.empty())
    return fmt::format("What the report reads is undecided; the evidence contradicts {}.",
                       fmt::join(contradicted, " and "));
  std::string sentence = fmt::format("The evidence supports {}", fmt::join(supported, " and "));
  if (!contradicted.empty())
    sentence += fmt::format(", and contradicts {}", fmt::join(contradicted, " and "));
  return sentence + ".";
}

std::string patch_sentence(const Json& patch) {
  const auto gain = estimate_of(child_at(patch, "gain"));
  if (!gain) return "";
  const std::string verdict = text_at(patch, "verdict");
  const std::string figure =
      fmt::format("writing +1 into the neuron moves the report by {}", estimate_text(*gain));
  if (verdict == "follows") return fmt::format("The report follows the neuron: {}.", figure);
  if (verdict == "no_effect")
    return fmt::format("The report does not follow the neuron: {}, within ±{} of nothing.", figure,
                       format_value(number_at(child_at(patch, "no_effect"), "margin").value_or(0)));
  if (verdict == "depends")
    return fmt::format("The report depends on the neuron without following it one to one: {}.",
                       figure);
  return fmt::format("We cannot tell whether the report follows the neuron: {}.", figure);
}

std::string cause_sentence(const ReportData& data) {
  for (const auto& [path, sentence] : {std::pair{"analysis/verdict.json", &accounts_sentence},
                                       std::pair{"analysis/patch.json", &patch_sentence}}) {
    const RunResults* run = data.with(path);
    if (run == nullptr) continue;
    if (!run->holds()) return not_shown("what causes the report");
    return sentence(*run->document(path));
  }
  if (data.trainings().empty())
    return "Nothing was intervened on in this run: a correlation says what goes together, not what "
           "is read.";
  return "Whether the report is read from the neuron is not known: no intervention was made; "
         "gnomon verdict makes it.";
}

std::string finding_of_original(const Json& import) {
  std::vector<std::string> fatal;
  for (const Json& finding : child_at(import, "findings")) {
    if (text_at(finding, "severity") == "fatal")
      fatal.push_back(fmt::format("{} ({})", text_at(finding, "title"), text_at(finding, "id")));
  }
  if (fatal.empty())
    return "Nothing that was found in the files takes a conclusion of the run away by itself.";
  return fmt::format("{} of {} findings each take a conclusion of the run away: {}.", fatal.size(),
                     child_at(import, "findings").size(), fmt::join(fatal, "; "));
}

std::string sweep_sentence(const Json& sweep) {
  const char* key = sweep_measure(sweep);
  const Json* best = nullptr;
  std::optional<Estimate> most;
  for (const Json& cell : child_at(sweep, "cells")) {
    const auto p = number_at(cell, "p_family");
    const auto effect = estimate_of(child_at(cell, key));
    if (!p || *p > 0.05 || !effect) continue;
    if (most && std::abs(effect->value) <= std::abs(most->value)) continue;
    best = &cell;
    most = effect;
  }
  if (best == nullptr)
    return "No patched cell moves the metric by more than chance allows in the whole family.";
  return fmt::format(
      "Of the cells that move the metric by more than chance allows in the whole "
      "family (p ≤ 0.05), {} does most: {} {}.",
      text_at(*best, "cell"), estimate_text(*most),
      is_normalised(sweep) ? "of the difference between the two runs" : "of the metric");
}

void add(std::vector<std::string>& sentences, std::string sentence) {
  if (!sentence.empty()) sentences.push_back(std::move(sentence));
}

}  // namespace

std::string target_words(const std::string& target) {
  static const std::regex kNeuron(R"(blocks\.(\d+)\.mlp\.hook_post\[(\d+)\](@.*)?)");
  std::smatch parts;
  if (!std::regex_match(target, parts, kNeuron)) return target;
  return fmt::format("neuron {} of block {} {}", parts[2].str(), parts[1].str(),
                     position_words(parts[3].str()));
}

std::string question(const ReportData& data) {
  const std::string target = target_words(data.target);
  if (data.main.document("import.json") != nullptr)
    return "What do the files of this run of the original study still show?";
  if (data.main.document("analysis/sweep.json") != nullptr)
    return "Where in the model does the patched metric come from?";
  if (data.main.document("analysis/projections.json") == nullptr && data.trainings().empty() &&
      (data.main.document("analysis/patch.json") != nullptr ||
       data.main.document("analysis/weights.json") != nullptr))
    return fmt::format("Is the report of {} read from that neuron?", target);
  if (data.trainings().empty())
    return fmt::format("Which direction of the residual stream goes with {}?", target);
  return fmt::format(
      "Can a report of {} be read from the model, and from which direction of its "
      "residual stream?",
      target);
}

std::vector<std::string> findings(const ReportData& data) {
  std::vector<std::string> sentences;
  const Json* projections = data.main.document("analysis/projections.json");
  if (!data.trainings().empty()) {
    add(sentences, report_sentence(data));
  } else if (projections != nullptr) {
    add(sentences, head_sentence(data, *projections));
  }
  if (projections != nullptr) add(sentences, direction_sentence(data, *projections));
  const bool about_reports = projections != nullptr || !data.trainings().empty() ||
                             data.with("analysis/patch.json") != nullptr ||
                             data.with("analysis/verdict.json") != nullptr;
  if (about_reports) add(sentences, cause_sentence(data));
  if (const Json* sweep = data.main.document("analysis/sweep.json"))
    add(sentences, data.main.holds() ? sweep_sentence(*sweep) : not_shown("where it comes from"));
  if (const Json* import = data.main.document("import.json"))
    add(sentences, finding_of_original(*import));
  return sentences;
}

std::vector<std::string> limits(const ReportData& data) {
  std::vector<std::string> sentences;
  const Json* projections = data.main.document("analysis/projections.json");
  if (projections != nullptr) {
    const double n = number_at(*projections, "n_distinct").value_or(0);
    if (n < 100)
      sentences.push_back(fmt::format(
          "Every correlation is of {:.0f} distinct held-out texts: intervals are wide, and effects "
          "that would need more texts to be seen are not excluded.",
          n));
    for (const Json& direction : child_at(*projections, "directions")) {
      const auto r = number_at(direction, "r");
      const auto rho = number_at(direction, "spearman");
      if (data.main.holds() && r && rho && std::abs(*r - *rho) > 0.1)
        sentences.push_back(fmt::format(
            "{}: r is {} and the rank correlation {}. A few texts, or a bend, weigh in r; look at "
            "the panel.",
            text_at(direction, "name"), format_r(*r, 2), format_r(*rho, 2)));
    }
    sentences.emplace_back(
        "A projection that goes with the activation need not be read by anything: r says nothing "
        "about cause.");
  }
  if (data.trainings().size() == 1)
    sentences.emplace_back(
        "One training was run: how much another seed would change is not known.");
  if (!data.trainings().empty() && data.with("analysis/patch.json") == nullptr)
    sentences.emplace_back("The neuron was not written into, so nothing here is about cause.");
  sentences.emplace_back(
      "One model, one target and one kind of text: nothing is said about others.");
  sentences.emplace_back(
      "Intervals resample text groups; they do not cover the choice of the model, of the target, "
      "or "
      "of the training.");
  return sentences;
}

}  // namespace gnomon::detail
