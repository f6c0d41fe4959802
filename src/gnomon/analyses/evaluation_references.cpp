// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/evaluation_references.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "gnomon/analyses/baselines.h"
#include "gnomon/analyses/neuron_values.h"
#include "gnomon/base/error.h"
#include "gnomon/base/random.h"
#include "gnomon/stats/correlation.h"
#include "gnomon/stats/permutation.h"
#include "gnomon/stats/regression.h"

namespace gnomon {
namespace {

using Column = std::vector<double>;

void require_variation(const Column& values, std::string_view part) {
  if (pearson(values, values).r) return;
  throw ArgumentError(
      ErrorCode::bad_data,
      fmt::format("measure_references: the activation is constant on the {} {} rows, expected at "
                  "least 2 values",
                  values.size(), part),
      "choose another target or other texts");
}

// What all references are made from.
struct Context {
  const StudyData& data;
  const EvaluationFeatures& features;
  const ReferenceOptions& options;
  EvaluationReferences& result;

  ProbeRows rows() const { return {data.group, result.training_rows, result.scored_rows}; }
  ProbeOptions probe() const {
    ProbeOptions probe = options.probe;
    probe.seed = options.seed;
    return probe;
  }
  ReferenceReport& add(std::string name, EvaluationKind kind, std::string definition) {
    ReferenceReport& report = result.reports.emplace_back();
    report.name = std::move(name);
    report.kind = kind;
    report.definition = std::move(definition);
    return report;
  }
};

Column length_position_prediction(const Context& context) {
  const auto features_of = [&](std::span<const Index> rows) {
    Tensor<double> features({static_cast<Index>(rows.size()), 2});
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto row = static_cast<std::size_t>(rows[i]);
      const auto out = features.matrix().row(static_cast<Index>(i));
      out[0] = static_cast<double>(context.data.n_token[row]);
      out[1] = static_cast<double>(context.data.position[row]);
    }
    return features;
  };
  const Tensor<double> training = features_of(context.result.training_rows);
  const RidgeFit fit =
      fit_ridge(training.matrix(), take(context.data.activation, context.result.training_rows), 0,
                FeatureScaling::unit_variance);
  const Tensor<double> scored = features_of(context.result.scored_rows);
  Column prediction;
  for (Index i = 0; i < scored.matrix().rows; ++i)
    prediction.push_back(fit.predict(scored.matrix().row(i)));
  return prediction;
}

void add_text_floors(Context& context, std::span<const std::vector<TokenId>> ids) {
  const EvaluationReferences& result = context.result;
  std::vector<BaselinePrediction> predictions =
      simple_predictions(context.data, result.training_rows, result.scored_rows);
  predictions.push_back(
      {"length_position", "plane through both", length_position_prediction(context)});
  predictions.push_back(unigram_prediction(context.data, ids, result.training_rows,
                                           result.scored_rows, context.options.seed));
  for (BaselinePrediction& prediction : predictions) {
    context.add(prediction.name, EvaluationKind::floor, prediction.definition).report =
        std::move(prediction.value);
  }
}

// A ridge head of its own on one site; `missing` says why where there are no features.
void add_ridge(Context& context, const std::string& name, EvaluationKind kind,
               const std::optional<FeatureSite>& features, const std::string& missing) {
  ReferenceReport& report = context.add(name, kind, "");
  if (!features) {
    report.definition = "ridge head";
    report.why = missing;
    return;
  }
  report.definition = "ridge head on " + features->site;
  // The head of the last block often reads the target's own block.
  const auto same =
      std::find_if(context.result.reports.begin(), context.result.reports.end(),
                   [](const ReferenceReport& other) { return other.name == "ridge"; });
  if (same != context.result.reports.end() &&
      features->rows.data == context.features.reporter.rows.data) {
    report.report = same->report;
    return;
  }
  const std::vector<std::span<const double>> labels = {context.data.activation};
  report.report = std::move(
      fit_probes(features->rows, labels, context.rows(), context.probe()).front().prediction);
}

// Labels of every row of which those of the training rows were dealt out anew among their groups.
std::vector<Column> permuted_labels(const Context& context) {
  const EvaluationReferences& result = context.result;
  const Groups groups = index_groups(take(context.data.group, result.training_rows));
  Random random(context.options.seed, "permuted labels");
  std::vector<Column> labels;
  for (Index k = 0; k < context.options.n_permutation; ++k) {
    Column& permuted = labels.emplace_back(context.data.activation);
    const std::vector<Index> order = deal_out_groups(groups, random);
    for (std::size_t i = 0; i < order.size(); ++i) {
      permuted[static_cast<std::size_t>(result.training_rows[i])] =
          context.data.activation[static_cast<std::size_t>(
              result.training_rows[static_cast<std::size_t>(order[i])])];
    }
  }
  return labels;
}

void add_permuted(Context& context, std::span<const Probe> probes) {
  EvaluationReferences& result = context.result;
  std::vector<std::pair<double, std::size_t>> r2;
  for (std::size_t k = 0; k < probes.size(); ++k)
    r2.emplace_back(*r2_identity(probes[k].prediction, result.truth), k);
  std::sort(r2.begin(), r2.end());
  for (const auto& [value, k] : r2) result.permuted_r2.push_back(value);
  context
      .add("permuted_labels", EvaluationKind::floor,
           fmt::format("ridge head on labels rearranged by group; median of {}", probes.size()))
      .report = probes[r2[r2.size() / 2].second].prediction;
}

// Everything that reads the reporter's site, from one set of factorisations: the ridge ceiling, the
// permuted labels, the control task and the labels of other targets.
void add_reporter_site(Context& context) {
  EvaluationReferences& result = context.result;
  const FeatureSite& features = context.features.reporter;
  const ControlTask task = control_task(context.data.token, context.data.activation, context.rows(),
                                        context.options.seed);
  const std::vector<Column> permuted = permuted_labels(context);
  std::vector<std::span<const double>> labels = {context.data.activation, task.label};
  labels.insert(labels.end(), permuted.begin(), permuted.end());
  for (const OtherLabels& other : result.others) labels.emplace_back(other.activation);
  const std::vector<Probe> probes =
      fit_probes(features.rows, labels, context.rows(), context.probe());

  add_permuted(context, std::span(probes).subspan(2, permuted.size()));
  context.add("ridge", EvaluationKind::ceiling, "ridge head on " + features.site).report =
      probes[0].prediction;
  ReferenceReport& control =
      context.add("control_task", EvaluationKind::control,
                  fmt::format("ridge head for a random value of each of {} tokens", task.n_type));
  control.report = probes[1].prediction;
  control.truth = take(task.label, result.scored_rows);
  for (std::size_t k = 0; k < result.others.size(); ++k) {
    ReferenceReport& other =
        context.add("other_labels " + result.others[k].name, EvaluationKind::control,
                    fmt::format("ridge head for {}", result.others[k].name));
    other.report = probes[2 + permuted.size() + k].prediction;
    other.truth = take(result.others[k].activation, result.scored_rows);
  }
  result.selectivity = measure_selectivity(
      features.rows, context.data.activation, task, probes[0], probes[1], context.rows(),
      {context.probe(), context.options.seed}, context.options.bootstrap);
}

void add_neuron(Context& context) {
  ReferenceReport& report =
      context.add("neuron", EvaluationKind::ceiling, "computed again from the stream around it");
  if (const std::optional<Column> value = recomputed_target(context.data)) {
    report.report = take(*value, context.result.scored_rows);
  } else {
    report.why = "the stream around the target was not measured";
  }
}

}  // namespace

