// SPDX-License-Identifier: Apache-2.0
#include "cli/experiment_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <memory>

#include "cli/experiment_evaluation.h"
#include "cli/experiment_inputs.h"
#include "cli/run_records.h"
#include "cli/terminal.h"
#include "cli/trained_run.h"
#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/report/data_set_files.h"
#include "gnomon/report/evaluation_files.h"
#include "gnomon/report/event_file.h"
#include "gnomon/report/metrics_log.h"
#include "gnomon/report/run_directory.h"
#include "gnomon/report/run_summary.h"
#include "gnomon/report/run_values.h"
#include "gnomon/report/study_files.h"
#include "gnomon/report/writeup.h"
#include "gnomon/train/adapter_files.h"
#include "gnomon/train/option_names.h"
#include "gnomon/train/train_checkpoint.h"
#include "gnomon/train/trained_parameters.h"
#include "gnomon/train/trainer.h"

namespace gnomon::cli {
namespace {

namespace fs = std::filesystem;

using Model32 = ReportModel<float>;

constexpr const char* kStudyFile = "analysis/study.safetensors";
constexpr const char* kProjectionsFile = "analysis/projections.json";
constexpr const char* kLaddersFile = "analysis/audit.json";
constexpr const char* kChecksFile = "checks.json";

// Inside the run.
std::string seed_files(std::uint64_t seed) { return seed_folder("", seed).generic_string(); }

Json metric_json(const MetricRecord& record) {
  Json json;
  json["step"] = record.step;
  json["epoch"] = record.epoch;
  json["kind"] = record.kind;
  for (const auto& [name, value] : record.values) json[name] = value;
  return json;
}

// One run of the stages, with what they share.
class Experiment {
 public:
  Experiment(const Context& context, const ResolvedExperiment& resolved,
             const ExperimentRunOptions& options)
      : context_(context),
        config_(resolved.config),
        entries_(resolved.entries),
        options_(options),
        inputs_(load_experiment_model(config_)) {}

  ExperimentOutcome run() {
    RunSettings settings = run_settings();
    model_record_ = model_record(inputs_.model);
    texts_ = read_experiment_texts(context_, config_);
    for (const TextSourceRecord& source : texts_.sources) text_hash_ += source.sha256;
    for (const Target& target : inputs_.targets)
      outcome_.targets.push_back(site_at_name(target.at, inputs_.model.config()));
    outcome_.target_moved = training_moves_target();
    if (options_.dry_run) {
      plan(settings);
      return std::move(outcome_);
    }
    RunDirectory run = options_.out.empty()
                           ? RunDirectory::create_in(options_.runs_dir, std::move(settings))
                           : RunDirectory::open_or_create(options_.out, std::move(settings));
    outcome_.run = run.path();
    try {
      run.add_varying_file("console.log");
      run.set_model(model_record_);
      data_stage(run);
      for (const std::uint64_t seed : config_.seeds()) train_stage(run, seed);
      for (const std::uint64_t seed : config_.seeds()) evaluate_stage(run, seed);
      if (options_.analyses) projections_stage(run);
      checks_stage(run);
      run.finish(all_passed(outcome_.checks) ? RunStatus::done : RunStatus::failed);
    } catch (const std::exception& error) {
      run.fail(error);
      throw;
    }
    return std::move(outcome_);
  }

 private:
  bool training_moves_target() const {
    const ModelConfig& sizes = inputs_.model.config();
    const Index layer = inputs_.targets.front().layer();
    const std::vector<ParameterRow> trained =
        trained_parameters(config_.train.trained, sizes, layer);
    return !trained.empty() && first_changed_block(trained, sizes) <= layer;
  }

  void say(const std::string& line) {
    outcome_.messages += line + "\n";
    context_.message(line);
  }

  RunSettings run_settings() const {
    RunSettings settings = command_settings(context_, Precision::float32);
    settings.id_words = {config_.model.path, unit_word(inputs_.targets.front()),
                         std::string(option_name(config_.train.reporter.kind)),
                         std::string(option_name(config_.train.trained.part)),
                         fmt::format("s{}", config_.seed)};
    settings.manifest.name = config_.name;
    settings.manifest.seed = config_.seed;
    settings.configuration = entries_;
    return settings;
  }

