// SPDX-License-Identifier: Apache-2.0
#include "gnomon/model/weight_processing.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <utility>

#include "gnomon/base/error.h"
#include "gnomon/base/nearest_name.h"
#include "gnomon/base/quote.h"
#include "gnomon/model/parameters.h"

namespace gnomon {
namespace {

constexpr std::array kSteps = {WeightStep::fold_ln, WeightStep::center_writing_weights,
                               WeightStep::center_unembed, WeightStep::fold_value_biases};

constexpr std::string_view kRaw = "raw";
constexpr std::string_view kTransformerLens = "transformerlens";

void centre(std::span<double> values) {
  const double mean =
      std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  for (double& value : values) value -= mean;
}

// A projection of its own, whatever the file's layout: y = x weight + bias.
struct Projection {
  Tensor<double> weight;     // [n_in, n_out]
  std::vector<double> bias;  // [n_out], or empty

  explicit Projection(const LinearWeights<double>& from)
      : weight({from.weight.n_in, from.weight.n_out}) {
    for (Index i = 0; i < from.weight.n_in; ++i) {
      for (Index o = 0; o < from.weight.n_out; ++o) weight.matrix()(i, o) = from.weight(i, o);
    }
    if (from.bias.empty()) return;
    for (Index o = 0; o < from.weight.n_out; ++o) bias.push_back(from.bias_of(o));
  }

  Index n_in() const { return weight.matrix().rows; }
  Index n_out() const { return weight.matrix().cols; }

  void require_bias() {
    if (bias.empty()) bias.assign(static_cast<std::size_t>(n_out()), 0);
  }

  void fold(const NormWeights<double>& norm, NormKind kind) {
    const MatrixView<double> w = weight.matrix();
    if (!norm.bias.empty()) {
      require_bias();
      for (Index i = 0; i < w.rows; ++i) {
        for (Index o = 0; o < w.cols; ++o)
          bias[static_cast<std::size_t>(o)] += norm.bias[static_cast<std::size_t>(i)] * w(i, o);
      }
    }
    for (Index i = 0; i < w.rows; ++i) {
      for (double& value : w.row(i)) value *= norm.weight[static_cast<std::size_t>(i)];
    }
    if (kind != NormKind::layer_norm) return;
    for (Index o = 0; o < w.cols; ++o) {
      double mean = 0;
      for (Index i = 0; i < w.rows; ++i) mean += w(i, o) / static_cast<double>(w.rows);
      for (Index i = 0; i < w.rows; ++i) w(i, o) -= mean;
    }
  }

  // Over the outputs.
  void centre_outputs() {
    for (Index i = 0; i < n_in(); ++i) centre(weight.matrix().row(i));
    if (!bias.empty()) centre(bias);
  }
};

class Processing {
 public:
  Processing(const Model& model, const WeightProcessing& processing)
      : config_(model.config()), weights_(model.weights<double>()), processing_(processing) {
    for (ParameterRow& row : model_parameters(config_)) {
      const ParameterKey key = row.key;
      rows_.emplace(key, std::move(row));
    }
  }

  std::shared_ptr<const ParameterSet<double>> run() {
    for (Index layer = 0; layer < config_.n_layers; ++layer) block(layer);
    embeddings();
    unembedding();
    return std::move(result_);
  }

 private:
  bool on(WeightStep step) const { return processing_.has(step); }

  void block(Index layer) {
    const BlockWeights<double>& from = weights_.block(layer);
    Projection q(from.q_proj), k(from.k_proj), v(from.v_proj), o(from.o_proj);
    Projection up(from.up_proj), down(from.down_proj);
    std::optional<Projection> gate;
    if (config_.gated_mlp) gate.emplace(from.gate_proj);
    if (on(WeightStep::fold_ln)) {
      for (Projection* reads : {&q, &k, &v}) reads->fold(from.ln_1, config_.norm);
      up.fold(from.ln_2, config_.norm);
      if (gate) gate->fold(from.ln_2, config_.norm);
      plain_norm(WeightKind::ln_1, layer, from.ln_1);
      plain_norm(WeightKind::ln_2, layer, from.ln_2);
    }
    if (on(WeightStep::center_writing_weights)) {
      o.centre_outputs();
      down.centre_outputs();
    }
    if (on(WeightStep::fold_value_biases)) fold_value_biases(v, o);
    if (qkv_part(WeightKind::q_proj, config_)) {
      store_joint(layer, q, k, v);
    } else {
      store(WeightKind::q_proj, layer, q);
      store(WeightKind::k_proj, layer, k);
      store(WeightKind::v_proj, layer, v);
    }
    store(WeightKind::o_proj, layer, o);
    store(WeightKind::up_proj, layer, up);
    if (gate) store(WeightKind::gate_proj, layer, *gate);
    store(WeightKind::down_proj, layer, down);
  }

