// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/original_definitions.h"

#include <fmt/format.h>

#include <numeric>
#include <span>
#include <utility>

#include "gnomon/analyses/neuron_values.h"
#include "gnomon/base/error.h"
#include "gnomon/base/quote.h"
#include "gnomon/directions/neuron_directions.h"
#include "gnomon/stats/correlation.h"

namespace gnomon {
namespace {

using Column = std::vector<double>;

// Each row of the stream along `direction`; minus the row's mean first where `centred`.
Column project(const Tensor<double>& stream, const Column& direction, bool centred) {
  Column values;
  const double sum = std::accumulate(direction.begin(), direction.end(), 0.0);
  for (Index r = 0; r < stream.matrix().rows; ++r) {
    const std::span<const double> row = stream.matrix().row(r);
    double value = dot(row, direction);
    if (centred)
      value -= std::accumulate(row.begin(), row.end(), 0.0) / static_cast<double>(row.size()) * sum;
    values.push_back(value);
  }
  return values;
}

Column centred(Column direction) {
  const double mean = std::accumulate(direction.begin(), direction.end(), 0.0) /
                      static_cast<double>(direction.size());
  for (double& value : direction) value -= mean;
  return direction;
}

class Steps {
 public:
  Steps(const StudyData& data, const ProjectionAnalysis& analysis, std::string name,
        std::string here)
      : data_(data), analysis_(analysis) {
    found_.name = std::move(name);
    found_.here = std::move(here);
  }

  void start(std::string quantity, const Column& projection) {
    add("as the study", std::move(quantity), "", pearson(projection, data_.activation).r,
        data_.n_row());
    held_out("held-out rows", found_.steps.front().quantity,
             "the rows of the training part are left out: a head was fitted to them", projection);
  }
  void held_out(std::string name, std::string quantity, std::string why, const Column& projection) {
    add(std::move(name), std::move(quantity), std::move(why),
        pearson(take(projection, analysis_.scored_rows),
                take(data_.activation, analysis_.scored_rows))
            .r,
        analysis_.n_row);
  }
  // The direction as it is computed here: its numbers are those of the analysis.
  OriginalDirection finish(std::string name, std::string why) && {
    for (const DirectionResult& direction : analysis_.directions) {
      if (direction.name != found_.here) continue;
      if (direction.defined()) {
        add(std::move(name), direction.definition, std::move(why), direction.r, analysis_.n_row);
      } else {
        found_.why = direction.why;
      }
      return std::move(found_);
    }
    found_.why = fmt::format("the target has no direction {}", found_.here);
    return std::move(found_);
  }

 private:
  void add(std::string name, std::string quantity, std::string why, std::optional<double> r,
           Index n_row) {
    found_.steps.push_back({std::move(name), std::move(quantity), std::move(why), r, n_row});
  }

  const StudyData& data_;
  const ProjectionAnalysis& analysis_;
  OriginalDirection found_;
};

constexpr const char* kCentred =
    "the stream as the model has it: TransformerLens had taken each row's mean away";

class OriginalStudy {
 public:
  OriginalStudy(const StudyData& data, const ProjectionAnalysis& analysis, NeuronWeights neuron)
      : data_(data), analysis_(analysis), neuron_(std::move(neuron)) {}

  std::vector<OriginalDirection> directions() const {
    return {head(), input(), written("output", "output", data_.resid_post, resid_post()),
            written("neuron_dir", "final", data_.resid_final, final())};
  }

 private:
  bool centres() const { return data_.config.norm == NormKind::layer_norm; }
  std::string final() const { return site_name(data_.final_site(), data_.config); }
  std::string resid_post() const { return block_site(HookKind::resid_post); }
  std::string block_site(HookKind kind) const {
    return site_name({kind, data_.target.layer(), std::nullopt}, data_.config);
  }
  std::string number() const { return fmt::format("{}", data_.target.index()); }

