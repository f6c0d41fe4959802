// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/baselines.h"

#include <map>
#include <numeric>
#include <utility>

#include "gnomon/stats/correlation.h"
#include "gnomon/stats/regression.h"

namespace gnomon {
namespace {

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

BaselineResult score(std::string name, std::string definition,
                     const std::vector<double>& prediction, const std::vector<double>& truth) {
  BaselineResult result{
      std::move(name), std::move(definition), std::nullopt, r2_identity(prediction, truth), {}};
  const Correlation correlation = pearson(prediction, truth);
  result.r = correlation.r;
  if (!result.r) result.why = std::string(correlation.why_undefined);
  return result;
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

}  // namespace

std::vector<BaselineResult> simple_baselines(const StudyData& data,
                                             std::span<const Index> training_rows,
                                             std::span<const Index> scored_rows) {
  const std::vector<double> fitted = take(data.activation, training_rows);
  const std::vector<double> truth = take(data.activation, scored_rows);
  const auto by_key = [&](const auto& key) {
    return predict_by_key(take(key, training_rows), fitted, take(key, scored_rows));
  };
  const auto by_line = [&](const auto& x) {
    return predict_by_line(take(x, training_rows), fitted, take(x, scored_rows));
  };
  std::vector<std::pair<Index, Index>> text_and_position;
  for (std::size_t r = 0; r < data.group.size(); ++r)
    text_and_position.emplace_back(data.group[r], data.position[r]);
  return {
      score("mean", "training mean", std::vector<double>(truth.size(), mean_of(fitted)), truth),
      score("lookup", "training mean of the same text group and position",
            by_key(text_and_position), truth),
      score("length", "line through the number of tokens", by_line(data.n_token), truth),
      score("position", "line through the token's index", by_line(data.position), truth),
      score("last_token", "training mean of the same token", by_key(data.token), truth),
  };
}

}  // namespace gnomon