  StageSpec data_spec() const {
    const std::vector<std::string> keys = {"data", "target.units", "seed"};
    const std::vector<std::string> others = {model_record_.sha256, text_hash_};
    return {"data", stage_inputs_sha256(entries_of(entries_, keys), others), {}};
  }
  StageSpec train_spec(std::uint64_t seed) const {
    const std::vector<std::string> keys = {"train", "target", "feature_site", "tensorboard"};
    const std::vector<std::string> others = {std::to_string(seed)};
    return {fmt::format("train.{}", seed),
            stage_inputs_sha256(entries_of(entries_, keys), others),
            {"data"}};
  }
  StageSpec evaluate_spec(std::uint64_t seed) const {
    const std::vector<std::string> keys = {"evaluate"};
    const std::vector<std::string> others = {std::to_string(seed)};
    return {fmt::format("evaluate.{}", seed),
            stage_inputs_sha256(entries_of(entries_, keys), others),
            {"data", fmt::format("train.{}", seed)}};
  }
  StageSpec projections_spec() const {
    const std::vector<std::string> keys = {"evaluate"};
    return {"projections",
            stage_inputs_sha256(entries_of(entries_, keys), {}),
            {"data", fmt::format("train.{}", config_.seed)}};
  }

  StageSpec checks_spec() const {
    const std::vector<std::string> others = {options_.analyses ? "with projections" : "without"};
    StageSpec spec{"checks", stage_inputs_sha256({}, others), {"data"}};
    for (const std::uint64_t seed : config_.seeds()) {
      spec.upstream.push_back(fmt::format("train.{}", seed));
      spec.upstream.push_back(fmt::format("evaluate.{}", seed));
    }
    if (options_.analyses) spec.upstream.emplace_back("projections");
    return spec;
  }

  void plan(const RunSettings& settings) {
    std::vector<StageSpec> stages = {data_spec()};
    for (const std::uint64_t seed : config_.seeds()) stages.push_back(train_spec(seed));
    for (const std::uint64_t seed : config_.seeds()) stages.push_back(evaluate_spec(seed));
    if (options_.analyses) stages.push_back(projections_spec());
    stages.push_back(checks_spec());
    std::optional<StoredRun> run;
    if (!options_.out.empty() && fs::exists(fs::path(options_.out) / "run.json"))
      run = open_run(options_.out);
    outcome_.plan = plan_stages(run ? &*run : nullptr, settings.manifest, stages);
  }

  void data_stage(RunDirectory& run) {
    const fs::path folder = run.path() / "data";
    const bool done = run.stage_if_stale(data_spec(), [&] {
      Progress progress = context_.progress("Data", 0, "tokens");
      DataSet data = build_experiment_data(inputs_, config_, texts_, progress.callback());
      progress.finish();
      const DataSetLeakage leakage = measure_leakage(data);
      for (const char* name :
           {"prompts.jsonl", "activations.safetensors", "DATA_CARD.md", "dataset.json"}) {
        run.output_path(std::string("data/") + name);
      }
      const ToolRecord tool = tool_record();
      write_data_set(folder, data, leakage, {{"version", tool.version}, {"commit", tool.git}});
      for (const char* name :
           {"prompts.jsonl", "activations.safetensors", "DATA_CARD.md", "dataset.json"}) {
        run.add_file(std::string("data/") + name);
      }
    });
    data_ = read_data_set(folder);
    // One hash for the manifest, whatever the number of files.
    const std::string data_hash = texts_.sources.size() == 1 ? text_hash_ : sha256_hex(text_hash_);
    run.set_data({data_hash, static_cast<std::uint64_t>(data_.counts.n_read),
                  static_cast<std::uint64_t>(data_.texts.n_text()),
                  static_cast<std::uint64_t>(data_.texts.groups.n_groups)});
    reporter_data_ = std::make_shared<ReporterData>(experiment_reporter_data(inputs_, data_));
    base_.emplace(inputs_, config_, data_);
    say(fmt::format("Data     {} rows of {} texts in {} groups: {} train, {} val, {} test{}",
                    data_.n_row(), data_.texts.n_text(), data_.texts.groups.n_groups,
                    data_.rows_of(Part::train).size(), data_.rows_of(Part::val).size(),
                    data_.rows_of(Part::test).size(), done ? "" : "  (kept)"));
  }

  TrainOptions train_options(std::uint64_t seed) const {
    TrainOptions options = config_.train;
    options.seed = seed;
    return options;
  }

  std::unique_ptr<Model32> trained_model(const fs::path& run, std::uint64_t seed) const {
    return load_trained_model(inputs_, config_, reporter_data_, run, seed, unchanged_);
  }

  void train_stage(RunDirectory& run, std::uint64_t seed) {
    const std::string folder = seed_files(seed);
    const bool done = run.stage_if_stale(train_spec(seed), [&] { train(run, seed, folder); });
    if (!done) say(fmt::format("Train    seed {}  (kept)", seed));
  }

