// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/model_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "gnomon/activations/capture.h"
#include "gnomon/analyses/weight_processing_checks.h"
#include "gnomon/base/error.h"
#include "gnomon/base/random.h"
#include "gnomon/model/parameters.h"

namespace gnomon {
namespace {

// A text of one token, and two whose lengths are no multiple of a vector register.
constexpr std::array<Index, 3> kTextTokens = {1, 7, 19};

Index check_finite(const Model& model) {
  Index n = 0;
  for (const ParameterRow& row : model_parameters(model.config())) {
    const ParameterSet<float> one = copy_parameters<float>(model, {row});
    const std::span<const float> values = one.find(row.key)->values();
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (!std::isfinite(values[i])) {
        throw NumericError(fmt::format(
            "\"{}\": the number at index {} is {}, expected a finite one", row.name, i, values[i]));
      }
    }
    n += static_cast<Index>(values.size());
  }
  return n;
}

std::vector<std::vector<TokenId>> random_texts(const ModelConfig& config, std::uint64_t seed) {
  Random random(seed, "model check/tokens");
  std::vector<std::vector<TokenId>> texts;
  for (const Index n : kTextTokens) {
    std::vector<TokenId>& text = texts.emplace_back();
    for (Index i = 0; i < std::min(n, config.n_ctx); ++i) {
      text.push_back(
          static_cast<TokenId>(random.below(static_cast<std::uint64_t>(config.d_vocab))));
    }
  }
  return texts;
}

bool is_worse(const CheckResult& a, const CheckResult& b) {
  if (a.status != b.status) return a.status == CheckStatus::fail;
  if (!a.value || !b.value) return b.value.has_value() && a.value.has_value();
  return std::isnan(*a.value) || *a.value > *b.value;
}

void keep_worst(std::vector<CheckResult>& worst, std::vector<CheckResult> checks) {
  if (worst.empty()) {
    worst = std::move(checks);
    return;
  }
  for (std::size_t i = 0; i < checks.size(); ++i) {
    if (checks[i].id != worst[i].id)
      throw InternalError("check_model: another identity in another block");
    if (is_worse(checks[i], worst[i])) worst[i] = std::move(checks[i]);
  }
}

// Largest difference and the sum of squares over tensors that are added one after another.
class Gap {
 public:
  void add(std::span<const float> narrow, std::span<const double> wide) {
    for (std::size_t i = 0; i < wide.size(); ++i) {
      if (std::isinf(wide[i]) && static_cast<double>(narrow[i]) == wide[i]) continue;
      const double difference = std::abs(static_cast<double>(narrow[i]) - wide[i]);
      if (!(difference <= largest_)) largest_ = difference;
      sum_squares_ += wide[i] * wide[i];
      n_ += 1;
    }
  }
  double fraction() const {
    return largest_ == 0 ? 0 : largest_ / std::sqrt(sum_squares_ / static_cast<double>(n_));
  }

 private:
  double largest_ = 0;
  double sum_squares_ = 0;
  Index n_ = 0;
};

double site_gap(const Activations<float>& narrow, const Activations<double>& wide) {
  Gap gap;
  if (wide.by_text.empty()) {
    gap.add(narrow.values.values(), wide.values.values());
  } else {
    for (std::size_t i = 0; i < wide.by_text.size(); ++i)
      gap.add(narrow.by_text[i].values(), wide.by_text[i].values());
  }
  return gap.fraction();
}

// One capture for each block bounds the memory; hook points outside the blocks come with the last.
void measure_gaps(std::vector<SiteGap>& gaps, const Model& model,
                  std::span<const std::vector<TokenId>> texts, Index layer) {
  const ModelConfig& config = model.config();
  std::vector<SiteAt> sites;
  for (const HookPoint& point : hook_points()) {
    if (!exists_in(point, config)) continue;
    if (!point.per_block && layer != config.n_layers - 1) continue;
    sites.push_back(
        {{point.kind, point.per_block ? layer : -1, std::nullopt}, {Position::Kind::all, -1}});
  }
  const auto narrow = capture<float>(model, texts, sites, {}, {}).activations;
  const auto wide = capture<double>(model, texts, sites, {}, {}).activations;
  for (std::size_t i = 0; i < sites.size(); ++i) {
    const SiteGap found = {sites[i].site.kind, sites[i].site.layer, site_gap(narrow[i], wide[i])};
    const auto same = std::find_if(gaps.begin(), gaps.end(),
                                   [&](const SiteGap& gap) { return gap.kind == found.kind; });
    if (same == gaps.end()) {
      gaps.push_back(found);
    } else if (!(found.fraction <= same->fraction)) {
      *same = found;
    }
  }
}

}  // namespace

bool ModelCheck::passed() const {
  const auto fails = [](const CheckResult& check) { return check.status == CheckStatus::fail; };
  return std::none_of(float32.begin(), float32.end(), fails) &&
         std::none_of(float64.begin(), float64.end(), fails) &&
         std::none_of(processing.begin(), processing.end(), fails);
}

ModelCheck check_model(const Model& stored, std::uint64_t seed,
                       const std::function<void(Index done, Index total)>& progress,
                       const WeightProcessing& processing) {
  ModelCheck result;
  result.n_parameters = check_finite(stored);
  const Model model = process_weights(stored, processing);
  const ModelConfig& config = model.config();
  const std::vector<std::vector<TokenId>> texts = random_texts(config, seed);
  for (const auto& text : texts) result.text_tokens.push_back(static_cast<Index>(text.size()));
  Random random(seed, "model check/neurons");
  for (Index layer = 0; layer < config.n_layers; ++layer) {
    const auto neuron = static_cast<Index>(random.below(static_cast<std::uint64_t>(config.d_mlp)));
    const Target target =
        make_target({{HookKind::mlp_post, layer, neuron}, {Position::Kind::last, -1}}, config);
    keep_worst(result.float32, check_identities(model, target, texts, Precision::float32));
    keep_worst(result.float64, check_identities(model, target, texts, Precision::float64));
    measure_gaps(result.gaps, model, texts, layer);
    if (progress) progress(layer + 1, config.n_layers);
  }
  if (!processing.raw())
    result.processing = check_weight_processing(stored, model, processing, texts);
  std::sort(result.gaps.begin(), result.gaps.end(),
            [](const SiteGap& a, const SiteGap& b) { return a.kind < b.kind; });
  return result;
}

}  // namespace gnomon