  // The pattern's rows sum to 1: a head's value bias reaches every token unchanged.
  void fold_value_biases(Projection& v, Projection& o) const {
    if (v.bias.empty()) return;
    o.require_bias();
    const Index shared = config_.n_heads / config_.n_kv_heads;
    for (Index h = 0; h < config_.n_heads; ++h) {
      for (Index e = 0; e < config_.d_head; ++e) {
        const double bias = v.bias[static_cast<std::size_t>(h / shared * config_.d_head + e)];
        const std::span<const double> row =
            std::as_const(o.weight).matrix().row(h * config_.d_head + e);
        for (std::size_t c = 0; c < row.size(); ++c) o.bias[c] += bias * row[c];
      }
    }
    std::ranges::fill(v.bias, 0.0);
  }

  void embeddings() {
    if (!on(WeightStep::center_writing_weights)) return;
    centred_table(WeightKind::wte, weights_.wte());
    if (config_.position == PositionKind::learned) centred_table(WeightKind::wpe, weights_.wpe());
  }

  void centred_table(WeightKind kind, MatrixView<const double> from) {
    Tensor<double> table({from.rows, from.cols});
    for (Index i = 0; i < from.rows; ++i) {
      std::ranges::copy(from.row(i), table.matrix().row(i).begin());
      centre(table.matrix().row(i));
    }
    result_->insert(rows_.at({kind, 0, false}), std::move(table));
  }

  // The raw unembedding: a tied one is read before the embedding is centred.
  void unembedding() {
    const bool stays = !on(WeightStep::fold_ln) && !on(WeightStep::center_unembed);
    if (stays && !(config_.tied_unembedding && on(WeightStep::center_writing_weights))) return;
    Projection head(weights_.unembed());
    if (on(WeightStep::fold_ln)) {
      head.fold(weights_.ln_f(), config_.norm);
      plain_norm(WeightKind::ln_f, 0, weights_.ln_f());
    }
    if (on(WeightStep::center_unembed)) head.centre_outputs();
    store(WeightKind::lm_head, 0, head);
  }

  void plain_norm(WeightKind kind, Index layer, const NormWeights<double>& from) {
    const auto n = static_cast<Index>(from.weight.size());
    result_->insert(rows_.at({kind, layer, false}),
                    Tensor<double>({n}, std::vector<double>(from.weight.size(), 1.0)));
    if (!from.bias.empty()) result_->insert(rows_.at({kind, layer, true}), Tensor<double>({n}));
  }

  // The row of the family's table, or one for what the files lack: a bias, a tied unembedding.
  ParameterRow row_of(const ParameterKey& key, std::vector<Index> shape) const {
    if (const auto found = rows_.find(key); found != rows_.end()) return found->second;
    const bool is_head = key.kind == WeightKind::lm_head;
    const std::string name =
        is_head ? "unembedding"
                : fmt::format("block {} projection {}", key.layer, static_cast<int>(key.kind));
    return {key, fmt::format("{} {} (processed)", name, key.is_bias ? "bias" : "weight"),
            std::move(shape), !is_head, hf_layout(key.kind, config_)};
  }

  void store(WeightKind kind, Index layer, const Projection& projection) {
    const bool in_out = hf_layout(kind, config_) == WeightLayout::in_out;
    const Index n_in = projection.n_in();
    const Index n_out = projection.n_out();
    Tensor<double> weight({in_out ? n_in : n_out, in_out ? n_out : n_in});
    for (Index i = 0; i < n_in; ++i) {
      for (Index o = 0; o < n_out; ++o)
        weight.matrix()(in_out ? i : o, in_out ? o : i) = projection.weight.matrix()(i, o);
    }
    const ParameterRow row = row_of({kind, layer, false}, weight.shape());
    result_->insert(row, std::move(weight));
    if (projection.bias.empty()) return;
    result_->insert(row_of({kind, layer, true}, {n_out}), Tensor<double>({n_out}, projection.bias));
  }