  // Every file of a checkpoint of this epoch, made known before it is written.
  void announce_checkpoint(RunDirectory& run, const std::string& folder, Index epoch) const {
    for (const char* name : {"parameters.safetensors", "lora.safetensors", "head.safetensors",
                             "reporter.json", "optimizer.safetensors", "trainer_state.json"}) {
      run.resumable_path(fmt::format("{}/checkpoints/epoch-{:04}/{}", folder, epoch, name));
    }
  }

  void train(RunDirectory& run, std::uint64_t seed, const std::string& folder) {
    Model32 model(inputs_.model, reporter_data_, train_options(seed), RunOptions{}, unchanged_);
    Trainer<float> trainer(model);
    const fs::path checkpoints = run.path() / folder / "checkpoints";
    fs::create_directories(checkpoints);
    run.resumable_path(folder + "/checkpoints/last.txt");
    run.resumable_path(folder + "/checkpoints/best.txt");
    const fs::path log_path = run.resumable_path(folder + "/metrics.jsonl");
    bool resumed = false;
    if (const auto last = find_checkpoint(checkpoints, "last")) {
      load_checkpoint(trainer, *last);
      resumed = true;
      say(fmt::format("Train    seed {} goes on after epoch {}", seed, trainer.state().epoch));
    }
    MetricsLog log(log_path, resumed ? trainer.state().step : -1);
    std::optional<EventFile> events_file;
    if (config_.tensorboard)
      events_file.emplace(run.path() / folder / "tensorboard", std::chrono::system_clock::now(),
                          trainer.state().step);
    Progress progress = context_.progress(fmt::format("Train {}", seed), 0, "updates");
    Trainer<float>::Events events;
    events.metric = [&](const MetricRecord& record) {
      log.append(metric_json(record));
      if (!events_file) return;
      std::vector<ScalarEvent> scalars;
      for (const auto& [name, value] : record.values)
        scalars.push_back({record.kind + "/" + name, value});
      events_file->add(std::chrono::system_clock::now(), record.step, scalars);
    };
    events.epoch_end = [&](const Trainer<float>& at, bool best) {
      announce_checkpoint(run, folder, at.state().epoch);
      save_checkpoint(at, checkpoints, best);
    };
    events.progress = progress.callback();
    trainer.run(events);
    progress.finish();

    const TrainState& state = trainer.state();
    const EpochRecord& best = state.history[static_cast<std::size_t>(state.best_epoch)];
    say(fmt::format("Train    seed {}: {} epochs{}, best {}: val loss {:.4g}, R² {}", seed,
                    state.epoch, state.stopped_early ? " (stopped early)" : "", state.best_epoch,
                    best.val_loss, best.val_r2 ? fmt::format("{:+.3f}", *best.val_r2) : "–"));
    add_training_files(run, folder, checkpoints);
    load_parameters(model, *find_checkpoint(checkpoints, "best"));
    if (model.lora()) {
      const fs::path adapter = run.path() / folder / "adapter";
      write_adapter(adapter, to_adapter(*model.lora(), config_.model.path));
      run.add_file(folder + "/adapter/adapter_model.safetensors");
      run.add_file(folder + "/adapter/adapter_config.json");
    }
    // What a reload has to reproduce (R7).
    run.write_csv(folder + "/reports.csv", reports_csv(model));
  }

  void add_training_files(RunDirectory& run, const std::string& folder,
                          const fs::path& checkpoints) const {
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(checkpoints)) {
      if (entry.is_regular_file())
        run.add_file(folder + "/checkpoints/" +
                     fs::relative(entry.path(), checkpoints).generic_string());
    }
    run.add_file(folder + "/metrics.jsonl");
    const fs::path tensorboard = run.path() / folder / "tensorboard";
    if (!fs::exists(tensorboard)) return;
    for (const fs::directory_entry& entry : fs::directory_iterator(tensorboard))
      run.add_varying_file(folder + "/tensorboard/" + entry.path().filename().string());
  }

  CsvTable reports_csv(const Model32& model) const {
    return experiment_reports_csv(data_, experiment_reports(model, nullptr));
  }

  static std::string evaluation_name(const std::string& folder, std::size_t target) {
    return folder + (target == 0 ? "/evaluation" : fmt::format("/evaluation-{}", target));
  }

