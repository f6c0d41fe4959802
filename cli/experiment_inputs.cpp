// SPDX-License-Identifier: Apache-2.0
#include "cli/experiment_inputs.h"

#include <fmt/format.h>

#include <filesystem>

#include "cli/resolve_model.h"
#include "cli/study_options.h"
#include "gnomon/activations/capture.h"
#include "gnomon/base/error.h"

namespace gnomon::cli {

SiteAt default_feature_site(const std::vector<Target>& targets, const ModelConfig& sizes) {
  // Where the target is at @all, the head reads every token too.
  Position position = targets.front().at.position;
  if (position.kind == Position::Kind::index) position = {Position::Kind::last, -1};
  return {{HookKind::resid_post, sizes.n_layers - 1, std::nullopt}, position};
}

ExperimentInputs load_experiment_model(const ExperimentConfig& config) {
  ExperimentInputs inputs{Model::load(resolve_model(config.model.path)), {}, {}};
  const ModelConfig& sizes = inputs.model.config();
  for (const std::string& unit : config.target.units)
    inputs.targets.push_back(make_target(parse_site(unit, sizes), sizes));
  inputs.feature_site = config.feature_site.empty() ? default_feature_site(inputs.targets, sizes)
                                                    : parse_site(config.feature_site, sizes);
  return inputs;
}

ExperimentTexts read_experiment_texts(const Context& context, const ExperimentConfig& config) {
  ExperimentTexts texts;
  for (const std::string& given : config.data.texts) {
    TextSource source = config.data.sentences ? read_sentence_texts(given, SentenceGroup::none)
                                              : read_texts(given, config.seed);
    context.message(fmt::format("Read     {}", source.description));
    texts.sources.push_back({std::filesystem::path(given).filename().string(), source.sha256,
                             std::ssize(source.records)});
    for (TextRecord& record : source.records) texts.records.push_back(std::move(record));
  }
  return texts;
}

DataSet build_experiment_data(const ExperimentInputs& inputs, const ExperimentConfig& config,
                              const ExperimentTexts& texts,
                              std::function<void(Index, Index)> progress) {
  DataSetOptions options;
  options.seed = config.seed;
  options.fractions = config.data.split;
  options.near.reset();
  if (config.data.near_duplicate > 0) {
    options.near.emplace();
    options.near->threshold = config.data.near_duplicate;
  }
  if (config.data.balance > 0)
    options.balance = {config.data.balance, BalanceOptions{}.smallest_rows};
  options.run.progress = std::move(progress);
  DataSet data = build_data_set(inputs.model, inputs.targets, texts.records, options);
  data.sources = texts.sources;
  return data;
}

ReporterData experiment_reporter_data(const ExperimentInputs& inputs, const DataSet& data) {
  ReporterData reporter;
  reporter.ids = data.texts.ids;
  reporter.targets = inputs.targets;
  reporter.feature_site = inputs.feature_site;
  reporter.text = data.text;
  reporter.position = data.position;
  for (Index row = 0; row < data.n_row(); ++row) {
    reporter.group.push_back(data.group(row));
    reporter.part.push_back(data.part(row));
  }
  reporter.activation = data.activation;
  resolve_feature_positions(reporter);
  return reporter;
}

std::vector<Index> measured_rows(const DataSet& data, std::span<const Index> text,
                                 std::span<const Index> position) {
  std::vector<Index> rows;
  std::size_t measured = 0;
  for (std::size_t row = 0; row < data.text.size(); ++row, ++measured) {
    while (measured < text.size() &&
           (text[measured] != data.text[row] || position[measured] != data.position[row])) {
      ++measured;
    }
    if (measured == text.size())
      throw InternalError("measured_rows: a row of the data set was not measured");
    rows.push_back(static_cast<Index>(measured));
  }
  return rows;
}

std::vector<std::vector<double>> measure_targets(const ExperimentInputs& inputs,
                                                 const DataSet& data) {
  std::vector<SiteAt> sites;
  for (const Target& target : data.targets) sites.push_back(target.at);
  const std::vector<Activations<float>> measured =
      capture<float>(inputs.model, data.texts.ids, sites, {}, RunOptions{}).activations;
  std::vector<std::vector<double>> activations;
  for (const Activations<float>& target : measured) {
    std::vector<double>& values = activations.emplace_back();
    for (const Index row : measured_rows(data, target.text, target.position))
      values.push_back(static_cast<double>(target.values.matrix()(row, 0)));
  }
  return activations;
}

CheckResult snapshot_check(const DataSet& data, std::span<const std::vector<double>> again) {
  double n_different = 0;
  for (Index t = 0; t < data.n_target(); ++t) {
    for (Index row = 0; row < data.n_row(); ++row) {
      const double value = again[static_cast<std::size_t>(t)][static_cast<std::size_t>(row)];
      n_different += value == data.activation.matrix()(row, t) ? 0 : 1;
    }
  }
  return make_check("R4", "the stored activations, measured again", n_different, 0,
                    "activations that differ in any bit");
}

}  // namespace gnomon::cli