  void store_joint(Index layer, const Projection& q, const Projection& k, const Projection& v) {
    const ParameterRow& weight_row = rows_.at({WeightKind::qkv_proj, layer, false});
    const ParameterRow& bias_row = rows_.at({WeightKind::qkv_proj, layer, true});
    const bool in_out = weight_row.layout == WeightLayout::in_out;
    Tensor<double> weight(weight_row.shape);
    Tensor<double> bias(bias_row.shape);
    for (const auto& [kind, part] :
         {std::pair{WeightKind::q_proj, &q}, {WeightKind::k_proj, &k}, {WeightKind::v_proj, &v}}) {
      const QkvPart place = *qkv_part(kind, config_);
      for (Index o = 0; o < part->n_out(); ++o) {
        const Index at = place.first + place.groups.stored(o);
        for (Index i = 0; i < part->n_in(); ++i)
          weight.matrix()(in_out ? i : at, in_out ? at : i) = part->weight.matrix()(i, o);
        bias.data()[at] = part->bias[static_cast<std::size_t>(o)];
      }
    }
    result_->insert(weight_row, std::move(weight));
    result_->insert(bias_row, std::move(bias));
  }

  const ModelConfig& config_;
  const Weights<double>& weights_;
  const WeightProcessing& processing_;
  std::map<ParameterKey, ParameterRow> rows_;
  std::shared_ptr<ParameterSet<double>> result_ = std::make_shared<ParameterSet<double>>();
};

}  // namespace

std::string_view weight_step_name(WeightStep step) {
  switch (step) {
    case WeightStep::fold_ln:
      return "fold_ln";
    case WeightStep::center_writing_weights:
      return "center_writing_weights";
    case WeightStep::center_unembed:
      return "center_unembed";
    case WeightStep::fold_value_biases:
      return "fold_value_biases";
  }
  throw InternalError("weight_step_name: unknown step");
}

bool WeightProcessing::has(WeightStep step) const { return std::ranges::count(steps, step) > 0; }

WeightProcessing parse_weight_processing(std::string_view text, const ModelConfig& config) {
  if (text == kRaw) return {};
  const bool layer_norm = config.norm == NormKind::layer_norm;
  WeightProcessing processing;
  if (text == kTransformerLens) {
    for (const WeightStep step : kSteps) {
      if (layer_norm || step != WeightStep::center_writing_weights)
        processing.steps.push_back(step);
    }
    return processing;
  }
  for (std::size_t first = 0; first <= text.size();) {
    const std::size_t end = std::min(text.find(',', first), text.size());
    const std::string_view name = text.substr(first, end - first);
    first = end + 1;
    const auto* const step = std::ranges::find(kSteps, name, weight_step_name);
    if (step == kSteps.end()) {
      std::vector<std::string> names = {std::string(kRaw), std::string(kTransformerLens)};
      for (const WeightStep one : kSteps) names.emplace_back(weight_step_name(one));
      const std::optional<std::string> nearest = nearest_name(name, names);
      throw ArgumentError(
          fmt::format("--weights: no step {}, expected raw, transformerlens, or some of fold_ln, "
                      "center_writing_weights, center_unembed and fold_value_biases with commas "
                      "between them",
                      quote(name)),
          nearest ? fmt::format("did you mean \"{}\"?", *nearest) : "");
    }
    if (processing.has(*step))
      throw ArgumentError(fmt::format("--weights: {} is given twice", quote(name)));
    processing.steps.push_back(*step);
  }
  std::ranges::sort(processing.steps);
  if (!layer_norm && processing.has(WeightStep::center_writing_weights)) {
    throw UnsupportedError(
        "--weights: center_writing_weights in a model whose norms are RMSNorms, which do not take "
        "the mean out of what they read: it would compute something else",
        "leave the step out; \"transformerlens\" does so by itself");
  }
  return processing;
}

std::string weight_processing_name(const WeightProcessing& processing) {
  if (processing.raw()) return std::string(kRaw);
  std::string name;
  for (const WeightStep step : processing.steps) {
    if (!name.empty()) name += ',';
    name += weight_step_name(step);
  }
  return name;
}

Model process_weights(const Model& model, const WeightProcessing& processing) {
  if (processing.raw()) return model;
  if (model.source().weights != kRaw) {
    throw ArgumentError(fmt::format(
        "process_weights: the weights are {} already, expected raw ones", model.source().weights));
  }
  return model.with_parameters<double>(Processing(model, processing).run(),
                                       weight_processing_name(processing));
}

}  // namespace gnomon
