// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/identity_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "gnomon/base/error.h"
#include "gnomon/kernels/activation.h"
#include "gnomon/kernels/linear_algebra.h"
#include "gnomon/stats/moments.h"

namespace gnomon {
namespace {

const std::string kFractionOfBound = "largest error as a fraction of its rounding bound";
const std::string kBitwise = "numbers that differ in any bit";

template <class T>
Tensor<double> widen(const Tensor<T>& tensor) {
  return Tensor<double>(tensor.shape(), {tensor.values().begin(), tensor.values().end()});
}

// Remembers the largest error relative to its bound.
class WorstError {
 public:
  void add(double error, double bound) {
    const double fraction = error == 0 ? 0 : std::abs(error) / bound;
    // A NaN enters and stays.
    if (!std::isnan(worst_) && !(fraction <= worst_)) worst_ = fraction;
  }
  double worst() const { return worst_; }

 private:
  double worst_ = 0;
};

// |y - (Σ_i x_i w_i + b)| of every output, against the rounding bound of the sum.
template <class T>
double projection_error(const Tensor<double>& y, const Tensor<double>& x,
                        const LinearWeights<T>& weights, Precision precision) {
  const Index n_in = weights.weight.n_in;
  const Index n_out = weights.weight.n_out;
  Tensor<double> matrix({n_in, n_out});
  Tensor<double> magnitudes({n_in, n_out});
  for (Index i = 0; i < n_in; ++i) {
    for (Index o = 0; o < n_out; ++o) {
      matrix.matrix()(i, o) = static_cast<double>(weights.weight(i, o));
      magnitudes.matrix()(i, o) = std::abs(matrix.matrix()(i, o));
    }
  }
  Tensor<double> absolute_x = x;
  for (double& value : absolute_x.values()) value = std::abs(value);
  Tensor<double> product({x.matrix().rows, n_out});
  Tensor<double> magnitude({x.matrix().rows, n_out});
  multiply(product.matrix(), x.matrix(), Op::plain, matrix.matrix(), Op::plain);
  multiply(magnitude.matrix(), absolute_x.matrix(), Op::plain, magnitudes.matrix(), Op::plain);
  WorstError worst;
  for (Index i = 0; i < product.matrix().rows; ++i) {
    for (Index o = 0; o < n_out; ++o) {
      const auto bias = static_cast<double>(weights.bias_of(o));
      worst.add(y.matrix()(i, o) - product.matrix()(i, o) - bias,
                sum_rounding_bound(n_in, magnitude.matrix()(i, o) + std::abs(bias), precision));
    }
  }
  return worst.worst();
}

// |sum - Σ terms| of every number.
double sum_error(const Tensor<double>& sum, std::span<const Tensor<double>* const> terms,
                 Precision precision) {
  WorstError worst;
  for (std::size_t i = 0; i < sum.values().size(); ++i) {
    double total = 0;
    double magnitude = 0;
    for (const Tensor<double>* term : terms) {
      total += term->values()[i];
      magnitude += std::abs(term->values()[i]);
    }
    worst.add(sum.values()[i] - total,
              sum_rounding_bound(static_cast<Index>(terms.size()), magnitude, precision));
  }
  return worst.worst();
}

template <class T>
Index count_different_bits(const Tensor<T>& a, const Tensor<T>& b) {
  Index n = 0;
  for (std::size_t i = 0; i < a.values().size(); ++i) {
    n += std::memcmp(&a.values()[i], &b.values()[i], sizeof(T)) == 0 ? 0 : 1;
  }
  return n;
}

template <class T>
class IdentityChecks {
 public:
  IdentityChecks(const Model& model, const Target& target,
                 std::span<const std::vector<TokenId>> texts, Precision precision)
      : model_(model),
        config_(model.config()),
        target_(target),
        texts_(texts),
        precision_(precision) {}

  std::vector<CheckResult> run() {
    capture_block();
    check_sums();
    check_norm();
    check_mlp();
    check_attention();
    check_whole_stream();
    check_hooks();
    return std::move(checks_);
  }

