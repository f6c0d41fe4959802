// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/derived_run.h"
#include "cli/option_values.h"
#include "cli/resolve_model.h"
#include "cli/run_records.h"
#include "gnomon/analyses/patch_sweep.h"
#include "gnomon/analyses/report_reader.h"
#include "gnomon/analyses/sweep_pairs.h"
#include "gnomon/base/error.h"
#include "gnomon/base/quote.h"
#include "gnomon/report/study_files.h"
#include "gnomon/report/study_text.h"
#include "gnomon/report/sweep_files.h"
#include "gnomon/report/sweep_text.h"

namespace gnomon::cli {
namespace {

struct SweepCommand {
  DerivedRunOptions derived;  // its run is empty where a model is given
  std::string model;
  std::string pairs;
  std::string clean = "clean";
  std::string corrupted = "corrupted";
  std::string sites = "resid_pre,attn_out,mlp_out";
  std::string layers;
  std::string positions;
  std::vector<std::string> cells;
  std::vector<std::string> answers;
  std::optional<SweepMetricKind> metric;
  SweepDirection direction = SweepDirection::denoising;
  Index most_pairs = 32;
  Index attribution = 0;
  Index sample = 20;
  Index recheck = SweepOptions{}.n_recheck;
  Index top = 10;
  Index budget_mib = PatchOptions{}.memory_budget >> 20;
  Part part = Part::test;
};

std::vector<std::string> comma_list(const std::string& given) {
  std::vector<std::string> parts;
  for (std::size_t first = 0; first <= given.size();) {
    const std::size_t end = std::min(given.find(',', first), given.size());
    parts.push_back(given.substr(first, end - first));
    first = end + 1;
  }
  return parts;
}

struct NamedKind {
  const char* name;
  HookKind kind;
};
constexpr NamedKind kKinds[] = {
    {"resid_pre", HookKind::resid_pre},   {"resid_mid", HookKind::resid_mid},
    {"resid_post", HookKind::resid_post}, {"attn_out", HookKind::attn_out},
    {"mlp_out", HookKind::mlp_out},       {"z", HookKind::z},
    {"mlp_post", HookKind::mlp_post},
};

HookKind parse_kind(const std::string& given) {
  std::vector<std::string> names;
  for (const NamedKind& named : kKinds) {
    if (given == named.name) return named.kind;
    names.emplace_back(named.name);
  }
  throw_unknown_choice("--sites", given, names);
}

// "2", "0,3" or "1:3".
std::vector<Index> parse_layers(const std::string& given, const ModelConfig& config) {
  std::vector<Index> layers;
  if (given.empty()) {
    for (Index layer = 0; layer < config.n_layers; ++layer) layers.push_back(layer);
    return layers;
  }
  const auto one = [&](const std::string& text) {
    return Index{parse_integer("--layers", text, 0, config.n_layers - 1)};
  };
  for (const std::string& part : comma_list(given)) {
    const std::size_t colon = part.find(':');
    const Index first = one(part.substr(0, colon));
    const Index last = colon == std::string::npos ? first : one(part.substr(colon + 1));
    for (Index layer = first; layer <= last; ++layer) layers.push_back(layer);
  }
  return layers;
}

// "each", "all", "last" or token numbers, negative ones from the end.
std::vector<Position> parse_positions(const std::string& given, Index n_token, bool from_end) {
  if (given == "each") return each_position(n_token, from_end);
  if (given == "all") return {{Position::Kind::all, 0}};
  if (given == "last") return {{Position::Kind::last, -1}};
  std::vector<Position> positions;
  for (const std::string& part : comma_list(given))
    positions.push_back(
        {Position::Kind::index, parse_integer("--positions", part, -n_token, n_token - 1)});
  return positions;
}

std::vector<SweepCell> make_cells(const SweepCommand& command, const SweepPairs& pairs,
                                  const ModelConfig& config) {
  std::vector<SweepCell> cells;
  if (!command.cells.empty()) {
    for (const std::string& cell : command.cells) cells.push_back(parse_sweep_cell(cell, config));
    return cells;
  }
  Index n_token = 0;
  bool same = true;
  for (const SweepCase& pair : pairs.cases) {
    const auto n = static_cast<Index>(pairs.texts[static_cast<std::size_t>(pair.clean)].size());
    same = same && (n_token == 0 || n == n_token);
    n_token = std::max(n_token, n);
  }
  const std::vector<Index> layers = parse_layers(command.layers, config);
  for (const std::string& name : comma_list(command.sites)) {
    const HookKind kind = parse_kind(name);
    const std::string positions = !command.positions.empty()   ? command.positions
                                  : kind == HookKind::z        ? "all"
                                  : kind == HookKind::mlp_post ? "last"
                                                               : "each";
    const std::vector<SweepCell> some = sweep_cells(
        std::span(&kind, 1), layers, parse_positions(positions, n_token, !same), config);
    cells.insert(cells.end(), some.begin(), some.end());
  }
  return cells;
}

SweepMetricKind metric_of(const SweepCommand& command) {
  if (command.metric) return *command.metric;
  if (!command.answers.empty()) return SweepMetricKind::logit_difference;
  return command.derived.run.empty() ? SweepMetricKind::loss : SweepMetricKind::report;
}

void check_command(const SweepCommand& command) {
  if (command.derived.run.empty() == command.model.empty())
    throw ArgumentError("a sweep needs a RUN or a --model, and not both",
                        "gnomon sweep @last   or   gnomon sweep --model M --pairs FILE");
  if (command.derived.run.empty() && command.pairs.empty())
    throw ArgumentError("a sweep of a --model needs --pairs: two texts of the same token count",
                        "a .csv file with the columns clean and corrupted");
  if (command.derived.run.empty() && metric_of(command) == SweepMetricKind::report)
    throw ArgumentError("--metric report needs a RUN, whose reporter is read");
  if (!command.answers.empty() && command.answers.size() != 2)
    throw ArgumentError(fmt::format("--answers has {} texts, expected two", command.answers.size()),
                        "--answers ' Mary' ' John'");
}

// The model, its reporter where there is one, and the pairs.
struct SweepSubject {
  std::optional<TrainedRun> trained;
  std::optional<Model> model;
  SweepPairs pairs;