  void write_evaluation(RunDirectory& run, const std::string& folder, const SeedResult& result) {
    for (std::size_t t = 0; t < result.evaluations.size(); ++t) {
      const std::string name = evaluation_name(folder, t);
      run.write_json(name + ".json", evaluation_json(result.evaluations[t]));
      run.write_csv(name + ".csv", evaluation_csv(result.evaluations[t]));
    }
    Json json;
    for (const ActivationDrift& drift : result.drifts) json["drift"].push_back(drift_json(drift));
    json["lm_before"] = number_or_null(result.lm_before);
    json["lm_after"] = number_or_null(result.lm_after);
    json["top1"] = number_or_null(result.top1);
    run.write_json(folder + "/training.json", json);
  }

  SeedResult read_evaluation(const fs::path& run, const std::string& folder, std::uint64_t seed) {
    SeedResult result;
    result.seed = seed;
    const std::string training = folder + "/training.json";
    const Json json = read_json_file(run / training);
    for (std::size_t t = 0; t < inputs_.targets.size(); ++t) {
      const std::string name = evaluation_name(folder, t) + ".json";
      result.evaluations.push_back(evaluation_from_json(read_json_file(run / name), name));
      result.drifts.push_back(
          drift_from_json(json.at("drift").at(t), config_.evaluate.level, training));
    }
    const auto number = [&](const char* key) {
      return json.at(key).is_null() ? std::nullopt : std::optional(json.at(key).get<double>());
    };
    result.lm_before = number("lm_before");
    result.lm_after = number("lm_after");
    result.top1 = number("top1");
    return result;
  }

  void evaluate_stage(RunDirectory& run, std::uint64_t seed) {
    const std::string folder = seed_files(seed);
    SeedResult result;
    const bool done = run.stage_if_stale(evaluate_spec(seed), [&] {
      const std::unique_ptr<Model32> model = trained_model(run.path(), seed);
      result = evaluate_seed(inputs_, config_, data_, *base_, *model, seed);
      write_evaluation(run, folder, result);
    });
    if (!done) result = read_evaluation(run.path(), folder, seed);
    const Json state = read_json_file(
        *find_checkpoint(run.path() / folder / "checkpoints", "last") / "trainer_state.json");
    result.epochs = state.at("epoch").get<Index>();
    result.best_epoch = state.at("best_epoch").get<Index>();
    train_eval_gap_ = std::max(train_eval_gap_, state.at("train_eval_gap").get<double>());
    outcome_.seeds.push_back(std::move(result));
  }

  // Of the trained model, on the rows of the data.
  StudyData measure_trained(const Model32& trained) {
    if (!trained.trains_model()) return base_->study(0);
    Progress progress = context_.progress("Project", 0, "tokens");
    RunOptions run_options;
    run_options.progress = progress.callback();
    StudyData study = measure_study(trained.model(), inputs_.targets.front(), data_.texts,
                                    Precision::float32, run_options);
    progress.finish();
    return rows_of_data(std::move(study), data_);
  }

  void analyse(RunDirectory& run) {
    const std::unique_ptr<Model32> trained = trained_model(run.path(), config_.seed);
    ProjectionOptions projection;
    projection.seed = config_.seed;
    projection.n_bootstrap = config_.evaluate.bootstrap;
    projection.level = config_.evaluate.level;
    projection.head = final_stream_head(*trained, *reporter_data_, inputs_.model.config());
    const StudyData study = measure_trained(*trained);
    const ProjectionAnalysis analysis =
        analyse_projections(study, trained->model().weights<float>(), projection);
    LadderOptions ladder;
    ladder.bootstrap.seed = config_.seed;
    const std::vector<Ladder> ladders =
        audit_ladders(study, analysis.head, analysis.mean_gradient, analysis.scored_rows,
                      analysis.training_rows, ladder);
    write_study(run.output_path(kStudyFile), study, analysis);
    run.add_file(kStudyFile);
    run.write_json(kProjectionsFile, projections_json(study, analysis));
    run.write_csv("analysis/projections.csv", projections_csv(study, data_.texts, analysis));
    run.write_json("analysis/correlation.json", correlation_json(analysis));
    run.write_csv("analysis/correlation.csv", correlation_csv(analysis));
    run.write_json(kLaddersFile, audit_json(ladders));
    run.write_csv("analysis/audit.csv", audit_csv(ladders));
    outcome_.analysis = analysis;
    outcome_.ladders = ladders;
  }

  void projections_stage(RunDirectory& run) {
    if (!run.stage_if_stale(projections_spec(), [&] { analyse(run); })) {
      outcome_.analysis =
          projections_from_json(read_json_file(run.path() / kProjectionsFile), kProjectionsFile);
      outcome_.ladders = ladders_from_json(read_json_file(run.path() / kLaddersFile), kLaddersFile);
    }
  }