 private:
  SiteAt at(HookKind kind, Position::Kind position = Position::Kind::all) const {
    return {{kind, hook_point(kind).per_block ? target_.layer() : -1, std::nullopt},
            {position, -1}};
  }

  void add(const std::string& id, const std::string& title, double value) {
    checks_.push_back(make_check(id, title, value, 1, kFractionOfBound));
  }

  void capture_block() {
    kinds_ = {HookKind::resid_pre,      HookKind::z,        HookKind::result,
              HookKind::pattern,        HookKind::attn_out, HookKind::ln2_scale,
              HookKind::ln2_normalized, HookKind::ln2_out,  HookKind::mlp_pre,
              HookKind::mlp_post,       HookKind::mlp_out,  HookKind::resid_post};
    if (!config_.parallel_block) kinds_.push_back(HookKind::resid_mid);
    if (config_.gated_mlp) kinds_.push_back(HookKind::mlp_pre_linear);
    std::vector<SiteAt> sites;
    for (const HookKind kind : kinds_) sites.push_back(at(kind));
    for (Activations<T>& read : capture<T>(model_, texts_, sites, {}, {}).activations) {
      values_.push_back(widen(read.values));
      if (read.at.site.kind == HookKind::pattern) pattern_ = std::move(read.by_text);
    }
  }

  const Tensor<double>& value(HookKind kind) const {
    return values_[static_cast<std::size_t>(std::find(kinds_.begin(), kinds_.end(), kind) -
                                            kinds_.begin())];
  }

  void check_sums() {
    if (config_.parallel_block) {
      const std::vector<const Tensor<double>*> terms = {
          &value(HookKind::resid_pre), &value(HookKind::attn_out), &value(HookKind::mlp_out)};
      add("residual_post", "resid_post = resid_pre + attn_out + mlp_out",
          sum_error(value(HookKind::resid_post), terms, precision_));
      return;
    }
    const std::vector<const Tensor<double>*> mid = {&value(HookKind::resid_pre),
                                                    &value(HookKind::attn_out)};
    add("residual_mid", "resid_mid = resid_pre + attn_out",
        sum_error(value(HookKind::resid_mid), mid, precision_));
    const std::vector<const Tensor<double>*> post = {&value(HookKind::resid_mid),
                                                     &value(HookKind::mlp_out)};
    add("residual_post", "resid_post = resid_mid + mlp_out",
        sum_error(value(HookKind::resid_post), post, precision_));
  }

  void check_norm() {
    const NormWeights<T>& weights = model_.template weights<T>().block(target_.layer()).ln_2;
    const Tensor<double>& stream = value(mlp_stream(config_));
    const std::string read = config_.parallel_block ? "resid_pre" : "resid_mid";
    const Index n = stream.matrix().rows;
    std::vector<double> mean(static_cast<std::size_t>(n));
    std::vector<double> scale(static_cast<std::size_t>(n));
    norm_scale_forward<double>(config_.norm, mean, scale, stream.matrix(), config_.norm_eps);
    WorstError scale_error;
    WorstError normalized_error;
    WorstError out_error;
    for (Index i = 0; i < n; ++i) {
      const double sigma = scale[static_cast<std::size_t>(i)];
      // The kernel sums in double: what is left is the rounding of mean and σ to the stream's type.
      scale_error.add(value(HookKind::ln2_scale).matrix()(i, 0) - sigma,
                      sum_rounding_bound(1, sigma, precision_));
      for (Index c = 0; c < config_.d_model; ++c) {
        const double x = stream.matrix()(i, c);
        const double m = mean[static_cast<std::size_t>(i)];
        const double normalized = value(HookKind::ln2_normalized).matrix()(i, c);
        normalized_error.add(
            normalized - (x - m) / sigma,
            sum_rounding_bound(2, (std::abs(x) + std::abs(m)) / sigma, precision_));
        const double w = static_cast<double>(weights.weight[static_cast<std::size_t>(c)]);
        const double b = weights.bias.empty()
                             ? 0
                             : static_cast<double>(weights.bias[static_cast<std::size_t>(c)]);
        out_error.add(value(HookKind::ln2_out).matrix()(i, c) - (normalized * w + b),
                      sum_rounding_bound(2, std::abs(normalized * w) + std::abs(b), precision_));
      }
    }
    add("norm_scale", fmt::format("ln2.hook_scale is the norm's σ of {}", read),
        scale_error.worst());
    add("norm_normalized", fmt::format("ln2.hook_normalized = ({} - mean) / σ", read),
        normalized_error.worst());
    add("norm_out", "ln2.hook_out = ln2.hook_normalized ⊙ weight + bias", out_error.worst());
  }

