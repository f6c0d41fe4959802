// SPDX-License-Identifier: Apache-2.0
#include "cli/base_measurements.h"

#include <algorithm>
#include <memory>

#include "gnomon/activations/capture.h"
#include "gnomon/analyses/feature_rows.h"
#include "gnomon/base/random.h"
#include "gnomon/model/model_folder.h"

namespace gnomon::cli {
namespace {

// Neurons that are drawn and measured together.
constexpr int kOtherNeurons = 8;

template <class T>
std::vector<T> chosen(const std::vector<T>& all, const std::vector<Index>& rows) {
  return all.empty() ? all : take(all, rows);
}

bool varies(const std::vector<double>& values, const std::vector<Index>& rows) {
  const std::vector<double> there = take(values, rows);
  const auto [low, high] = std::ranges::minmax(there);
  return low < high;
}

// Neurons of the target's layer, targets left out.
std::vector<SiteAt> drawn_neurons(const ModelConfig& sizes, const DataSet& data,
                                  const Target& target, std::uint64_t seed) {
  Random random(seed, "evaluate/other_neuron");
  std::vector<SiteAt> neurons;
  for (int i = 0; i < kOtherNeurons; ++i) {
    SiteAt at = target.at;
    at.site.coordinate = static_cast<Index>(random.below(static_cast<std::uint64_t>(sizes.d_mlp)));
    if (std::ranges::none_of(data.targets, [&](const Target& t) { return t.at == at; }))
      neurons.push_back(at);
  }
  return neurons;
}

}  // namespace

StudyData rows_of_data(StudyData study, const DataSet& data) {
  if (study.n_row() == data.n_row()) return study;
  const std::vector<Index> rows = measured_rows(data, study.text, study.position);
  for (auto* indices : {&study.text, &study.position, &study.n_token, &study.group})
    *indices = chosen(*indices, rows);
  study.token = chosen(study.token, rows);
  study.part = chosen(study.part, rows);
  for (auto* values : {&study.activation, &study.pre, &study.pre_linear, &study.post})
    *values = chosen(*values, rows);
  for (auto* stream : {&study.resid_pre, &study.resid_mid, &study.attn_out, &study.resid_post,
                       &study.resid_final}) {
    if (stream->size() > 0) *stream = take_rows(stream->matrix(), rows);
  }
  return study;
}

bool can_be_labels(const std::vector<double>& values, const DataSet& data) {
  return varies(values, data.rows_of(Part::train)) && varies(values, data.rows_of(Part::test));
}

BaseMeasurements::BaseMeasurements(const ExperimentInputs& inputs, const ExperimentConfig& config,
                                   const DataSet& data)
    : inputs_(inputs), config_(config), data_(data), targets_(inputs.targets.size()) {}

const StudyData& BaseMeasurements::study(std::size_t target) {
  std::optional<StudyData>& study = targets_[target].study;
  if (!study) {
    study = rows_of_data(measure_study(inputs_.model, inputs_.targets[target], data_.texts,
                                       Precision::float32, RunOptions{}),
                         data_);
  }
  return *study;
}

const std::vector<OtherLabels>& BaseMeasurements::other_neuron(std::size_t index) {
  std::optional<std::vector<OtherLabels>>& other = targets_[index].other;
  if (other) return *other;
  other.emplace();
  const Target& target = inputs_.targets[index];
  if (target.kind != TargetKind::neuron_post) return *other;
  const ModelConfig& sizes = inputs_.model.config();
  const std::vector<SiteAt> neurons = drawn_neurons(sizes, data_, target, config_.seed);
  if (neurons.empty()) return *other;
  const std::vector<Activations<float>> measured =
      capture<float>(inputs_.model, data_.texts.ids, neurons, {}, RunOptions{}).activations;
  const std::vector<Index> rows =
      measured_rows(data_, measured.front().text, measured.front().position);
  for (std::size_t i = 0; i < neurons.size(); ++i) {
    const auto values = measured[i].values.values();
    std::vector<double> activation;
    for (const Index row : rows)
      activation.push_back(static_cast<double>(values[static_cast<std::size_t>(row)]));
    if (!can_be_labels(activation, data_)) continue;
    other->push_back({site_name(neurons[i].site, sizes), std::move(activation)});
    break;
  }
  return *other;
}

const Tensor<double>& BaseMeasurements::random_model_features() {
  if (random_features_.size() == 0) {
    const auto parameters = std::make_shared<ParameterSet<float>>(
        random_parameters(inputs_.model.config(), config_.seed));
    const Model random = inputs_.model.with_parameters<float>(parameters);
    random_features_ =
        feature_rows(random, data_.texts, study(0), inputs_.feature_site, RunOptions{});
  }
  return random_features_;
}

std::optional<EvaluationReferences>& BaseMeasurements::untrained_references(std::size_t target) {
  return targets_[target].references;
}

}  // namespace gnomon::cli
