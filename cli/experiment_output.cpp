// SPDX-License-Identifier: Apache-2.0
#include "cli/experiment_output.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "cli/experiment_evaluation.h"
#include "cli/run_records.h"
#include "gnomon/base/file.h"
#include "gnomon/report/evaluation_text.h"
#include "gnomon/report/run_summary.h"
#include "gnomon/report/study_text.h"

namespace gnomon::cli {
namespace {

std::string experiment_text(const ExperimentOutcome& outcome, const TextStyle& style,
                            std::size_t n_ladder) {
  std::string text;
  if (outcome.seeds.empty()) return text;
  const SeedResult& first = outcome.seeds.front();
  for (std::size_t t = 0; t < first.evaluations.size(); ++t) {
    text += evaluation_text(first.evaluations[t], style) + "\n";
    text += drift_text(first.drifts[t], style) + "\n";
  }
  text += training_text(outcome.seeds, style);
  if (outcome.analysis) {
    const std::string title =
        outcome.targets.front() +
        (outcome.target_moved ? " against its live activation" : " against the activation");
    text += "\n" + directions_text(*outcome.analysis, title, style) + "\n";
    for (std::size_t i = 0; i < std::min(n_ladder, outcome.ladders.size()); ++i)
      text += ladder_text(outcome.ladders[i], style) + "\n";
  }
  return text + "\n" + checks_text(outcome.checks, style);
}

}  // namespace

void show_experiment(const Context& context, const ExperimentOutcome& outcome,
                     std::size_t n_ladder) {
  const std::string shown = experiment_text(outcome, context.text_style(), n_ladder);
  write_file_atomic(outcome.run / "console.log", outcome.messages + shown);
  if (context.options.json) {
    context.out << dump_json(read_json_file(outcome.run / kSummaryFile));
  } else {
    context.out << "\n" << shown << "Run: " << outcome.run.string() << std::endl;
    const std::string run = outcome.run.string();
    context.message(fmt::format("Next:  gnomon verdict {0}\n       gnomon report {0}", run));
  }
  require_passed(outcome.checks, outcome.run);
}

}  // namespace gnomon::cli