  void check(RunDirectory& run) {
    std::vector<CheckResult>& checks = outcome_.checks;
    for (const std::uint64_t seed : config_.seeds()) {
      const std::unique_ptr<Model32> model = trained_model(run.path(), seed);
      if (seed == config_.seed && options_.analyses) {
        const StudyData study = read_study(run.path() / kStudyFile).data;
        for (CheckResult& check :
             identity_checks(model->model(), data_.texts, study, outcome_.ladders)) {
          checks.push_back(std::move(check));
        }
      }
      checks.push_back(stored_reports_check(run.path() / seed_files(seed) / "reports.csv",
                                            reports_csv(*model), seed));
    }
    checks.push_back(make_check("R1",
                                "an update and an evaluation of the same rows have the same loss",
                                train_eval_gap_, 0, "largest relative difference over the epochs"));
    std::vector<std::vector<double>> again;
    for (std::size_t t = 0; t < inputs_.targets.size(); ++t)
      again.push_back(base_->study(t).activation);
    checks.push_back(snapshot_check(data_, again));
    run.write_json(kChecksFile, checks_json(checks));
    run.write_json(kSummaryFile, summary_json(experiment_summary(outcome_.seeds)));
  }

  void checks_stage(RunDirectory& run) {
    if (run.stage_if_stale(checks_spec(), [&] { check(run); })) return;
    outcome_.checks = checks_from_json(read_json_file(run.path() / kChecksFile), kChecksFile);
  }

  const Context& context_;
  const ExperimentConfig& config_;
  const std::vector<ConfigEntry>& entries_;
  const ExperimentRunOptions& options_;
  ExperimentInputs inputs_;
  ExperimentTexts texts_;
  std::string text_hash_;
  ModelRecord model_record_;
  DataSet data_;
  std::shared_ptr<const ReporterData> reporter_data_;
  std::shared_ptr<UnchangedNumbers<float>> unchanged_ = std::make_shared<UnchangedNumbers<float>>();
  std::optional<BaseMeasurements> base_;
  double train_eval_gap_ = 0;
  ExperimentOutcome outcome_;
};

}  // namespace

ExperimentOutcome run_experiment(const Context& context, const ResolvedExperiment& experiment,
                                 const ExperimentRunOptions& options) {
  require_complete(experiment.config);
  return Experiment(context, experiment, options).run();
}

namespace {

// The numbers and claims of report/writeup.md against those that the run's files give.
CheckResult writeup_check(const StoredRun& run) {
  const RunValues values(run);
  const fs::path path = run.path / kWriteupFile;
  const std::vector<std::string> problems = fs::exists(path)
                                                ? writeup_problems(values, read_text_file(path))
                                                : std::vector<std::string>{"it is missing"};
  return make_check("V2", "report/writeup.md says what the run found",
                    static_cast<double>(problems.size()), 0,
                    problems.empty() ? "every number and claim is the run's" : problems.front());
}

}  // namespace

std::vector<CheckResult> verify_run(const Context& context, const fs::path& folder) {
  const StoredRun run = open_run(folder);
  std::vector<CheckResult> checks;
  double n_changed = 0;
  std::string first;
  for (const auto& [name, record] : run.manifest.files) {
    const fs::path path = run.path / name;
    if (fs::exists(path) && sha256_file(path) == record.sha256) continue;
    if (n_changed == 0) first = name;
    n_changed += 1;
  }
  checks.push_back(make_check("V1", "every file is the one that was written", n_changed, 0,
                              first.empty() ? "changed or missing files" : "first: " + first));
  if (run.manifest.files.contains(kWriteupFile)) checks.push_back(writeup_check(run));
  // Runs of other commands hold no reporter to load again.
  const std::vector<ConfigEntry> settings = run.read_configuration();
  if (std::ranges::any_of(settings, [](const ConfigEntry& s) { return s.key == "command"; }))
    return checks;
  const ExperimentRecord record = load_experiment_record(folder);
  checks.push_back(snapshot_check(record.data, measure_targets(record.inputs, record.data)));
  const auto unchanged = std::make_shared<UnchangedNumbers<float>>();
  for (const std::uint64_t seed : record.config.seeds()) {
    Progress progress = context.progress(fmt::format("Verify {}", seed), 0, "tokens");
    const std::unique_ptr<Model32> model = load_trained_model(
        record.inputs, record.config, record.reporter_data, run.path, seed, unchanged);
    checks.push_back(stored_reports_check(
        seed_folder(run.path, seed) / "reports.csv",
        experiment_reports_csv(record.data, experiment_reports(*model, nullptr)), seed));
    progress.finish();
  }
  return checks;
}

}  // namespace gnomon::cli
