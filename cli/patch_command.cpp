// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/derived_run.h"
#include "cli/option_values.h"
#include "gnomon/analyses/patch_study.h"
#include "gnomon/analyses/subspace_patch.h"
#include "gnomon/base/error.h"
#include "gnomon/base/quote.h"
#include "gnomon/report/patch_files.h"
#include "gnomon/report/patch_text.h"
#include "gnomon/report/study_files.h"
#include "gnomon/report/study_text.h"
#include "gnomon/report/subspace_files.h"

namespace gnomon::cli {
namespace {

// How --mode says what is done: the doses, and which other interventions are shown beside them.
enum class PatchMode { all, set, add, scale, zero, mean, resample, interchange };

struct PatchCommand {
  DerivedRunOptions derived;
  std::string site;
  std::string values;
  std::string positions;
  PatchMode mode = PatchMode::all;
  Index grid = PatchStudyOptions{}.n_dose;
  Index controls = PatchStudyOptions{}.n_control;
  Index budget_mib = PatchOptions{}.memory_budget >> 20;
  double margin = EquivalenceOptions{}.margin;
  Part part = Part::test;
  bool chosen_grid = false;
  bool subspaces = false;
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

// "3", "0:2,-1": numbers and ranges, negative ones from the end.
std::vector<TokenRange> parse_tokens(const std::string& given) {
  std::vector<TokenRange> ranges;
  const auto token = [&](const std::string& text) {
    return Index{parse_integer("--positions", text, -(1 << 20), 1 << 20)};
  };
  for (std::size_t first = 0; first <= given.size();) {
    const std::size_t end = std::min(given.find(',', first), given.size());
    const std::string part = given.substr(first, end - first);
    const std::size_t colon = part.find(':');
    const Index from = token(part.substr(0, colon));
    ranges.push_back({from, colon == std::string::npos ? from : token(part.substr(colon + 1))});
    first = end + 1;
  }
  return ranges;
}

PatchStudyOptions study_options(const Context& context, const PatchCommand& command,
                                const ExperimentConfig& config, const ModelConfig& model) {
  PatchStudyOptions options;
  options.target = command.derived.target;
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
  if (!command.positions.empty()) options.tokens = parse_tokens(command.positions);
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

std::vector<ConfigEntry> settings_of(const PatchCommand& command) {
  const auto integer = [](auto value) { return static_cast<std::int64_t>(value); };
  const auto origin = [](bool given, const char* option) {
    return given ? std::string(option) : std::string("default");
  };
  return {{"patch.site", command.site, origin(!command.site.empty(), "--site")},
          {"patch.mode", std::string(kModeNames[static_cast<std::size_t>(command.mode)]),
           origin(command.mode != PatchMode::all, "--mode")},
          {"patch.values", command.values, origin(!command.values.empty(), "--values")},
          {"patch.positions", command.positions, origin(!command.positions.empty(), "--positions")},
          {"patch.subspaces", command.subspaces, origin(command.subspaces, "--subspaces")},
          {"patch.grid", integer(command.grid), origin(command.chosen_grid, "--grid")},
          {"patch.controls", integer(command.controls), "--controls"},
          {"patch.part", std::string(part_name(command.part)), "--part"},
          {"patch.margin", command.margin, "--margin"}};
}

void run_patch(const Context& context, const PatchCommand& command) {
  const TrainedRun trained = load_trained_run(command.derived);
  PatchStudyOptions options =
      study_options(context, command, trained.record.config, trained.model->model().config());
  DerivedRun run(context, command.derived, trained, "patch", settings_of(command));
  run.say(fmt::format("Run      {}, seed {}: its best checkpoint", trained.record.run.manifest.id,
                      trained.seed));
  PatchStudy study;
  run.stage("patch", [&](RunDirectory& files) {
    Progress progress = context.progress("Patch", 0, "rows");
    options.progress = progress.callback();
    study = study_patches<float>(*trained.model, options);
    progress.finish();
    files.write_json("analysis/patch.json", patch_json(study));
    files.write_csv("analysis/patch.csv", patch_csv(study, *trained.record.reporter_data));
  });
  Json json = patch_json(study);
  std::vector<CheckResult> checks = study.checks;
  const TextStyle style = context.text_style();
  std::string shown = patch_text(study, style) + "\n";
  if (command.subspaces) {
    run.stage("subspaces", [&](RunDirectory& files) {
      SubspaceOptions subspace;
      subspace.target = options.target;
      subspace.part = options.part;
      subspace.bootstrap = options.bootstrap;
      subspace.seed = options.seed;
      subspace.patch.memory_budget = options.patch.memory_budget;
      const SubspaceStudy directions = study_subspaces<float>(*trained.model, subspace);
      files.write_json("analysis/subspaces.json", subspace_json(directions));
      json["subspaces"] = subspace_json(directions);
      shown += subspace_text(directions, style) + "\n";
      checks.insert(checks.end(), directions.checks.begin(), directions.checks.end());
    });
  }
  json["checks"] = checks_json(checks);
  run.finish(shown + checks_text(checks, style), json, checks);
}

}  // namespace

void add_patch_command(CLI::App& app, Context& context) {
  auto options = std::make_shared<PatchCommand>();
  CLI::App* command =
      app.add_subcommand("patch", "Write into the neuron and see whether the report follows");
  command->group(kStudyGroup);
  add_derived_run_options(*command, options->derived);
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
  command
      ->add_option("--positions", options->positions,
                   "Tokens patched together in a run, such as -3:-1 or 0,2; default: its own")
      ->type_name("TOKENS");
  command->add_flag("--subspaces", options->subspaces,
                    "Also exchange, erase and keep the target's read and write directions");
  add_integer_option(*command, "--controls", options->controls, 0, 10000,
                     "Matched units of the same site to compare with");
  add_choice_option(*command, "--part", options->part,
                    {{"train", Part::train}, {"val", Part::val}, {"test", Part::test}},
                    "The texts to patch");
  command
      ->add_option("--margin", options->margin,
                   "Gains within this of 0 count as no effect, within this of 1 as following")
      ->type_name("X");
  add_integer_option(*command, "--memory", options->budget_mib, 1, 1 << 20,
                     "MiB that may be held of clean runs at a time");
  command->footer(
      "gnomon patch @last\n"
      "gnomon patch runs/my-run --mode add --values -1:1:9 --controls 32\n"
      "gnomon patch runs/my-run --positions -3:-1 --subspaces");
  on_run(*command, context, [&context, options] { run_patch(context, *options); });
}

}  // namespace gnomon::cli
