// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <chrono>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/derived_run.h"
#include "cli/option_values.h"
#include "cli/processor.h"
#include "cli/resolve_model.h"
#include "cli/run_options.h"
#include "cli/run_records.h"
#include "cli/terminal.h"
#include "cli/trained_run.h"
#include "gnomon/analyses/patch_sweep.h"
#include "gnomon/analyses/report_reader.h"
#include "gnomon/analyses/sweep_pairs.h"
#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/base/quote.h"
#include "gnomon/base/threads.h"
#include "gnomon/report/run_directory.h"
#include "gnomon/report/study_files.h"
#include "gnomon/report/study_text.h"
#include "gnomon/report/sweep_files.h"
#include "gnomon/report/sweep_text.h"

namespace gnomon::cli {
namespace {

struct SweepCommand {
  std::string run;
  std::string model;
  std::string runs_dir = kRunsFolder;
  std::string out;
  std::string name;
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
  std::optional<std::uint64_t> run_seed;
  Index most_pairs = 32;
  Index attribution = 0;
  Index sample = 20;
  Index recheck = SweepOptions{}.n_recheck;
  Index top = 10;
  Index target = 0;
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
  return command.run.empty() ? SweepMetricKind::loss : SweepMetricKind::report;
}

void check_command(const SweepCommand& command) {
  if (command.run.empty() == command.model.empty())
    throw ArgumentError("a sweep needs a RUN or a --model, and not both",
                        "gnomon sweep @last   or   gnomon sweep --model M --pairs FILE");
  if (command.run.empty() && command.pairs.empty())
    throw ArgumentError("a sweep of a --model needs --pairs: two texts of the same token count",
                        "a .csv file with the columns clean and corrupted");
  if (command.run.empty() && metric_of(command) == SweepMetricKind::report)
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
  if (command.run.empty()) {
    subject.model = Model::load(resolve_model(command.model));
  } else {
    subject.trained =
        load_trained_run(experiment_folder(command.run, command.runs_dir), command.run_seed);
    const std::vector<Target>& targets = subject.trained->record.reporter_data->targets;
    if (command.target >= static_cast<Index>(targets.size()))
      throw ArgumentError(ErrorCode::out_of_range,
                          fmt::format("--target: {}, the run's targets are 0 to {}", command.target,
                                      targets.size() - 1));
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
  RunSettings settings;
  settings.started = std::chrono::system_clock::now();
  settings.home = environment_variable("HOME");
  if (subject.trained) {
    const std::vector<Target>& targets = subject.trained->record.reporter_data->targets;
    settings.id_words = {subject.trained->record.config.model.path,
                         unit_word(targets[static_cast<std::size_t>(command.target)]), "sweep",
                         fmt::format("s{}", subject.trained->seed)};
  } else {
    settings.id_words = {command.model, "sweep"};
  }
  settings.manifest.name = command.name;
  settings.manifest.argv = context.arguments;
  settings.manifest.tool = tool_record();
  settings.manifest.machine = {processor_name(), threads()};
  settings.manifest.precision = precision_name(Precision::float32);
  settings.manifest.backend = backend_name(gnomon::RunOptions{}.backend);
  settings.manifest.seed = context.options.seed;
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
  settings.configuration.push_back({"sweep.target", integer(command.target), "--target"});
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
      reader.emplace(*subject.trained->model, command.target);
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

  std::string messages;
  const auto say = [&](const std::string& text) {
    messages += text + "\n";
    context.message(text);
  };
  if (subject.trained)
    say(fmt::format("Run      {}, seed {}: its best checkpoint",
                    subject.trained->record.run.manifest.id, subject.trained->seed));
  constexpr std::size_t kMostShown = 5;
  for (std::size_t i = 0; i < std::min(kMostShown, subject.pairs.left_out.size()); ++i)
    say(fmt::format("left out {}: {}", subject.pairs.left_out[i].source,
                    subject.pairs.left_out[i].why));
  if (subject.pairs.left_out.size() > kMostShown)
    say(fmt::format("left out {} more, in sweep.json", subject.pairs.left_out.size() - kMostShown));
  say(fmt::format("Sweep    {} cells in {} pairs of texts", cells.size(),
                  subject.pairs.cases.size()));

  RunSettings settings = run_settings(context, command, subject);
  RunDirectory run = command.out.empty()
                         ? RunDirectory::create_in(command.runs_dir, std::move(settings))
                         : RunDirectory::create(command.out, std::move(settings));
  PatchSweep sweep;
  std::string shown;
  try {
    run.add_varying_file("console.log");
    run.set_model(
        model_record(subject.trained ? subject.trained->record.inputs.model : *subject.model));
    run.stage("sweep", [&] {
      Progress progress = context.progress("Sweep", 0, "pairs");
      options.progress = progress.callback();
      sweep = sweep_patches<float>(subject.runs(), subject.pairs.texts, subject.pairs.cases, cells,
                                   metric, options);
      progress.finish();
      run.write_json("analysis/sweep.json", sweep_json(sweep, subject.pairs));
      run.write_csv("analysis/sweep.csv", sweep_csv(sweep));
      run.write_csv("analysis/sweep_pairs.csv", sweep_pairs_csv(sweep, subject.pairs));
      run.write_json("checks.json", checks_json(sweep.checks));
    });
    shown = sweep_text(sweep, subject.pairs, command.top, context.text_style()) + "\n" +
            checks_text(sweep.checks, context.text_style());
    write_file_atomic(run.path() / "console.log", messages + shown);
    run.finish(all_passed(sweep.checks) ? RunStatus::done : RunStatus::failed);
  } catch (const std::exception& error) {
    run.fail(error);
    throw;
  }
  if (context.options.json) {
    Json json = sweep_json(sweep, subject.pairs);
    json["checks"] = checks_json(sweep.checks);
    context.out << dump_json(json);
  } else {
    context.out << "\n" << shown << "Run: " << run.path().string() << "\n";
  }
  require_passed(sweep.checks, run.path());
}

}  // namespace

void add_sweep_command(CLI::App& app, Context& context) {
  auto options = std::make_shared<SweepCommand>();
  CLI::App* command =
      app.add_subcommand("sweep", "Patch every site, head or neuron and see what moves");
  command->group(kStudyGroup);
  command
      ->add_option("run", options->run,
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
  command
      ->add_option_function<std::string>(
          "--training-seed",
          [options](const std::string& given) {
            options->run_seed = static_cast<std::uint64_t>(parse_integer(
                "--training-seed", given, 0, std::numeric_limits<std::int64_t>::max()));
          },
          "The run's seed whose reporter is read; default: its first")
      ->type_name("N");
  add_integer_option(*command, "--target", options->target, 0, 10000,
                     "Which of the run's targets, from 0");
  add_choice_option(*command, "--part", options->part,
                    {{"train", Part::train}, {"val", Part::val}, {"test", Part::test}},
                    "The texts of a RUN");
  add_integer_option(*command, "--memory", options->budget_mib, 1, 1 << 20,
                     "MiB that may be held of clean runs at a time");
  command->add_option("-o,--out", options->out, "Folder of the results")->type_name("DIR");
  add_runs_dir_option(*command, options->runs_dir);
  command->add_option("--name", options->name, "A name for the run")->type_name("TEXT");
  command->footer(
      "gnomon sweep @last\n"
      "gnomon sweep @last --sites mlp_post --layers 2 --attribution 20\n"
      "gnomon sweep --model smollm2-135m --pairs pairs.csv --sites z \\\n"
      "  --answers ' Mary' ' John'");
  on_run(*command, context, [&context, options] { run_sweep(context, *options); });
}

}  // namespace gnomon::cli