  const Model& runs() const { return trained ? trained->model->model() : *model; }
};

SweepSubject load_subject(const Context& context, const SweepCommand& command) {
  SweepSubject subject;
  SweepQuestion question;
  question.metric = metric_of(command);
  if (command.answers.size() == 2) {
    question.answer = command.answers[0];
    question.other = command.answers[1];
  }
  if (command.derived.run.empty()) {
    subject.model = Model::load(resolve_model(command.model));
  } else {
    subject.trained = load_trained_run(command.derived);
    question.report_position = subject.trained->record.reporter_data->feature_site.position;
  }
  if (command.pairs.empty()) {
    subject.pairs = donor_pairs(subject.runs(), *subject.trained->record.reporter_data,
                                command.part, command.most_pairs, context.options.seed, question);
  } else {
    const std::vector<TextPair> given =
        read_text_pairs(command.pairs, command.clean, command.corrupted);
    subject.pairs = file_pairs(subject.runs(), given, question);
  }
  return subject;
}

RunSettings run_settings(const Context& context, const SweepCommand& command,
                         const SweepSubject& subject) {
  RunSettings settings = command_settings(context, Precision::float32);
  if (subject.trained) {
    settings.id_words = {subject.trained->record.config.model.path,
                         unit_word(studied_target(*subject.trained, command.derived)), "sweep",
                         fmt::format("s{}", subject.trained->seed)};
  } else {
    settings.id_words = {command.model, "sweep"};
  }
  settings.manifest.name = command.derived.name;
  const auto integer = [](auto value) { return static_cast<std::int64_t>(value); };
  const auto text = [](const std::string& value) { return value; };
  settings.configuration = {
      {"command", std::string("sweep"), "command line"},
      {"seed", integer(context.options.seed), "--seed"},
      {"sweep.sites", text(command.cells.empty() ? command.sites : ""), "--sites"},
      {"sweep.layers", text(command.layers), "--layers"},
      {"sweep.positions", text(command.positions), "--positions"},
      {"sweep.direction", std::string(sweep_direction_name(command.direction)), "--direction"},
      {"sweep.metric", std::string(sweep_metric_name(metric_of(command))), "--metric"},
      {"sweep.pairs", text(command.pairs), "--pairs"},
      {"sweep.most_pairs", integer(command.most_pairs), "--max-pairs"},
      {"sweep.attribution", integer(command.attribution), "--attribution"},
      {"sweep.sample", integer(command.sample), "--sample"},
      {"sweep.recheck", integer(command.recheck), "--recheck"},
  };
  if (!subject.trained) {
    settings.configuration.push_back({"model.path", text(command.model), "--model"});
    return settings;
  }
  settings.configuration.push_back(
      {"run.id", subject.trained->record.run.manifest.id, "command line"});
  settings.configuration.push_back({"run.seed", integer(subject.trained->seed), "run"});
  settings.configuration.push_back({"sweep.target", integer(command.derived.target), "--target"});
  settings.configuration.push_back({"sweep.part", std::string(part_name(command.part)), "--part"});
  return settings;
}

void run_sweep(const Context& context, const SweepCommand& command) {
  check_command(command);
  const SweepSubject subject = load_subject(context, command);
  const ModelConfig& config = subject.runs().config();
  const std::vector<SweepCell> cells = make_cells(command, subject.pairs, config);
  std::optional<ReportReader<float>> reader;
  SweepMetric<float> metric;
  switch (metric_of(command)) {
    case SweepMetricKind::report:
      reader.emplace(*subject.trained->model, command.derived.target);
      metric = report_metric(*reader);
      break;
    case SweepMetricKind::logit_difference:
      metric = logit_difference_metric<float>(subject.pairs.cases);
      break;
    case SweepMetricKind::loss:
      metric = loss_metric<float>();
      break;
  }
  SweepOptions options;
  options.direction = command.direction;
  if (command.attribution > 0)
    options.attribution = AttributionOptions{command.attribution, command.sample};
  options.n_recheck = command.recheck;
  options.bootstrap.seed = context.options.seed;
  options.seed = context.options.seed;
  options.patch.memory_budget = command.budget_mib << 20;

  DerivedRun run(context, command.derived, run_settings(context, command, subject),
                 subject.trained ? runs_of(command.derived, subject.trained->record.run.path)
                                 : std::filesystem::path(command.derived.runs_dir),
                 subject.trained ? subject.trained->record.inputs.model : *subject.model,
                 std::nullopt);
  if (subject.trained)
    run.say(fmt::format("Run      {}, seed {}: its best checkpoint",
                        subject.trained->record.run.manifest.id, subject.trained->seed));
  constexpr std::size_t kMostShown = 5;
  for (std::size_t i = 0; i < std::min(kMostShown, subject.pairs.left_out.size()); ++i)
    run.say(fmt::format("left out {}: {}", subject.pairs.left_out[i].source,
                        subject.pairs.left_out[i].why));
  if (subject.pairs.left_out.size() > kMostShown)
    run.say(
        fmt::format("left out {} more, in sweep.json", subject.pairs.left_out.size() - kMostShown));
  run.say(fmt::format("Sweep    {} cells in {} pairs of texts", cells.size(),
                      subject.pairs.cases.size()));

  PatchSweep sweep;
  run.stage("sweep", [&](RunDirectory& files) {
    Progress progress = context.progress("Sweep", 0, "pairs");
    options.progress = progress.callback();
    sweep = sweep_patches<float>(subject.runs(), subject.pairs.texts, subject.pairs.cases, cells,
                                 metric, options);
    progress.finish();
    files.write_json("analysis/sweep.json", sweep_json(sweep, subject.pairs));
    files.write_csv("analysis/sweep.csv", sweep_csv(sweep));
    files.write_csv("analysis/sweep_pairs.csv", sweep_pairs_csv(sweep, subject.pairs));
  });
  Json json = sweep_json(sweep, subject.pairs);
  json["checks"] = checks_json(sweep.checks);
  const TextStyle style = context.text_style();
  run.finish(sweep_text(sweep, subject.pairs, command.top, style) + "\n" +
                 checks_text(sweep.checks, style),
             json, sweep.checks);
}

}  // namespace

void add_sweep_command(CLI::App& app, Context& context) {
  auto options = std::make_shared<SweepCommand>();
  CLI::App* command =
      app.add_subcommand("sweep", "Patch every site, head or neuron and see what moves");
  command->group(kStudyGroup);
  command
      ->add_option("run", options->derived.run,
                   "A run of `gnomon run`: its folder, the beginning of its id, or @last")
      ->type_name("RUN");
  add_model_option(*command, options->model);
  command
      ->add_option("--pairs", options->pairs,
                   "A .csv or .jsonl file of pairs of texts; of a RUN its own texts unless given")
      ->type_name("FILE");
  command->add_option("--clean", options->clean, "The column of the clean texts")
      ->type_name("NAME");
  command->add_option("--corrupted", options->corrupted, "The column of the corrupted texts")
      ->type_name("NAME");
  command
      ->add_option("--sites", options->sites,
                   "What is patched: resid_pre, resid_mid, resid_post, attn_out, mlp_out, z (every "
                   "head), mlp_post (every neuron); several with commas")
      ->type_name("LIST");
  command->add_option("--layers", options->layers, "Layers: 2, 0,3 or 1:3; all unless given")
      ->type_name("LIST");
  command
      ->add_option("--positions", options->positions,
                   "each, all (together), last, or token numbers, negative ones from the end; "
                   "unless given all for heads, last for neurons, each for the rest")
      ->type_name("LIST");
  command
      ->add_option("--cell", options->cells,
                   "One cell to patch in place of --sites, such as 'blocks.1.attn.hook_z[3, "
                   ":]@last'; may be repeated")
      ->type_name("SITE");
  command
      ->add_option_function<std::string>(
          "--metric",
          [options](const std::string& given) {
            for (const SweepMetricKind kind :
                 {SweepMetricKind::report, SweepMetricKind::logit_difference,
                  SweepMetricKind::loss}) {
              if (given == sweep_metric_name(kind)) {
                options->metric = kind;
                return;
              }
            }
            throw_unknown_choice("--metric", given, {"report", "logit_difference", "loss"});
          },
          "What is read: the report of a RUN, the logit difference of two answers, or the loss")
      ->type_name("report|logit_difference|loss");
  command
      ->add_option("--answers", options->answers,
                   "Two tokens of the logit difference, where the pairs do not say them")
      ->expected(2)
      ->type_name("TEXT");
  add_choice_option(
      *command, "--direction", options->direction,
      {{"denoising", SweepDirection::denoising}, {"noising", SweepDirection::noising}},
      "Put the clean text's cell into the corrupted run, or the other way round");
  add_integer_option(*command, "--attribution", options->attribution, 0, 1 << 20,
                     "Rank all cells by their gradient and patch this many; 0: patch all");
  add_integer_option(*command, "--sample", options->sample, 0, 1 << 20,
                     "Cells of the others to patch too, drawn at random");
  add_integer_option(*command, "--max-pairs", options->most_pairs, 1, 1 << 20,
                     "Rows of a RUN to take, drawn at random");
  add_integer_option(*command, "--top", options->top, 1, 1 << 20, "Cells to show");
  add_integer_option(*command, "--recheck", options->recheck, 0, 1 << 20,
                     "Patches to run again as whole runs");
  add_training_options(*command, options->derived);
  add_choice_option(*command, "--part", options->part,
                    {{"train", Part::train}, {"val", Part::val}, {"test", Part::test}},
                    "The texts of a RUN");
  add_integer_option(*command, "--memory", options->budget_mib, 1, 1 << 20,
                     "MiB that may be held of clean runs at a time");
  add_output_options(*command, options->derived);
  command->footer(
      "gnomon sweep @last\n"
      "gnomon sweep @last --sites mlp_post --layers 2 --attribution 20\n"
      "gnomon sweep --model smollm2-135m --pairs pairs.csv --sites z \\\n"
      "  --answers ' Mary' ' John'");
  on_run(*command, context, [&context, options] { run_sweep(context, *options); });
}

}  // namespace gnomon::cli
