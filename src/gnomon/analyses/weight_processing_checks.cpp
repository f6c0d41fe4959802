// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/weight_processing_checks.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <string>

#include "gnomon/activations/capture.h"
#include "gnomon/base/random.h"
#include "gnomon/directions/direction.h"
#include "gnomon/model/site_rewriting.h"

namespace gnomon {
namespace {

void take_mean_out(std::span<double> row) {
  const double mean =
      std::accumulate(row.begin(), row.end(), 0.0) / static_cast<double>(row.size());
  for (double& value : row) value -= mean;
}

double log_sum_exp(std::span<const double> row) {
  const double largest = *std::ranges::max_element(row);
  double sum = 0;
  for (const double value : row) sum += std::exp(value - largest);
  return largest + std::log(sum);
}

class ProcessingChecks {
 public:
  ProcessingChecks(const Model& raw, const Model& processed, const WeightProcessing& processing,
                   std::span<const std::vector<TokenId>> texts)
      : raw_(raw),
        processed_(processed),
        config_(raw.config()),
        processing_(processing),
        texts_(texts) {}

  std::vector<CheckResult> run() {
    // One capture for each block bounds the memory; hook points outside the blocks come with the
    // last.
    for (Index layer = 0; layer < config_.n_layers; ++layer) compare_block(layer);
    std::vector<CheckResult> checks;
    const double tolerance = 1e4 * std::sqrt(static_cast<double>(config_.d_mlp)) *
                             unit_roundoff(Precision::float64) *
                             static_cast<double>(config_.n_layers);
    for (const auto& [title, worst] : worst_) {
      checks.push_back(make_check(title.first, title.second, worst, tolerance,
                                  "largest difference as a fraction of the root mean square"));
    }
    return checks;
  }

 private:
  bool on(WeightStep step) const { return processing_.has(step); }

  void compare_block(Index layer) {
    std::vector<SiteAt> sites;
    for (const HookPoint& point : hook_points()) {
      if (!exists_in(point, config_)) continue;
      if (!point.per_block && layer != config_.n_layers - 1) continue;
      sites.push_back(
          {{point.kind, point.per_block ? layer : -1, std::nullopt}, {Position::Kind::all, -1}});
    }
    const auto before = capture<double>(raw_, texts_, sites, {}, {}).activations;
    const auto after = capture<double>(processed_, texts_, sites, {}, {}).activations;
    for (std::size_t i = 0; i < sites.size(); ++i) {
      if (is_pairs(sites[i].site)) {
        for (std::size_t t = 0; t < before[i].by_text.size(); ++t)
          compare("I2", kSameTitle, before[i].by_text[t], after[i].by_text[t]);
      } else {
        compare_site(sites[i].site, before[i].values, after[i].values);
      }
    }
  }

  void compare_site(const Site& site, const Tensor<double>& before, const Tensor<double>& after) {
    switch (site.kind) {
      case HookKind::embed:
      case HookKind::pos_embed:
      case HookKind::resid_pre:
      case HookKind::attn_out:
      case HookKind::resid_mid:
      case HookKind::mlp_out:
      case HookKind::resid_post:
        return compare_stream(site, before, after);
      case HookKind::ln1_scale:
      case HookKind::ln1_normalized:
      case HookKind::ln2_scale:
      case HookKind::ln2_normalized:
      case HookKind::ln_final_scale:
      case HookKind::ln_final_normalized:
        if (site.kind == HookKind::ln1_normalized || site.kind == HookKind::ln2_normalized ||
            site.kind == HookKind::ln_final_normalized)
          normalized_ = after;
        return compare("R2", "hook_scale and hook_normalized are the same", before, after);
      case HookKind::ln1_out:
      case HookKind::ln2_out:
      case HookKind::ln_final_out:
      case HookKind::unembed_in:
        if (on(WeightStep::fold_ln))
          return compare("R2_out", "hook_out of the norms is hook_normalized", normalized_, after);
        return compare("R2_out", "hook_out of the norms is the same", before, after);
      case HookKind::v:
      case HookKind::z:
        return compare_values(site, before, after);
      case HookKind::result:   // z W_O: checked as I4 of the processed model
      case HookKind::attn_in:  // copies of a stream that is compared
      case HookKind::q_input:
      case HookKind::k_input:
      case HookKind::v_input:
      case HookKind::mlp_in:
        return;
      case HookKind::logits:
        return compare_logits(site, before, after);
      default:
        return compare("I2", kSameTitle, before, after);
    }
  }

