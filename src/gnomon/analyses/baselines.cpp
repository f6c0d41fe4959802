// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/baselines.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "gnomon/base/error.h"
#include "gnomon/base/random.h"
#include "gnomon/stats/correlation.h"
#include "gnomon/stats/groups.h"
#include "gnomon/stats/regression.h"
#include "gnomon/stats/ridge.h"

namespace gnomon {
namespace {

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// The training mean of every value of a key.
template <class Key>
std::vector<double> predict_by_key(const std::vector<Key>& training_key,
                                   const std::vector<double>& training_truth,
                                   const std::vector<Key>& scored_key) {
  std::map<Key, std::pair<double, Index>> sums;
  for (std::size_t i = 0; i < training_key.size(); ++i) {
    sums[training_key[i]].first += training_truth[i];
    sums[training_key[i]].second += 1;
  }
  const double fallback = mean_of(training_truth);
  std::vector<double> prediction;
  for (const Key& key : scored_key) {
    const auto found = sums.find(key);
    prediction.push_back(found == sums.end()
                             ? fallback
                             : found->second.first / static_cast<double>(found->second.second));
  }
  return prediction;
}

std::vector<double> predict_by_line(const std::vector<Index>& training_x,
                                    const std::vector<double>& training_truth,
                                    const std::vector<Index>& scored_x) {
  const std::vector<double> x(training_x.begin(), training_x.end());
  const SimpleRegression line = ols(x, training_truth);
  const double slope = line.slope.value_or(0);
  const double intercept = line.slope ? line.intercept.value_or(0) : mean_of(training_truth);
  std::vector<double> prediction;
  for (const Index value : scored_x)
    prediction.push_back(slope * static_cast<double>(value) + intercept);
  return prediction;
}

constexpr Index kUnigramFolds = 5;  // or one for each text group, where there are fewer

// The tokens of a row's text up to its position.
std::span<const TokenId> tokens_read(const StudyData& data,
                                     std::span<const std::vector<TokenId>> ids, Index row) {
  const auto r = static_cast<std::size_t>(row);
  const std::vector<TokenId>& text = ids[static_cast<std::size_t>(data.text[r])];
  return std::span(text).first(static_cast<std::size_t>(data.position[r]) + 1);
}

// Column of every token that is a feature.
std::unordered_map<TokenId, Index> choose_tokens(const StudyData& data,
                                                 std::span<const std::vector<TokenId>> ids,
                                                 std::span<const Index> rows) {
  std::map<TokenId, Index> n_rows_with;
  std::vector<TokenId> distinct;
  for (const Index row : rows) {
    const std::span<const TokenId> read = tokens_read(data, ids, row);
    distinct.assign(read.begin(), read.end());
    std::ranges::sort(distinct);
    const auto repeats = std::ranges::unique(distinct);
    distinct.erase(repeats.begin(), repeats.end());
    for (const TokenId token : distinct) ++n_rows_with[token];
  }
  std::vector<std::pair<TokenId, Index>> shared;
  for (const auto& entry : n_rows_with) {
    if (entry.second > 1) shared.push_back(entry);
  }
  std::ranges::stable_sort(shared,
                           [](const auto& a, const auto& b) { return a.second > b.second; });
  std::unordered_map<TokenId, Index> column;
  for (const auto& [token, n] : shared) {
    if (std::ssize(column) == kUnigramTokens) break;
    column.emplace(token, std::ssize(column));
  }
  return column;
}

std::vector<Index> drawn_rows(std::span<const Index> rows, std::uint64_t seed) {
  std::vector<Index> drawn(rows.begin(), rows.end());
  if (std::ssize(drawn) <= kUnigramRows) return drawn;
  Random random(seed, "unigram");
  random.shuffle(drawn);
  drawn.resize(static_cast<std::size_t>(kUnigramRows));
  std::ranges::sort(drawn);
  return drawn;
}

void require_training_rows(std::string_view function, std::span<const Index> rows) {
  if (!rows.empty()) return;
  throw ArgumentError(ErrorCode::bad_data,
                      fmt::format("{}: found no training row, expected at least one", function));
}

}  // namespace

std::vector<BaselinePrediction> simple_predictions(const StudyData& data,
                                                   std::span<const Index> training_rows,
                                                   std::span<const Index> predicted_rows) {
  require_training_rows("simple_predictions", training_rows);
  const std::vector<double> fitted = take(data.activation, training_rows);
  const auto by_key = [&](const auto& key) {
    return predict_by_key(take(key, training_rows), fitted, take(key, predicted_rows));
  };
  const auto by_line = [&](const auto& x) {
    return predict_by_line(take(x, training_rows), fitted, take(x, predicted_rows));
  };
  std::vector<std::pair<Index, Index>> text_and_position;
  for (std::size_t r = 0; r < data.group.size(); ++r)
    text_and_position.emplace_back(data.group[r], data.position[r]);
  return {
      {"mean", "training mean", std::vector<double>(predicted_rows.size(), mean_of(fitted))},
      {"lookup", "training mean of the same text group and position", by_key(text_and_position)},
      {"length", "line through the number of tokens", by_line(data.n_token)},
      {"position", "line through the token's index", by_line(data.position)},
      {"last_token", "training mean of the same token", by_key(data.token)},
  };
}

BaselinePrediction unigram_prediction(const StudyData& data,
                                      std::span<const std::vector<TokenId>> ids,
                                      std::span<const Index> training_rows,
                                      std::span<const Index> predicted_rows, std::uint64_t seed) {
  require_training_rows("unigram_prediction", training_rows);
  const std::vector<double> truth = take(data.activation, training_rows);
  const auto mean_only = [&](std::string_view why) {
    return BaselinePrediction{"unigram", fmt::format("training mean: {}", why),
                              std::vector<double>(predicted_rows.size(), mean_of(truth))};
  };
  const std::vector<Index> fitted_rows = drawn_rows(training_rows, seed);
  const std::unordered_map<TokenId, Index> column = choose_tokens(data, ids, fitted_rows);
  if (column.empty()) return mean_only("no two training rows share a token");
  const std::vector<Index> group = take(data.group, fitted_rows);
  const Index n_group = index_groups(group).n_group;
  if (n_group < 2) return mean_only("fewer than 2 text groups to fit on");

  Tensor<double> counts({std::ssize(fitted_rows), std::ssize(column)});
  for (std::size_t i = 0; i < fitted_rows.size(); ++i) {
    for (const TokenId token : tokens_read(data, ids, fitted_rows[i])) {
      const auto found = column.find(token);
      if (found != column.end()) ++counts.matrix()(static_cast<Index>(i), found->second);
    }
  }
  RidgeCvOptions options;
  options.n_fold = std::min(kUnigramFolds, n_group);
  options.seed = seed;
  const RidgeFit fit =
      fit_ridge_cross_validated(counts.matrix(), take(data.activation, fitted_rows), group, options)
          .fit;
  BaselinePrediction prediction{
      "unigram", fmt::format("ridge on the counts of {} tokens of the text", column.size()), {}};
  for (const Index row : predicted_rows) {
    double sum = fit.bias;
    for (const TokenId token : tokens_read(data, ids, row)) {
      const auto found = column.find(token);
      if (found != column.end()) sum += fit.weight[static_cast<std::size_t>(found->second)];
    }
    prediction.value.push_back(sum);
  }
  return prediction;
}

BaselineResult score_baseline(const BaselinePrediction& prediction, std::span<const double> truth) {
  BaselineResult result{prediction.name,
                        prediction.definition,
                        std::nullopt,
                        r2_identity(prediction.value, truth),
                        {}};
  const Correlation correlation = pearson(prediction.value, truth);
  result.r = correlation.r;
  if (!result.r) result.why = std::string(correlation.why_undefined);
  return result;
}

std::vector<BaselineResult> simple_baselines(const StudyData& data,
                                             std::span<const Index> training_rows,
                                             std::span<const Index> scored_rows) {
  const std::vector<double> truth = take(data.activation, scored_rows);
  std::vector<BaselineResult> results;
  for (const BaselinePrediction& prediction :
       simple_predictions(data, training_rows, scored_rows)) {
    results.push_back(score_baseline(prediction, truth));
  }
  return results;
}

BaselineResult unigram_baseline(const StudyData& data, std::span<const std::vector<TokenId>> ids,
                                std::span<const Index> training_rows,
                                std::span<const Index> scored_rows, std::uint64_t seed) {
  return score_baseline(unigram_prediction(data, ids, training_rows, scored_rows, seed),
                        take(data.activation, scored_rows));
}

}  // namespace gnomon