  void check_mlp() {
    const BlockWeights<T>& block = model_.template weights<T>().block(target_.layer());
    const Tensor<double>& x = value(HookKind::ln2_out);
    if (config_.gated_mlp) {
      add("I1_gate", "hook_pre = ln2.hook_out W_gate",
          projection_error(value(HookKind::mlp_pre), x, block.gate_proj, precision_));
      add("I1_up", "hook_pre_linear = ln2.hook_out W_in",
          projection_error(value(HookKind::mlp_pre_linear), x, block.up_proj, precision_));
    } else {
      add("I1", "hook_pre = ln2.hook_out W_in + b_in",
          projection_error(value(HookKind::mlp_pre), x, block.up_proj, precision_));
    }
    check_activation();
    add("I3", "mlp_out = Σ_n hook_post[n] W_out[n] + b_out",
        projection_error(value(HookKind::mlp_out), value(HookKind::mlp_post), block.down_proj,
                         precision_));
  }

  void check_activation() {
    const std::span<const double> pre = value(HookKind::mlp_pre).values();
    std::span<const double> linear;
    if (config_.gated_mlp) linear = value(HookKind::mlp_pre_linear).values();
    const std::vector<double> expected = neuron_post(config_, pre, linear);
    WorstError worst;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      // tanh and exp are right to a few units; where 1 + tanh cancels the error stays relative to
      // the input.
      const double magnitude = std::abs(pre[i]) * (config_.gated_mlp ? std::abs(linear[i]) : 1);
      worst.add(value(HookKind::mlp_post).values()[i] - expected[i],
                sum_rounding_bound(2, magnitude, precision_));
    }
    const std::string activation(activation_name(config_.activation));
    add("I2",
        config_.gated_mlp ? fmt::format("hook_post = {}(hook_pre) ⊙ hook_pre_linear", activation)
                          : fmt::format("hook_post = {}(hook_pre)", activation),
        worst.worst());
  }

  void check_attention() {
    const LinearWeights<T>& o_proj = model_.template weights<T>().block(target_.layer()).o_proj;
    add("I4", "attn_out = z W_O + b_O",
        projection_error(value(HookKind::attn_out), value(HookKind::z), o_proj, precision_));
    const Tensor<double>& result = value(HookKind::result);
    WorstError heads;
    for (Index i = 0; i < result.matrix().rows; ++i) {
      for (Index c = 0; c < config_.d_model; ++c) {
        auto sum = static_cast<double>(o_proj.bias_of(c));
        double magnitude = std::abs(sum);
        for (Index h = 0; h < config_.n_heads; ++h) {
          sum += result.matrix()(i, h * config_.d_model + c);
          magnitude += std::abs(result.matrix()(i, h * config_.d_model + c));
        }
        heads.add(value(HookKind::attn_out).matrix()(i, c) - sum,
                  sum_rounding_bound(config_.n_heads * config_.d_head, magnitude, precision_));
      }
    }
    add("I4_heads", "attn_out = Σ_h hook_result[h] + b_O", heads.worst());
    check_pattern();
  }

