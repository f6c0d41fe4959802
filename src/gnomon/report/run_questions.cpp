// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/run_questions.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <set>

#include "gnomon/base/error.h"
#include "gnomon/model/hook_points.h"
#include "gnomon/report/ladder_words.h"
#include "gnomon/report/stream_words.h"
#include "gnomon/report/text_table.h"
#include "gnomon/report/wrapped_text.h"

namespace gnomon {
namespace {

const std::string kProjections = "analysis/projections.json#";
constexpr int kIndent = 13;

std::string number_or_none(const RunValues& values, const std::string& key, int decimals = 3) {
  const auto number = values.number(key);
  return number ? format_r(*number, decimals) : "none";
}

// What the answers share.
struct Subject {
  const RunValues& values;
  ModelConfig config;
  std::string target;
  SiteAt at;

  explicit Subject(const RunValues& run_values)
      : values(run_values),
        config(run_values.model_config()),
        target(run_values.text(kProjections + "/target")),
        at(parse_site(target, config)) {}

  std::string position() const { return target.substr(target.find('@')); }
  bool is_neuron() const {
    return at.site.kind == HookKind::mlp_post || at.site.kind == HookKind::mlp_pre ||
           at.site.kind == HookKind::mlp_pre_linear;
  }
  // Keys of the directions that exist.
  std::vector<std::string> directions() const {
    std::vector<std::string> keys;
    for (std::size_t i = 0; i < values.size(kProjections + "/directions"); ++i) {
      std::string key = fmt::format("{}/directions/{}", kProjections, i);
      if (values.find(key + "/site") != nullptr) keys.push_back(std::move(key));
    }
    return keys;
  }
  std::string name(const std::string& direction) const { return values.text(direction + "/name"); }
  std::string site(const std::string& direction) const { return values.text(direction + "/site"); }
};

std::string change_words(const RunValues& values, const std::string& rung) {
  const Json* zero = values.find(rung + "/exact_zero");
  if (zero != nullptr && zero->get<bool>()) return "changes nothing, by algebra";
  const auto delta = values.number(rung + "/delta");
  if (!delta) return "has no r to compare";
  return fmt::format("changes r by {} to {}", format_r(*delta),
                     number_or_none(values, rung + "/r"));
}

std::vector<AnswerLine> why_not_one(const Subject& subject) {
  const RunValues& values = subject.values;
  std::vector<AnswerLine> lines;
  lines.push_back(
      {"",
       "Between each projection and the activation stand a few operations of the model. With all "
       "of them on, r is 1; so what is missing from 1 is their doing, step by step. The order of "
       "the steps is the model's; in another order each may change r by another amount."});
  std::set<std::string> said;
  for (std::size_t i = 0; i < values.size("analysis/audit.json#/ladders"); ++i) {
    const std::string ladder = fmt::format("analysis/audit.json#/ladders/{}", i);
    lines.push_back(
        {values.text(ladder + "/direction"),
         fmt::format("begins with r = {} in {}", number_or_none(values, ladder + "/rungs/0/r"),
                     stream_words(values.text(ladder + "/starts_at"), subject.config))});
    for (std::size_t k = 1; k < values.size(ladder + "/rungs"); ++k) {
      const std::string rung = fmt::format("{}/rungs/{}", ladder, k);
      const std::string step = values.text(rung + "/name");
      // Said once: ladders share their steps.
      const std::string_view meaning =
          said.insert(step).second ? ladder_step_meaning(step) : std::string_view();
      lines.push_back(
          {"", fmt::format("* {} {}.{}{}", ladder_step_words(step), change_words(values, rung),
                           meaning.empty() ? "" : " ", meaning)});
    }
    const auto gap = values.number(ladder + "/one_minus_r");
    if (gap)
      lines.push_back({"", fmt::format("At the end stands the activation: 1 - r = {}.",
                                       format_value(std::max(*gap, 0.0)))});
  }
  return lines;
}

std::vector<AnswerLine> scalar_and_vectors(const Subject& subject) {
  const RunValues& values = subject.values;
  std::vector<AnswerLine> lines;
  lines.push_back(
      {"",
       fmt::format("By a dot product. The stream has {} numbers at a token, the direction has {} "
                   "weights; multiplied one by one and added up they give one number. So each "
                   "text has a pair, projection and activation, both at {}. r is taken over {:.0f} "
                   "such pairs, of {:.0f} distinct text groups, and no vector is ever compared "
                   "with the scalar.",
                   subject.config.d_model, subject.config.d_model, subject.position(),
                   values.number(kProjections + "/n_rows").value_or(0),
                   values.number(kProjections + "/n_distinct").value_or(0))});
  for (const std::string& direction : subject.directions()) {
    lines.push_back(
        {subject.name(direction), fmt::format("{}; r = {}", values.text(direction + "/definition"),
                                              number_or_none(values, direction + "/r"))});
  }
  return lines;
}

std::vector<AnswerLine> hidden_state(const Subject& subject) {
  std::vector<AnswerLine> lines;
  lines.push_back(
      {"", fmt::format("There is not one: each direction is read where it is defined. All "
                       "are read at {}, the token of the activation. The model has the "
                       "blocks 0 to {}.",
                       subject.position(), subject.config.n_layers - 1)});
  for (const std::string& direction : subject.directions()) {
    lines.push_back({subject.name(direction),
                     fmt::format("{}: {}", subject.site(direction),
                                 stream_words(subject.site(direction), subject.config))});
  }
  return lines;
}

std::string check_sentence(const RunValues& values, const std::string& id) {
  const std::string key = values.element("checks.json#", "id", id);
  if (key.empty()) return "";
  const auto value = values.number(key + "/value");
  return fmt::format(" Check {}, \"{}\": {}{}.", id, values.text(key + "/title"),
                     values.text(key + "/status"),
                     value ? fmt::format(", measured {}", format_value(*value)) : "");
}

std::vector<AnswerLine> ground_truth(const Subject& subject) {
  const RunValues& values = subject.values;
  const std::string mode = values.setting("target.mode");
  std::vector<AnswerLine> lines;
  lines.push_back(
      {"",
       fmt::format("The number that the forward pass gave at {}, in {}, with the checkpoint's own "
                   "weights, nothing folded or centred. No token is padding.{}",
                   subject.target, values.text(kProjections + "/precision"),
                   mode.empty() || mode == "snapshot"
                       ? " It was measured once, in the model as it was before any training."
                       : " It is live: measured in the model while it was trained.")});
  lines.push_back(
      {"", "It is not what a table has under that number: it was measured a second time." +
               check_sentence(values, "R4")});
  return lines;
}

std::vector<AnswerLine> perfect_correlation(const Subject& subject) {
  const RunValues& values = subject.values;
  std::vector<AnswerLine> lines;
  const std::string input = values.direction("input");
  if (input.empty()) {
    lines.push_back(
        {"", fmt::format("{} is a coordinate of the residual stream, and no neuron: it is "
                         "a sum over many, and no single input direction can be expected "
                         "to go with it.",
                         subject.target)});
    return lines;
  }
  const std::string ladder = values.ladder("input");
  lines.push_back(
      {"",
       fmt::format(
           "The reasoning is right, and a run in which it fails is refused. The neuron is computed "
           "from its input direction, so with all of its own operations in place r must be 1. Here "
           "it is: 1 - r = {}.{}",
           format_value(std::max(values.number(ladder + "/one_minus_r").value_or(0), 0.0)),
           check_sentence(values, "neuron_from_stream"))});
  lines.push_back(
      {"",
       fmt::format("In the stream before the block, where the original study multiplied, r = {}: "
                   "attention and the normalisation are missing. At {} it is {}. What is left is "
                   "the neuron's {}: {}.",
                   number_or_none(values, ladder + "/rungs/0/r"), subject.site(input),
                   number_or_none(values, input + "/r"),
                   subject.config.gated_mlp ? "product of two inputs" : "curve",
                   subject.at.site.kind == HookKind::mlp_post
                       ? "a line follows it only so far"
                       : "nothing, since the target is before it")});
  return lines;
}

std::vector<AnswerLine> after_what(const Subject& subject) {
  std::vector<AnswerLine> lines;
  const std::string curve = fmt::format("{}", activation_name(subject.config.activation));
  std::string text;
  switch (subject.at.site.kind) {
    case HookKind::mlp_post:
      text = fmt::format(
          "After both: the stream is normalised, multiplied with the neuron's input "
          "weights{}, and {} is applied{}. The activation is measured then, before the "
          "output weights.",
          subject.config.gated_mlp ? "" : " plus its bias", curve,
          subject.config.gated_mlp ? " to the gate, which is multiplied with the other "
                                     "branch"
                                   : "");
      break;
    case HookKind::mlp_pre:
    case HookKind::mlp_pre_linear:
      text = fmt::format("After the normalisation and before {}.", curve);
      break;
    case HookKind::mlp_out:
      text =
          "After the whole MLP: normalisation, input weights, activation function, output weights. "
          "It is a coordinate of the MLP's output, and no neuron.";
      break;
    default:
      text =
          "It is a coordinate of the residual stream or of what attention adds: the MLP's "
          "normalisation and activation function of this block are not part of it.";
  }
  lines.push_back({"", text});
  lines.push_back({"", "`gnomon explain " + site_name(subject.at.site, subject.config) +
                           "` has its equation."});
  return lines;
}

struct Answer {
  RunQuestion question;
  std::vector<AnswerLine> (*answer)(const Subject& subject);
};

constexpr std::array kAnswers = {
    Answer{{"why-not-1", "Why is r not 1?"}, why_not_one},
    Answer{
        {"scalar-and-vectors", "How can one scalar be compared with vectors of d_model numbers?"},
        scalar_and_vectors},
    Answer{{"hidden-state", "Where and what exactly is the hidden state? Of which layer?"},
           hidden_state},
    Answer{{"ground-truth", "What is the ground truth?"}, ground_truth},
    Answer{{"perfect-correlation",
            "Should the input projection not be perfectly correlated with the neuron?"},
           perfect_correlation},
    Answer{{"after-what", "Is the neuron measured after LayerNorm and the activation function?"},
           after_what},
};

const Answer& find_answer(std::string_view name) {
  std::vector<std::string> names;
  for (const Answer& answer : kAnswers) {
    if (answer.question.name == name) return answer;
    names.emplace_back(answer.question.name);
  }
  throw ArgumentError(fmt::format("there is no question \"{}\"", name),
                      fmt::format("expected {}", fmt::join(names, ", ")));
}

}  // namespace

std::span<const RunQuestion> run_questions() {
  static const std::vector<RunQuestion> kQuestions = [] {
    std::vector<RunQuestion> questions;
    for (const Answer& answer : kAnswers) questions.push_back(answer.question);
    return questions;
  }();
  return kQuestions;
}

std::vector<AnswerLine> run_answer(const RunValues& values, std::string_view name) {
  const Answer& answer = find_answer(name);
  if (values.find(kProjections + "/directions") == nullptr) {
    throw FileError(ErrorCode::not_found,
                    fmt::format("\"{}\" has no projections to explain", values.run().path.string()),
                    "gnomon run and gnomon projections make such runs");
  }
  std::vector<AnswerLine> lines = answer.answer(Subject(values));
  const std::vector<std::string> failed = values.failed_checks();
  if (!failed.empty()) {
    lines.insert(
        lines.begin(),
        {"", fmt::format("{} of this run's checks failed (first: {}): its numbers are not to "
                         "be used.",
                         failed.size(), failed.front())});
  }
  return lines;
}

std::string run_answer_text(const RunValues& values, std::string_view name) {
  std::string text = fmt::format("{}\n\n", find_answer(name).question.question);
  for (const AnswerLine& line : run_answer(values, name)) {
    if (line.label.empty()) {
      const bool item = line.text.starts_with("* ");
      text += item ? labelled_text("  *", line.text.substr(2), 4) : labelled_text("", line.text, 0);
    } else {
      text += labelled_text(line.label, line.text, kIndent);
    }
  }
  return text;
}

}  // namespace gnomon
