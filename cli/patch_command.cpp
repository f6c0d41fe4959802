// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "cli/commands.h"
#include "cli/option_values.h"
#include "cli/processor.h"
#include "cli/run_options.h"
#include "cli/run_records.h"
#include "cli/terminal.h"
#include "cli/trained_run.h"
#include "gnomon/analyses/patch_study.h"
#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/base/quote.h"
#include "gnomon/base/threads.h"
#include "gnomon/report/patch_files.h"
#include "gnomon/report/patch_text.h"
#include "gnomon/report/run_directory.h"
#include "gnomon/report/study_files.h"
#include "gnomon/report/study_text.h"

namespace gnomon::cli {
namespace {

// How --mode says what is done: the doses, and which other interventions are shown beside them.
enum class PatchMode { all, set, add, scale, zero, mean, resample, interchange };

struct PatchCommand {
  std::string run;
  std::string runs_dir = kRunsFolder;
  std::string out;
  std::string name;
  std::string site;
  std::string values;
  PatchMode mode = PatchMode::all;
  Index grid = PatchStudyOptions{}.n_dose;
  Index controls = PatchStudyOptions{}.n_control;
  Index target = 0;
  Index budget_mib = PatchOptions{}.memory_budget >> 20;
  double margin = EquivalenceOptions{}.margin;
  Part part = Part::test;
  bool chosen_grid = false;
};

// "-1,0,0.5" or "low:high:n".
std::vector<double> parse_doses(const std::string& given) {
  const auto number = [&](std::string_view text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
      throw ArgumentError(
          fmt::format("--values: {} in {}, expected a number", quote(text), quote(given)),
          "--values -1,0,0.5   or   --values -1:1:9, nine from -1 to 1");
    return value;
  };
  std::vector<std::string_view> parts;
  const char separator = given.find(':') != std::string::npos ? ':' : ',';
  for (std::size_t first = 0; first <= given.size();) {
    const std::size_t end = std::min(given.find(separator, first), given.size());
    parts.push_back(std::string_view(given).substr(first, end - first));
    first = end + 1;
  }
  std::vector<double> values;
  if (separator == ',') {
    for (const std::string_view part : parts) values.push_back(number(part));
    return values;
  }
  const double n = parts.size() == 3 ? number(parts[2]) : 0;
  if (!(n >= 2 && n <= 1000) || n != std::floor(n))
    throw ArgumentError(
        fmt::format("--values: {}, expected low:high:n with n from 2 to 1000", quote(given)));
  const double low = number(parts[0]);
  const double high = number(parts[1]);
  for (Index i = 0; i < static_cast<Index>(n); ++i)
    values.push_back(low + (high - low) * static_cast<double>(i) / (n - 1));
  return values;
}

PatchStudyOptions study_options(const Context& context, const PatchCommand& command,
                                const ExperimentConfig& config, const ModelConfig& model) {
  PatchStudyOptions options;
  options.target = command.target;
  options.part = command.part;
  options.n_dose = command.grid;
  options.n_control = command.controls;
  options.equivalence.margin = command.margin;
  options.bootstrap.n_bootstrap = config.evaluate.bootstrap;
  options.bootstrap.level = config.evaluate.level;
  options.bootstrap.seed = context.options.seed;
  options.seed = context.options.seed;
  options.patch.memory_budget = command.budget_mib << 20;
  if (!command.values.empty()) options.doses = parse_doses(command.values);
  if (!command.site.empty()) options.site = parse_site(command.site, model);
  const auto only = [&](std::vector<AblationMode> ablations) {
    options.ablations = std::move(ablations);
    options.n_donor = 0;
  };
  switch (command.mode) {
    case PatchMode::all:
      break;
    case PatchMode::set:
    case PatchMode::add:
    case PatchMode::scale:
      options.mode = command.mode == PatchMode::set   ? DoseMode::set
                     : command.mode == PatchMode::add ? DoseMode::add
                                                      : DoseMode::scale;
      only({});
      break;
    case PatchMode::zero:
      only({AblationMode::zero});
      break;
    case PatchMode::mean:
      only({AblationMode::mean});
      break;
    case PatchMode::resample:
      only({AblationMode::resample});
      break;
    case PatchMode::interchange:
      options.ablations.clear();
      break;
  }
  return options;
}

constexpr std::string_view kModeNames[] = {"all",  "set",  "add",      "scale",
                                           "zero", "mean", "resample", "interchange"};

RunSettings run_settings(const Context& context, const PatchCommand& command,
                         const TrainedRun& trained, const Target& target) {
  const RunManifest& from = trained.record.run.manifest;
  RunSettings settings;
  settings.started = std::chrono::system_clock::now();
  settings.home = environment_variable("HOME");
  settings.id_words = {trained.record.config.model.path, unit_word(target), "patch",
                       fmt::format("s{}", trained.seed)};
  settings.manifest.name = command.name;
  settings.manifest.argv = context.arguments;
  settings.manifest.tool = tool_record();
  settings.manifest.machine = {processor_name(), threads()};
  settings.manifest.precision = precision_name(Precision::float32);
  settings.manifest.backend = backend_name(gnomon::RunOptions{}.backend);
  settings.manifest.seed = context.options.seed;
  const auto integer = [](auto value) { return static_cast<std::int64_t>(value); };
  const auto origin = [](bool given, const char* option) {
    return given ? std::string(option) : std::string("default");
  };
  settings.configuration = {
      {"command", std::string("patch"), "command line"},
      {"seed", integer(context.options.seed), origin(context.options.seed != 0, "--seed")},
      {"run.id", from.id, "command line"},
      {"run.seed", integer(trained.seed), "run"},
      {"patch.site", command.site, origin(!command.site.empty(), "--site")},
      {"patch.mode", std::string(kModeNames[static_cast<std::size_t>(command.mode)]),
       origin(command.mode != PatchMode::all, "--mode")},
      {"patch.values", command.values, origin(!command.values.empty(), "--values")},
      {"patch.grid", integer(command.grid), origin(command.chosen_grid, "--grid")},
      {"patch.controls", integer(command.controls), "--controls"},
      {"patch.target", integer(command.target), "--target"},
      {"patch.part", std::string(part_name(command.part)), "--part"},
      {"patch.margin", command.margin, "--margin"},
  };
  return settings;
}

// The run's folder. Runs of other commands have the command in their configuration.
std::filesystem::path experiment_folder(const PatchCommand& command) {
  std::filesystem::path folder = resolve_run(command.run, command.runs_dir);
  for (const ConfigEntry& entry : open_run(folder).read_configuration()) {
    if (entry.key != "command") continue;
    const auto* name = std::get_if<std::string>(&entry.value);
    throw ArgumentError(fmt::format("patch: \"{}\" is a run of `gnomon {}`, which has no trained "
                                    "reporter",
                                    folder.string(), name == nullptr ? "" : *name),
                        "name a run of `gnomon run`; `gnomon runs list` shows them");
  }
  return folder;
}

void run_patch(const Context& context, const PatchCommand& command,
               std::optional<std::uint64_t> seed) {
  const TrainedRun trained = load_trained_run(experiment_folder(command), seed);
  const ExperimentRecord& record = trained.record;
  const ModelConfig& model = trained.model->model().config();
  PatchStudyOptions options = study_options(context, command, record.config, model);
  const std::vector<Target>& targets = record.reporter_data->targets;
  if (command.target >= static_cast<Index>(targets.size()))
    throw ArgumentError(ErrorCode::out_of_range,
                        fmt::format("--target: {}, the run's targets are 0 to {}", command.target,
                                    targets.size() - 1));
  RunSettings settings =
      run_settings(context, command, trained, targets[static_cast<std::size_t>(command.target)]);
  std::string messages;
  const auto say = [&](const std::string& text) {
    messages += text + "\n";
    context.message(text);
  };
  say(fmt::format("Run      {}, seed {}: its best checkpoint", record.run.manifest.id,
                  trained.seed));
  const auto study_it = [&] {
    Progress progress = context.progress("Patch", 0, "rows");
    options.progress = progress.callback();
    PatchStudy study = study_patches<float>(*trained.model, options);
    progress.finish();
    return study;
  };
  RunDirectory run = command.out.empty()
                         ? RunDirectory::create_in(command.runs_dir, std::move(settings))
                         : RunDirectory::create(command.out, std::move(settings));
  PatchStudy study;
  std::string shown;
  try {
    run.add_varying_file("console.log");
    run.set_model(model_record(record.inputs.model));
    run.stage("patch", [&] {
      study = study_it();
      run.write_json("analysis/patch.json", patch_json(study));
      run.write_csv("analysis/patch.csv", patch_csv(study, *record.reporter_data));
      run.write_json("checks.json", checks_json(study.checks));
    });
    shown = patch_text(study, context.text_style()) + "\n" +
            checks_text(study.checks, context.text_style());
    write_file_atomic(run.path() / "console.log", messages + shown);
    run.finish(all_passed(study.checks) ? RunStatus::done : RunStatus::failed);
  } catch (const std::exception& error) {
    run.fail(error);
    throw;
  }
  if (context.options.json) {
    Json json = patch_json(study);
    json["checks"] = checks_json(study.checks);
    context.out << dump_json(json);
  } else {
    context.out << "\n" << shown << "Run: " << run.path().string() << "\n";
  }
  require_passed(study.checks, run.path());
}

}  // namespace

void add_patch_command(CLI::App& app, Context& context) {
  auto options = std::make_shared<PatchCommand>();
  auto seed = std::make_shared<std::optional<std::uint64_t>>();
  CLI::App* command =
      app.add_subcommand("patch", "Write into the neuron and see whether the report follows");
  command->group(kStudyGroup);
  command
      ->add_option("run", options->run,
                   "A run of `gnomon run`: its folder, the beginning of its id, or @last")
      ->type_name("RUN")
      ->required();
  command
      ->add_option_function<std::string>(
          "--run-seed",
          [seed](const std::string& given) {
            *seed = static_cast<std::uint64_t>(
                parse_integer("--run-seed", given, 0, std::numeric_limits<std::int64_t>::max()));
          },
          "The run's seed whose reporter is read; default: its first")
      ->type_name("N");
  add_choice_option(*command, "--mode", options->mode,
                    {{"all", PatchMode::all},
                     {"set", PatchMode::set},
                     {"add", PatchMode::add},
                     {"scale", PatchMode::scale},
                     {"zero", PatchMode::zero},
                     {"mean", PatchMode::mean},
                     {"resample", PatchMode::resample},
                     {"interchange", PatchMode::interchange}},
                    "How doses are written (set, add, scale), or the one other intervention to "
                    "show beside them; all: set, and every other one");
  command
      ->add_option("--values", options->values,
                   "Doses: a,b,c or low:high:n; default: a grid over the natural range")
      ->type_name("DOSES");
  add_integer_option(*command, "--grid", options->grid, 2, 1000, "Doses of the default grid")
      ->each([options](const std::string&) { options->chosen_grid = true; });
  command
      ->add_option("--site", options->site,
                   "Another unit to patch, such as 'blocks.1.mlp.hook_post[7]@last'; default: the "
                   "reported one")
      ->type_name("SITE");
  add_integer_option(*command, "--controls", options->controls, 0, 10000,
                     "Matched units of the same site to compare with");
  add_integer_option(*command, "--target", options->target, 0, 10000,
                     "Which of the run's targets, from 0");
  add_choice_option(*command, "--part", options->part,
                    {{"train", Part::train}, {"val", Part::val}, {"test", Part::test}},
                    "The texts to patch");
  command
      ->add_option("--margin", options->margin,
                   "Gains within this of 0 count as no effect, within this of 1 as following")
      ->type_name("X");
  add_integer_option(*command, "--memory", options->budget_mib, 1, 1 << 20,
                     "MiB that may be held of clean runs at a time");
  command->add_option("-o,--out", options->out, "Folder of the results")->type_name("DIR");
  add_runs_dir_option(*command, options->runs_dir);
  command->add_option("--name", options->name, "A name for the run")->type_name("TEXT");
  command->footer(
      "gnomon patch @last\n"
      "gnomon patch runs/my-run --mode add --values -1:1:9 --controls 32");
  on_run(*command, context, [&context, options, seed] { run_patch(context, *options, *seed); });
}

}  // namespace gnomon::cli