  void check_pattern() {
    WorstError sums;
    Index n_future = 0;
    for (const Tensor<T>& pattern : pattern_) {
      const Index n = pattern.shape()[2];
      for (Index row = 0; row < pattern.matrix().rows; ++row) {
        double sum = 0;
        for (Index k = 0; k < n; ++k) {
          const double weight = static_cast<double>(pattern.matrix()(row, k));
          sum += weight;
          n_future += k > row % n && weight != 0 ? 1 : 0;
        }
        sums.add(sum - 1, sum_rounding_bound(n, 1, precision_));
      }
    }
    add("P15", "rows of hook_pattern sum to 1", sums.worst());
    checks_.push_back(make_check("P15_causal", "no attention to later tokens",
                                 static_cast<double>(n_future), 0,
                                 "weights on later tokens that are not 0"));
  }

  void check_whole_stream() {
    std::vector<SiteAt> sites = {at(HookKind::embed)};
    if (config_.position == PositionKind::learned) sites.push_back(at(HookKind::pos_embed));
    for (Index layer = 0; layer < config_.n_layers; ++layer) {
      sites.push_back({{HookKind::attn_out, layer, std::nullopt}, {Position::Kind::all, 0}});
      sites.push_back({{HookKind::mlp_out, layer, std::nullopt}, {Position::Kind::all, 0}});
    }
    sites.push_back(
        {{HookKind::resid_post, config_.n_layers - 1, std::nullopt}, {Position::Kind::all, 0}});
    std::vector<Tensor<double>> parts;
    for (const Activations<T>& read : capture<T>(model_, texts_, sites, {}, {}).activations)
      parts.push_back(widen(read.values));
    std::vector<const Tensor<double>*> terms;
    for (std::size_t i = 0; i + 1 < parts.size(); ++i) terms.push_back(&parts[i]);
    add("I5", "last resid_post = embed + Σ_l (attn_out + mlp_out)",
        sum_error(parts.back(), terms, precision_));
  }

  // Reading changes nothing; patching a site with its own value changes nothing.
  void check_hooks() {
    const std::vector<SiteAt> logits_only = {at(HookKind::logits, Position::Kind::last)};
    const Tensor<T> plain =
        std::move(capture<T>(model_, texts_, logits_only, {}, {}).activations[0].values);

    std::vector<SiteAt> everything = logits_only;
    for (const HookKind kind : kinds_) everything.push_back(at(kind));
    everything.push_back({target_.at.site, {Position::Kind::all, 0}});
    CaptureResult<T> captured = capture<T>(model_, texts_, everything, {}, {});
    checks_.push_back(
        make_check("capture_changes_nothing", "logits with and without capture are the same bits",
                   static_cast<double>(count_different_bits(plain, captured.activations[0].values)),
                   0, kBitwise));

    const std::vector<Edit<T>> own_value = {{{target_.at.site, {Position::Kind::all, 0}},
                                             EditMode::replace,
                                             {},
                                             &captured.activations.back(),
                                             true}};
    const Tensor<T> patched =
        std::move(capture<T>(model_, texts_, logits_only, own_value, {}).activations[0].values);
    checks_.push_back(make_check("P3", "patching the target with its own value changes no logit",
                                 static_cast<double>(count_different_bits(plain, patched)), 0,
                                 kBitwise));
  }

  const Model& model_;
  const ModelConfig& config_;
  const Target& target_;
  std::span<const std::vector<TokenId>> texts_;
  Precision precision_;
  std::vector<HookKind> kinds_;
  std::vector<Tensor<double>> values_;
  std::vector<Tensor<T>> pattern_;
  std::vector<CheckResult> checks_;
};

template <class T>
std::vector<double> measure_alone(const Model& model, const SiteAt& at,
                                  const std::vector<TokenId>& ids) {
  const std::vector<std::vector<TokenId>> one = {ids};
  const std::vector<SiteAt> sites = {at};
  const CaptureResult<T> read = capture<T>(model, one, sites, {}, {});
  return {read.activations[0].values.values().begin(), read.activations[0].values.values().end()};
}

// The activations of the study's rows that belong to `text`.
std::vector<double> stored_of(const StudyData& data, Index text) {
  std::vector<double> stored;
  for (std::size_t r = 0; r < data.text.size(); ++r) {
    if (data.text[r] == text) stored.push_back(data.activation[r]);
  }
  return stored;
}

double sd_of(const std::vector<double>& values) {
  Moments moments;
  moments.add(values);
  return moments.sd().value_or(0);
}

}  // namespace

