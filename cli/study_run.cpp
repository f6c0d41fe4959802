// SPDX-License-Identifier: Apache-2.0
#include "cli/study_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "cli/run_records.h"
#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/report/original_definitions_files.h"
#include "gnomon/report/run_directory.h"
#include "gnomon/report/study_files.h"

namespace gnomon::cli {
namespace {

namespace fs = std::filesystem;

RunSettings run_settings(const Context& context, const StudyOptions& options, const Target& target,
                         const std::string& command, const std::string& weights) {
  const ProjectionOptions defaults;
  RunSettings settings = command_settings(context, options.precision);
  settings.id_words = {options.model, unit_word(target), fmt::format("s{}", context.options.seed)};
  settings.manifest.name = options.name;
  const auto integer = [](auto value) { return static_cast<std::int64_t>(value); };
  settings.configuration = {
      {"command", command, "command line"},
      {"seed", integer(context.options.seed), context.options.seed == 0 ? "default" : "--seed"},
      {"model.path", options.model, "--model"},
      {"target.unit", options.target, "--target"},
      {"data.source", options.texts, "--texts"},
      {"run.precision", std::string(precision_name(options.precision)), "--precision"},
      {"run.weights", weights, options.weights == "raw" ? "default" : "--weights"},
      {"run.prepend_bos", false, "default"},
      {"analysis.as_original", options.as_original,
       options.as_original ? "--as-original" : "default"},
      {"analysis.bootstrap", integer(defaults.n_bootstrap), "default"},
      {"analysis.confidence", defaults.level, "default"},
      {"analysis.random_directions", integer(defaults.n_random_direction), "default"},
      {"analysis.other_neurons", integer(defaults.n_other_neuron), "default"},
      {"analysis.label_shuffles", integer(defaults.n_label_shuffle), "default"},
  };
  return settings;
}

void write_results(RunDirectory& run, const StudyOutcome& outcome, const StudyTexts& texts,
                   const std::string& source) {
  run.write_text("data/prompts.jsonl", prompts_jsonl(texts));
  run.write_text("data/DATA_CARD.md", data_card(outcome.data, texts, source));
  write_study(run.path() / "data" / "activations.safetensors", outcome.data, outcome.analysis);
  run.add_file("data/activations.safetensors");
  run.write_json("analysis/projections.json", projections_json(outcome.data, outcome.analysis));
  run.write_csv("analysis/projections.csv", projections_csv(outcome.data, texts, outcome.analysis));
  run.write_json("analysis/correlation.json", correlation_json(outcome.analysis));
  run.write_csv("analysis/correlation.csv", correlation_csv(outcome.analysis));
  run.write_json("analysis/audit.json", audit_json(outcome.ladders));
  run.write_csv("analysis/audit.csv", audit_csv(outcome.ladders));
  if (!outcome.original.empty())
    run.write_json("analysis/as_original.json", original_definitions_json(outcome.original));
  run.write_json("checks.json", checks_json(outcome.checks));
}

// The head that was written gives the reports that were scored.
CheckResult check_stored_head(const fs::path& study_file, const StudyOutcome& outcome) {
  const StoredStudy stored = read_study(study_file);
  const std::vector<double>& reports = outcome.analysis.directions.front().projection;
  double n_different = 0;
  for (std::size_t r = 0; r < reports.size(); ++r) {
    const double again =
        dot(stored.data.resid_final.matrix().row(static_cast<Index>(r)), stored.head.weight) +
        stored.head.bias;
    n_different += again == reports[r] ? 0 : 1;
  }
  return make_check("R7", "the stored head gives the scored reports", n_different, 0,
                    "reports that differ in any bit");
}

}  // namespace

StudyOutcome run_study(const Context& context, const StudyOptions& options,
                       const std::string& command) {
  const Model model = load_model(options.model, options.weights);
  const Target target = make_target(parse_site(options.target, model.config()), model.config());
  const TextSource source = read_texts(options.texts, context.options.seed);

  RunSettings settings = run_settings(context, options, target, command, model.source().weights);
  RunDirectory run = options.out.empty()
                         ? RunDirectory::create_in(options.runs_dir, std::move(settings))
                         : RunDirectory::create(options.out, std::move(settings));
  StudyOutcome outcome;
  outcome.run = run.path();
  StudyTexts texts;
  const auto say = [&](const std::string& line) {
    outcome.messages += line + "\n";
    context.message(line);
  };
  try {
    run.add_varying_file("console.log");
    run.set_model(model_record(model));
    run.stage("data", [&] {
      texts = prepare_texts(model, source.records, context.options.seed);
      run.set_data({source.sha256, texts.records.size(), source.n_distinct,
                    static_cast<std::uint64_t>(texts.groups.n_groups)});
      for (const ExcludedText& excluded : texts.excluded) {
        say(fmt::format("left out {}: {}", excluded.source, excluded.why));
      }
      say(fmt::format("Texts    {}: {} groups, {} left out", source.description,
                      texts.groups.n_groups, texts.excluded.size()));
    });
    run.stage("measure", [&] {
      Progress progress = context.progress("Measure", 0, "tokens");
      RunOptions run_options;
      run_options.progress = progress.callback();
      outcome.data = measure_study(model, target, texts, options.precision, run_options);
      progress.finish();
    });
    run.stage("projections", [&] {
      ProjectionOptions projection_options;
      projection_options.seed = context.options.seed;
      outcome.analysis =
          options.precision == Precision::float32
              ? analyse_projections(outcome.data, model.weights<float>(), projection_options)
              : analyse_projections(outcome.data, model.weights<double>(), projection_options);
      if (options.as_original)
        outcome.original =
            original_definitions(outcome.data, model.weights<double>(), outcome.analysis);
    });
    run.stage("audit", [&] {
      LadderOptions ladder_options;
      ladder_options.bootstrap.seed = context.options.seed;
      outcome.ladders = audit_ladders(outcome.data, outcome.analysis.head,
                                      outcome.analysis.mean_gradient, outcome.analysis.scored_rows,
                                      outcome.analysis.training_rows, ladder_options);
    });
    run.stage("checks", [&] {
      outcome.checks = identity_checks(model, texts, outcome.data, outcome.ladders);
      write_results(run, outcome, texts, source.description);
      outcome.checks.push_back(
          check_stored_head(run.path() / "data" / "activations.safetensors", outcome));
      run.write_json("checks.json", checks_json(outcome.checks));
    });
    run.finish(all_passed(outcome.checks) ? RunStatus::done : RunStatus::failed);
  } catch (const std::exception& error) {
    run.fail(error);
    throw;
  }
  return outcome;
}

void write_console_log(const StudyOutcome& outcome, const std::string& shown) {
  write_file_atomic(outcome.run / "console.log", outcome.messages + shown);
}

}  // namespace gnomon::cli
