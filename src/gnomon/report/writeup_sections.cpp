// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/detail/writeup_sections.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "gnomon/analyses/projections.h"
#include "gnomon/report/ladder_words.h"
#include "gnomon/report/stream_words.h"
#include "gnomon/text/visible_text.h"

namespace gnomon::detail {
namespace {

constexpr const char* kProjections = "analysis/projections.json#";
constexpr const char* kPatch = "patch:analysis/patch.json#";

std::string_view position_of(std::string_view target) { return target.substr(target.find('@')); }

// "a", "a and b", "a, b and c"
std::string listed(const std::vector<std::string>& items) {
  if (items.empty()) return "";
  std::string text = items.front();
  for (std::size_t i = 1; i < items.size(); ++i)
    text += (i + 1 == items.size() ? " and " : ", ") + items[i];
  return text;
}

std::string direction_meaning(const std::string& name, std::string_view definition) {
  static const std::map<std::string, std::string> kMeanings = {
      {"input", "what the neuron reads"},
      {"input_gate", "the first of the two products that the neuron reads"},
      {"input_up", "the second of them"},
      {"output", "what the target writes"},
      {"final", "the same weights, later"}};
  if (name == "head")
    return definition.ends_with(kReporterHead) ? "the reporter's weights"
                                               : "weights fitted to the activation";
  return kMeanings.at(name);
}

std::string number_word(std::size_t n) {
  static const std::vector<std::string> kWords = {"no",   "one",  "two", "three",
                                                  "four", "five", "six"};
  return n < kWords.size() ? kWords[n] : std::to_string(n);
}

// How a projection stands to the activation, by its interval and its nulls.
enum class Standing { goes_with, goes_against, not_special, cannot_tell, none };

Standing standing_of(const RunValues& values, const std::string& key) {
  const auto r = values.number(key + "/r");
  const auto low = values.number(key + "/ci_low");
  const auto high = values.number(key + "/ci_high");
  if (!r) return Standing::none;
  if (!low || !high || (*low <= 0 && *high >= 0)) return Standing::cannot_tell;
  for (const char* null : {"/random_directions/abs_r_upper", "/other_neurons/abs_r_upper"}) {
    const auto upper = values.number(key + null);
    if (upper && std::abs(*r) <= *upper) return Standing::not_special;
  }
  return *r > 0 ? Standing::goes_with : Standing::goes_against;
}

struct StandingWords {
  Standing standing;
  std::string_view outcome;
  std::string_view because;
  std::string_view one;
  std::string_view several;
};

constexpr StandingWords kStandings[] = {
    {Standing::goes_with, "goes_with",
     "the interval lies above 0, and r above 97.5 % of unrelated directions",
     "rises with the activation, more than unrelated directions do.",
     "rise with the activation, more than unrelated directions do."},
    {Standing::goes_against, "goes_against",
     "the interval lies below 0, and |r| above 97.5 % of unrelated directions",
     "falls as the activation rises, more than unrelated directions do.",
     "fall as the activation rises, more than unrelated directions do."},
    {Standing::not_special, "not_special",
     "the interval excludes 0, and |r| is not above 97.5 % of unrelated directions",
     "goes along with the activation, but unrelated directions do so as well.",
     "go along with the activation, but unrelated directions do so as well."},
    {Standing::cannot_tell, "cannot_tell", "the interval holds 0",
     "may go along with it or not: the interval holds 0, so we cannot tell.",
     "may go along with it or not: the intervals hold 0, so we cannot tell."},
    {Standing::none, "no_correlation", "r is not defined",
     "is the same for all texts and has no correlation.",
     "are the same for all texts and have no correlation."},
};

void add_standings(KeyedText& text, const WriteupSubject& subject) {
  for (const StandingWords& words : kStandings) {
    std::vector<std::string> names;
    for (const std::string& name : subject.directions) {
      if (standing_of(text.values(), text.values().direction(name)) == words.standing)
        names.push_back(fmt::format("`{}`", name));
    }
    if (names.empty()) continue;
    text.add("* ");
    text.claim(
        {fmt::format("directions-{}", words.outcome), std::string(words.outcome),
         std::string(words.because),
         fmt::format("{} {}", listed(names), names.size() == 1 ? words.one : words.several)});
    text.add("\n");
  }
}

// The floor that predicts best without the neuron, against the report.
void add_reporter_floor(KeyedText& text) {
  const RunValues& values = text.values();
  const std::string evaluation =
      fmt::format("seeds/{}/evaluation.json#", values.run().manifest.seed);
  const std::string gain = evaluation + "/gain";
  const std::string floor = values.text(gain + "/over");
  const std::string row = values.element(evaluation + "/rows", "name", floor);
  const auto low = values.number(gain + "/interval/0");
  const auto high = values.number(gain + "/interval/1");
  if (floor.empty() || row.empty()) return;
  const std::string reaches = values.number(row + "/r")
                                  ? fmt::format("reaches r = {}", text.r(row + "/r"))
                                  : std::string("always says the same");
  WriteupClaim claim{"floor", "cannot_tell",
                     fmt::format("gain in R² over {}: {}", floor,
                                 text.interval(gain + "/interval/0", gain + "/interval/1")),
                     ""};
  std::string verdict = "we cannot tell whether the reporter does better";
  if (low && *low > 0) {
    claim.outcome = "beats";
    verdict = "the reporter does better";
  } else if (high && *high < 0) {
    claim.outcome = "below";
    verdict = "the reporter does worse";
  }
  claim.sentence = fmt::format("The best prediction that never sees the neuron, `{}`, {}; {}.",
                               floor, reaches, verdict);
  text.claim(std::move(claim));
}

void add_head_floor(KeyedText& text) {
  const RunValues& values = text.values();
  std::string best;
  for (const char* name : {"length", "position", "last_token", "lookup"}) {
    const std::string row = values.element(std::string(kProjections) + "/baselines", "name", name);
    if (row.empty() || !values.number(row + "/r")) continue;
    if (best.empty() || *values.number(row + "/r") > *values.number(best + "/r")) best = row;
  }
  const std::string head = values.direction("head");
  const auto low = values.number(head + "/ci_low");
  if (best.empty() || !low) return;
  const bool above = *low > *values.number(best + "/r");
  text.claim(
      {"floor", above ? "beats" : "cannot_tell",
       above ? "the head's interval lies above it" : "the head's interval reaches down to it",
       fmt::format(
           "A prediction that never sees the neuron, `{}`, already reaches r = {}; {}.",
           values.text(best + "/name"), text.r(best + "/r"),
           above ? "the head's interval lies above that" : "the head may know no more than that")});
}

// The steps of a ladder that can change r, with what each changed.
std::vector<std::string> step_list(KeyedText& text, const std::string& ladder) {
  std::vector<std::string> steps;
  const RunValues& values = text.values();
  for (std::size_t i = 1; i < values.size(ladder + "/rungs"); ++i) {
    const std::string rung = fmt::format("{}/rungs/{}", ladder, i);
    const Json* zero = values.find(rung + "/exact_zero");
    if (zero != nullptr && zero->get<bool>()) continue;
    if (!values.number(rung + "/delta")) continue;
    steps.push_back(fmt::format("{} ({})", ladder_step_words(values.text(rung + "/name")),
                                text.r(rung + "/delta")));
  }
  return steps;
}

// The step of a ladder that changed r most; empty where there is none.
std::string largest_step(const RunValues& values, const std::string& ladder) {
  std::string largest;
  for (std::size_t i = 1; i < values.size(ladder + "/rungs"); ++i) {
    const std::string rung = fmt::format("{}/rungs/{}", ladder, i);
    const auto delta = values.number(rung + "/delta");
    if (!delta) continue;
    if (largest.empty() || std::abs(*delta) > std::abs(*values.number(largest + "/delta")))
      largest = rung;
  }
  return largest;
}

std::string picture(const std::string& id, const std::string& alternative) {
  return fmt::format("![{}](figures/{}.svg)\n\n", alternative, id);
}

}  // namespace

void add_question(KeyedText& text, const WriteupSubject& subject) {
  if (subject.is_neuron()) {
    text.add(fmt::format(
        "# What goes along with one neuron\n\n## What we asked\n\nA language model reads text in "
        "pieces called tokens, and computes with many small units called neurons. At every token "
        "each neuron has one value, its **activation**. We took neuron {} in block {} of the model "
        "`{}`, {} of each text (`{}`). ",
        *subject.at.site.coordinate, subject.at.site.layer, subject.model,
        position_words(position_of(subject.target)), subject.target));
  } else {
    text.add(fmt::format(
        "# What goes along with one number of a model\n\n## What we asked\n\nA language model "
        "reads "
        "text in pieces called tokens, and computes many numbers for each. We took one of them in "
        "the model `{}`, `{}`, {} of each text. Its value for a text is called its **activation** "
        "here. It is "
        "no "
        "neuron: it is a sum to which many neurons and earlier blocks contribute. ",
        subject.model, subject.target, position_words(position_of(subject.target))));
  }
  text.add(subject.trained
               ? "A small reporter was trained to state this value. Does it read the neuron, or "
                 "something that goes along with it?\n\n"
               : "Which other numbers in the model go along with it, and where they do not, why "
                 "not?\n\n");
}

void add_directions(KeyedText& text, const WriteupSubject& subject) {
  text.add(fmt::format(
      "## The {} directions\n\nFor every token the model keeps a list of {} numbers, the "
      "**residual stream**. Its {} blocks take turns: each reads the list and adds to it.",
      number_word(subject.directions.size()), subject.config.d_model, subject.config.n_layers));
  if (subject.is_neuron())
    text.add(
        " The neuron reads it too, but later than one might think: after attention has brought in "
        "earlier tokens, and after a normalisation has set the size of the list.");
  text.add(fmt::format(
      "\n\nA list cannot be compared with one activation. So every number of the list is "
      "multiplied with a weight of its own, and the products are added up. The {} weights are a "
      "direction; the sum is a **projection**, as a pole casts a shadow whose length depends on "
      "where the sun stands. Each text now has two numbers, its projection and its activation, "
      "taken at the same token. Each direction belongs to one place:\n\n",
      subject.config.d_model));
  text.add(picture("block", "The blocks with the place where each direction is read"));
  text.add("| direction | weights | read from |\n|---|---|---|\n");
  const RunValues& values = text.values();
  for (const std::string& name : subject.directions) {
    const std::string key = values.direction(name);
    text.add(fmt::format("| `{}` | {} | {} |\n", name,
                         direction_meaning(name, values.text(key + "/definition")),
                         stream_words(values.text(key + "/site"), subject.config)));
  }
  text.add("\n");
}

void add_findings(KeyedText& text, const WriteupSubject& subject) {
  text.add(
      "## What we found\n\nThe **correlation** r says how well two columns of numbers go together: "
      "1 if they rise together along a line, -1 if one falls as the other rises, 0 if a line says "
      "neither. ");
  text.add(fmt::format(
      "We measured it on {} texts that nothing was fitted to. The interval shows how far r may be "
      "off through the choice of texts.\n\n",
      text.count(std::string(kProjections) + "/n_distinct")));
  text.add("| direction | r | interval |\n|---|---|---|\n");
  for (const std::string& name : subject.directions) {
    const std::string key = text.values().direction(name);
    text.add(fmt::format("| `{}` | {} | {} |\n", name, text.r(key + "/r"),
                         text.interval(key + "/ci_low", key + "/ci_high")));
  }
  text.add("\n");
  add_standings(text, subject);
  text.add("\n");
  subject.trained ? add_reporter_floor(text) : add_head_floor(text);
  text.add("\n\n");
  text.add(picture("projections",
                   fmt::format("One panel for each of {}, with a dot for each held-out text",
                               listed(subject.directions))));
}

void add_ladder(KeyedText& text) {
  const RunValues& values = text.values();
  text.add(
      "## Why the correlations are not 1\n\nBetween a projection and the activation stand a few "
      "operations, all of them known. We switched them on one by one.");
  if (const std::string input = values.ladder("input"); !input.empty()) {
    text.add(fmt::format(
        " With the `input` weights, r begins at {} in the stream before the block. These steps "
        "change it: {}. Then r is 1, as it must be.",
        text.r(input + "/rungs/0/r"), listed(step_list(text, input))));
  } else {
    text.add(
        " A sum over many neurons and blocks has no single direction that it is read from, so the "
        "steps begin "
        "at what it writes, and take away what else is there until only the number itself is left. "
        "Then r is 1, as it must be.");
  }
  text.add("\n\n");
  std::string output_step;
  for (const std::string name : {"output", "final"}) {
    const std::string ladder = values.ladder(name);
    const std::string step = ladder.empty() ? "" : largest_step(values, ladder);
    if (step.empty()) continue;
    const std::string words = ladder_step_words(values.text(step + "/name"));
    const std::string change = text.r(step + "/delta");
    if (name == "output") {
      output_step = words;
      text.add(fmt::format(
          "The `output` projection also holds what everything else wrote; its largest step is {} "
          "({}). ",
          words, change));
    } else if (words == output_step) {
      text.add(fmt::format("The same step is the largest for `final` ({}). ", change));
    } else {
      text.add(fmt::format("For `final` the largest step is {} ({}). ", words, change));
    }
  }
  const std::string head = values.ladder("head");
  const std::size_t last = values.size(head + "/rungs");
  const std::string missed = fmt::format("{}/rungs/{}/delta", head, last - 1);
  if (last > 1 && values.number(missed))
    text.add(fmt::format("For `head`, {} is what its line through the last stream does not find.",
                         text.r(missed)));
  text.add("\n\n");
  // A page of 500 words has room for one; the report shows every ladder.
  for (const char* name : {"input", "output", "head"}) {
    if (values.ladder(name).empty()) continue;
    text.add(
        picture(fmt::format("ladder-{}", name),
                fmt::format("r after each step, from {} to the activation; it ends at 1", name)));
    break;
  }
}

void add_cause(KeyedText& text, const WriteupSubject& subject) {
  const RunValues& values = text.values();
  text.add(subject.trained ? "## Does the neuron cause the report?\n\n"
                           : "## What causes what?\n\n");
  const std::string verdict = values.text(std::string(kPatch) + "/verdict");
  if (verdict.empty()) {
    text.claim(
        {"cause", "not_measured", "no patch run of this run stands beside it",
         subject.trained
             ? "We do not know. Going along with something is not being read from it: the text may "
               "drive both. To find out, one writes other values into the neuron and watches the "
               "report. That was not done here, so we claim nothing about causes; `gnomon patch` "
               "does it."
             : "We do not know. Nothing inside the model was changed, and no report was trained. "
               "Going along with something is not being read from "
               "it: the text may drive both. `gnomon run` trains a reporter, and `gnomon patch` "
               "writes into the neuron and watches what is reported."});
    text.add("\n\n");
    return;
  }
  const std::string gain = std::string(kPatch) + "/gain";
  text.add(fmt::format(
      "Going along with something is not being read from it. So other values, such as the neuron "
      "has by itself, were written into it. For every 1 written, the report moved by {} [{}, {}]. ",
      text.value(gain + "/value"), text.value(gain + "/interval/0"),
      text.value(gain + "/interval/1")));
  static const std::map<std::string, std::string> kSentences = {
      {"follows", "The report follows the neuron one to one."},
      {"no_effect",
       "By the margin that was set beforehand this counts as no effect: hardly any of the report "
       "is read from this neuron."},
      {"depends", "The report depends on the neuron, without stating its value."},
      {"undecided", "That leaves open whether the report follows the neuron: we cannot tell."}};
  const auto found = kSentences.find(verdict);
  text.claim({"cause", verdict,
              fmt::format("gain {} against 0 and 1 at the margin {}", text.value(gain + "/value"),
                          text.value(std::string(kPatch) + "/no_effect/margin")),
              found == kSentences.end() ? kSentences.at("undecided") : found->second});
  if (const auto p = values.number(std::string(kPatch) + "/controls/p")) {
    const bool beyond = *p <= 0.05;
    text.add(" ");
    text.claim(
        {"controls", beyond ? "beyond" : "within",
         fmt::format("p against controls {}", text.value(std::string(kPatch) + "/controls/p")),
         beyond ? "Other neurons like it move the report less."
                : "Other neurons like it may move the report as much."});
  }
  text.add("\n\n");
}

void add_limits(KeyedText& text, const WriteupSubject& subject) {
  text.add(fmt::format(
      "## What we cannot conclude\n\nThis is one {} of one model, with texts of one kind; others "
      "may "
      "differ. The intervals allow for the choice of texts, and not for the choice of this {}.",
      subject.is_neuron() ? "neuron" : "number", subject.is_neuron() ? "neuron" : "number"));
  if (text.values().number(std::string(kProjections) + "/n_distinct").value_or(0) <= 40)
    text.add(" With so few texts they are also too short.");
  text.add(subject.trained
               ? " A report that is right shows that the value can be known, and not how.\n"
               : " A value that a line can tell need not be used by the model.\n");
}

void add_failure(KeyedText& text, const std::vector<std::string>& failed) {
  std::vector<std::string> titles;
  for (const std::string& title : failed) titles.push_back(visible_text(title));
  text.add("## What we found\n\n");
  text.claim({"checks", "failed", "a check of the run failed",
              fmt::format("Nothing that can be reported: of the identities that must hold, {} did "
                          "not ({}). The numbers of this run are not to be used.",
                          titles.size(), fmt::join(titles, "; "))});
  text.add("\n");
}

}  // namespace gnomon::detail