std::string_view evaluation_kind_name(EvaluationKind kind) {
  switch (kind) {
    case EvaluationKind::reporter:
      return "reporter";
    case EvaluationKind::floor:
      return "floor";
    case EvaluationKind::ceiling:
      return "ceiling";
    default:
      return "control";
  }
}

EvaluationReferences measure_references(const StudyData& data,
                                        std::span<const std::vector<TokenId>> ids,
                                        const EvaluationFeatures& features,
                                        std::vector<OtherLabels> others,
                                        const ReferenceOptions& options) {
  if (options.n_permutation < 1 || options.n_permutation % 2 == 0) {
    throw ArgumentError(fmt::format("measure_references: {} permutations, expected an odd number",
                                    options.n_permutation));
  }
  if (options.scored == Part::train) {
    throw ArgumentError("measure_references: the scored part is train, expected val or test",
                        "rows that something was fitted to say nothing about new texts");
  }
  EvaluationReferences result;
  result.scored = options.scored;
  result.training_rows = data.rows_of(Part::train);
  result.scored_rows = data.rows_of(options.scored);
  result.truth = take(data.activation, result.scored_rows);
  result.group = take(data.group, result.scored_rows);
  result.feature_site = features.reporter.site;
  result.others = std::move(others);
  result.bootstrap = options.bootstrap;
  require_variation(take(data.activation, result.training_rows), "training");
  require_variation(result.truth, part_name(options.scored));
  Context context{data, features, options, result};
  add_text_floors(context, ids);
  const std::string missing = "the site was not measured";
  const std::string no_mid =
      data.config.parallel_block ? "the model has no stream between attention and MLP" : missing;
  add_ridge(context, "embedding", EvaluationKind::floor, features.embedding, missing);
  add_neuron(context);
  add_reporter_site(context);
  add_ridge(context, "ridge_mid", EvaluationKind::ceiling, features.resid_mid, no_mid);
  add_ridge(context, "ridge_post", EvaluationKind::ceiling, features.resid_post, missing);
  return result;
}

ReferenceReport random_model_control(const StudyData& data, const FeatureSite& features,
                                     const EvaluationReferences& references,
                                     const ReferenceOptions& options) {
  ProbeOptions probe = options.probe;
  probe.seed = options.seed;
  const std::vector<std::span<const double>> labels = {data.activation};
  ReferenceReport report;
  report.name = "random_model";
  report.kind = EvaluationKind::control;
  report.definition =
      fmt::format("ridge head on {} of a randomly initialised model", features.site);
  report.report =
      std::move(fit_probes(features.rows, labels,
                           {data.group, references.training_rows, references.scored_rows}, probe)
                    .front()
                    .prediction);
  return report;
}

}  // namespace gnomon
