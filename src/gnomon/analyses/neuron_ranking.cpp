// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/neuron_ranking.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <optional>

#include "gnomon/base/error.h"
#include "gnomon/base/nearest_name.h"
#include "gnomon/base/quote.h"

namespace gnomon {

NeuronRanking parse_ranking(std::string_view text) {
  constexpr std::string_view kQuantile = "quantile:";
  if (text == "original") return {NeuronRanking::Kind::original, 0};
  if (text == "standardised") return {NeuronRanking::Kind::standardised, 0};
  if (text.starts_with(kQuantile)) {
    const std::string_view number = text.substr(kQuantile.size());
    double quantile = -1;
    const auto [end, error] =
        std::from_chars(number.data(), number.data() + number.size(), quantile);
    if (error == std::errc() && end == number.data() + number.size() && quantile >= 0 &&
        quantile <= 1)
      return {NeuronRanking::Kind::quantile, quantile};
    throw ArgumentError(
        fmt::format("ranking {}, expected quantile:Q with Q from 0 to 1", quote(text)));
  }
  const std::vector<std::string> names = {"original", "standardised", "quantile:0.5"};
  std::string message = fmt::format(
      "ranking {}, expected original, standardised or quantile:Q with Q from 0 to 1", quote(text));
  if (const auto nearest = nearest_name(text, names))
    message += fmt::format("; did you mean \"{}\"?", *nearest);
  throw ArgumentError(message);
}

std::string ranking_name(const NeuronRanking& ranking) {
  switch (ranking.kind) {
    case NeuronRanking::Kind::original:
      return "original";
    case NeuronRanking::Kind::standardised:
      return "standardised";
    case NeuronRanking::Kind::quantile:
      return fmt::format("quantile:{}", ranking.quantile);
  }
  throw InternalError("ranking_name: no such ranking");
}

std::vector<Index> rank_neurons(const NeuronScan& scan, const NeuronRanking& ranking) {
  // Larger is better.
  std::vector<std::optional<double>> merit;
  for (const NeuronStatistics& neuron : scan.neurons) {
    switch (ranking.kind) {
      case NeuronRanking::Kind::original:
        merit.push_back(neuron.score);
        break;
      case NeuronRanking::Kind::standardised:
        merit.push_back(neuron.standardised);
        break;
      case NeuronRanking::Kind::quantile:
        merit.push_back(neuron.layer_quantile);
        if (merit.back()) merit.back() = -std::abs(*merit.back() - ranking.quantile);
        break;
    }
  }
  std::vector<Index> order(merit.size());
  std::iota(order.begin(), order.end(), Index{0});
  std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) {
    // An empty optional is less than any value.
    return merit[static_cast<std::size_t>(a)] > merit[static_cast<std::size_t>(b)];
  });
  return order;
}

}  // namespace gnomon