  void compare_stream(const Site& site, const Tensor<double>& before, const Tensor<double>& after) {
    if (!on(WeightStep::center_writing_weights))
      return compare("R1", "streams and what is added to them are the same", before, after);
    if (site.kind == HookKind::resid_post && site.layer == config_.n_layers - 1)
      compare_heads(before, after);
    compare("R1", "streams and what is added to them are the raw ones, centred",
            rewritten(site, before), after);
  }

  void compare_heads(const Tensor<double>& before, const Tensor<double>& after) {
    Random random(0, "weight processing/head");
    Direction<Space::raw> head;
    for (Index i = 0; i < config_.d_model; ++i) head.weight.push_back(random.normal());
    const std::vector<double> centred_head = centred(head).weight;
    const Index n = before.matrix().rows;
    Tensor<double> on_raw({n, 1}), on_processed({n, 1});
    for (Index i = 0; i < n; ++i) {
      on_raw.matrix()(i, 0) = dot(before.matrix().row(i), centred_head);
      on_processed.matrix()(i, 0) = dot(after.matrix().row(i), head.weight);
    }
    compare("I9", "a head h on the processed stream gives C(h) on the raw one", on_raw,
            on_processed);
  }

  void compare_values(const Site& site, const Tensor<double>& before, const Tensor<double>& after) {
    if (!on(WeightStep::fold_value_biases))
      return compare("I7", "hook_v and hook_z are the same", before, after);
    compare("I7", "hook_v and hook_z are less by the value biases", rewritten(site, before), after);
  }

  // The raw rows as the processing says they become.
  Tensor<double> rewritten(const Site& site, Tensor<double> values) const {
    const SiteRewriting rewriting = site_rewriting(raw_, processing_, site);
    for (Index i = 0; i < values.matrix().rows; ++i) {
      const std::span<double> row = values.matrix().row(i);
      for (std::size_t c = 0; c < rewriting.shift.size(); ++c) row[c] -= rewriting.shift[c];
      for (std::size_t c = 0; c < rewriting.scale.size(); ++c) row[c] /= rewriting.scale[c];
      if (rewriting.centred) take_mean_out(row);
    }
    return values;
  }

  void compare_logits(const Site& site, const Tensor<double>& before, const Tensor<double>& after) {
    const Index n = before.matrix().rows;
    Tensor<double> before_log(before.shape()), after_log(before.shape());
    for (Index i = 0; i < n; ++i) {
      const auto shift = [&](const Tensor<double>& from, Tensor<double>& to) {
        const double total = log_sum_exp(from.matrix().row(i));
        for (Index c = 0; c < from.matrix().cols; ++c)
          to.matrix()(i, c) = from.matrix()(i, c) - total;
      };
      shift(before, before_log);
      shift(after, after_log);
    }
    compare("I6",
            on(WeightStep::center_unembed) ? "logits are the raw ones less their mean"
                                           : "logits are the same",
            rewritten(site, before), after);
    compare("log_probabilities", "log-probabilities are the same", before_log, after_log);
  }

  // Scores of -inf count where they stand in one alone.
  void compare(const std::string& id, const std::string& title, const Tensor<double>& expected,
               const Tensor<double>& found) {
    double largest = 0;
    double squares = 0;
    double n = 0;
    for (std::size_t i = 0; i < expected.values().size(); ++i) {
      const double a = expected.values()[i];
      const double b = found.values()[i];
      if (std::isinf(a) && a == b) continue;
      const double difference = std::abs(a - b);
      if (!(difference <= largest)) largest = difference;
      squares += a * a;
      n += 1;
    }
    const double fraction = largest == 0 ? 0 : largest / std::sqrt(squares / n);
    double& worst = worst_.try_emplace({id, title}, 0).first->second;
    if (!std::isnan(worst) && !(fraction <= worst)) worst = fraction;
  }

  static constexpr const char* kSameTitle =
      "queries, keys, scores, patterns and neurons are the same";

  const Model& raw_;
  const Model& processed_;
  const ModelConfig& config_;
  const WeightProcessing& processing_;
  std::span<const std::vector<TokenId>> texts_;
  Tensor<double> normalized_;  // of the norm at hand, of the processed model
  std::map<std::pair<std::string, std::string>, double> worst_;
};

}  // namespace

std::vector<CheckResult> check_weight_processing(const Model& raw, const Model& processed,
                                                 const WeightProcessing& processing,
                                                 std::span<const std::vector<TokenId>> texts) {
  return ProcessingChecks(raw, processed, processing, texts).run();
}

}  // namespace gnomon