  OriginalDirection head() const {
    Steps steps(data_, analysis_, "head", "head");
    const Column& weight = analysis_.head.weight;
    steps.start(final() + " · w", project(data_.resid_final, weight, centres()));
    return std::move(steps).finish(
        "+ mean, + b", centres() ? kCentred : "the bias is added; no correlation sees it");
  }

  OriginalDirection input() const {
    Steps steps(data_, analysis_, "input", "input");
    // TransformerLens calls the branch without activation function W_in where there are two.
    const Column& read = data_.config.gated_mlp ? neuron_.up_read : neuron_.read;
    const Column folded = folded_read(read, neuron_.norm_weight, data_.config.norm);
    const std::string w_in = fmt::format("W_in[:, {}]", number());
    const auto along = [&](const Tensor<double>& stream) {
      return project(stream, folded, false);  // a folded direction of a LayerNorm is centred
    };
    steps.start(fmt::format("{} · {}", block_site(HookKind::resid_pre), w_in),
                along(data_.resid_pre));
    if (!data_.neuron) {
      return std::move(steps).finish("", "");
    }
    if (!data_.config.parallel_block) {
      steps.held_out("+ attention", fmt::format("{} · {}", block_site(HookKind::resid_mid), w_in),
                     "the MLP reads the stream after its block's attention has been added",
                     along(data_.resid_mid));
    }
    const std::string norm_why =
        "the MLP reads the stream after its norm: each row is divided by its own scale";
    if (!data_.config.gated_mlp) return std::move(steps).finish("/ the norm's scale", norm_why);
    const NormedStream normed = normed_stream(data_);
    steps.held_out("/ the norm's scale",
                   fmt::format("{} · {}", block_site(HookKind::ln2_out), w_in), norm_why,
                   project(normed.out, read, false));
    return std::move(steps).finish(
        "both branches",
        "the neuron is a product of two branches: the direction is its mean derivative");
  }

  OriginalDirection written(const char* name, const char* here, const Tensor<double>& stream,
                            const std::string& site) const {
    Steps steps(data_, analysis_, name, here);
    const std::string w_out = fmt::format("W_out[{}]", number());
    const Column original = centres() ? centred(neuron_.write) : neuron_.write;
    steps.start(site + " · " + w_out, project(stream, original, centres()));
    if (!data_.neuron) {
      return std::move(steps).finish(
          "the coordinate",
          fmt::format("the target is coordinate {} of a sum of all neurons, not neuron {}",
                      number(), number()));
    }
    return std::move(steps).finish("+ mean",
                                   centres() ? kCentred : "nothing was centred in this model");
  }

  const StudyData& data_;
  const ProjectionAnalysis& analysis_;
  NeuronWeights neuron_;
};

}  // namespace

template <class T>
std::vector<OriginalDirection> original_definitions(const StudyData& data,
                                                    const Weights<T>& weights,
                                                    const ProjectionAnalysis& analysis) {
  if (data.weights != "raw") {
    throw ArgumentError(
        fmt::format("the study is of weights {}, expected raw ones", quote(data.weights)),
        "leave --weights out: the original study's definitions process the weights themselves");
  }
  const Index neuron = data.target.index();
  if (neuron >= data.config.d_mlp) {
    throw ArgumentError(
        ErrorCode::out_of_range,
        fmt::format("the original study read the weights of the neuron of the target's number, {}; "
                    "a block of this model has {}",
                    neuron, data.config.d_mlp));
  }
  return OriginalStudy(data, analysis,
                       neuron_weights(data.config, weights, data.target.layer(), neuron))
      .directions();
}

template std::vector<OriginalDirection> original_definitions(const StudyData&,
                                                             const Weights<float>&,
                                                             const ProjectionAnalysis&);
template std::vector<OriginalDirection> original_definitions(const StudyData&,
                                                             const Weights<double>&,
                                                             const ProjectionAnalysis&);

}  // namespace gnomon