std::string_view check_status_name(CheckStatus status) {
  switch (status) {
    case CheckStatus::pass:
      return "pass";
    case CheckStatus::fail:
      return "fail";
    case CheckStatus::skip:
      return "skip";
  }
  throw InternalError("check_status_name: unknown status");
}

CheckResult make_check(std::string id, std::string title, double value, double tolerance,
                       std::string why) {
  const CheckStatus status = value <= tolerance ? CheckStatus::pass : CheckStatus::fail;
  return {std::move(id), std::move(title), status, value, tolerance, std::move(why)};
}

std::vector<CheckResult> check_identities(const Model& model, const Target& target,
                                          std::span<const std::vector<TokenId>> texts,
                                          Precision precision) {
  if (precision == Precision::float32)
    return IdentityChecks<float>(model, target, texts, precision).run();
  return IdentityChecks<double>(model, target, texts, precision).run();
}

std::vector<CheckResult> check_study(const Model& model, const StudyTexts& texts,
                                     const StudyData& data, std::span<const Index> sample_texts,
                                     std::span<const Ladder> ladders) {
  std::vector<CheckResult> checks;
  const double sd = sd_of(data.activation);
  double remeasured = 0;
  double precision_gap = 0;
  for (const Index t : sample_texts) {
    const std::vector<TokenId>& ids = texts.ids[static_cast<std::size_t>(t)];
    const std::vector<double> stored = stored_of(data, t);
    const std::vector<double> in_float = measure_alone<float>(model, data.target.at, ids);
    const std::vector<double> in_double = measure_alone<double>(model, data.target.at, ids);
    const std::vector<double>& again = data.precision == Precision::float32 ? in_float : in_double;
    for (std::size_t i = 0; i < stored.size(); ++i) {
      remeasured = std::max(remeasured, std::abs(stored[i] - again[i]) / sd);
      precision_gap = std::max(precision_gap, std::abs(in_float[i] - in_double[i]) / sd);
    }
  }
  // Rounding through the blocks before the target: 1e-4 of the spread in float32 changes no
  // reported digit of r. In double the same steps round 2^29 times finer.
  constexpr double kLargestGap = 1e-4;
  const double same_precision_gap =
      kLargestGap * unit_roundoff(data.precision) / unit_roundoff(Precision::float32);
  checks.push_back(make_check(
      "R4", "the stored activation is measured again, each text alone", remeasured,
      same_precision_gap,
      fmt::format("largest difference over {} texts, in standard deviations of the activation",
                  sample_texts.size())));
  checks.push_back(make_check("P22", "activation in float32 against float64", precision_gap,
                              kLargestGap,
                              "largest difference, in standard deviations of the activation"));
  if (data.neuron) {
    const NormedRead gate = normed_read(data, data.neuron->read, data.neuron->read_bias);
    WorstError worst;
    for (std::size_t i = 0; i < gate.value.size(); ++i)
      worst.add(data.pre[i] - gate.value[i], gate.bound[i]);
    checks.push_back(make_check("neuron_from_stream",
                                fmt::format("hook_pre of every row from {}, in double",
                                            data.config.parallel_block ? "resid_pre" : "resid_mid"),
                                worst.worst(), 1, kFractionOfBound));
  }
  const Leakage leakage = find_leakage(data.group, data.part);
  checks.push_back(make_check("R5", "no text group stands in two parts of the split",
                              static_cast<double>(leakage.n_rows), 0,
                              "rows whose group is in another part"));
  for (const Ladder& ladder : ladders) {
    CheckResult check = make_check("ladder_" + ladder.direction,
                                   fmt::format("the {} ladder ends at r = 1", ladder.direction),
                                   ladder.one_minus_r.value_or(1), ladder.tolerance,
                                   "1 - r of the last rung; " + ladder.tolerance_why);
    check.status = ladder.closes ? CheckStatus::pass : CheckStatus::fail;
    checks.push_back(std::move(check));
  }
  return checks;
}

}  // namespace gnomon
