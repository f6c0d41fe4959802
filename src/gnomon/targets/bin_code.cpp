// SPDX-License-Identifier: Apache-2.0
#include "gnomon/targets/bin_code.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <string_view>

#include "gnomon/base/error.h"

namespace gnomon {
namespace {

std::vector<double> sorted_values(std::string_view function, std::span<const double> values,
                                  Index n_bin) {
  if (n_bin < 2) {
    throw ArgumentError(fmt::format("{}: {} bins, expected at least 2", function, n_bin));
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) {
      throw NumericError(
          fmt::format("{}: value {} is {}, expected a finite number", function, i, values[i]));
    }
  }
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

// The distinct values, and for each how many of `sorted` are smaller.
struct DistinctValues {
  std::vector<double> value;
  std::vector<Index> n_below;
};

DistinctValues distinct_values(std::string_view function, const std::vector<double>& sorted,
                               Index n_bin) {
  DistinctValues distinct;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    if (i > 0 && sorted[i] == sorted[i - 1]) continue;
    distinct.value.push_back(sorted[i]);
    distinct.n_below.push_back(static_cast<Index>(i));
  }
  if (n_bin > static_cast<Index>(distinct.value.size())) {
    throw ArgumentError(
        ErrorCode::bad_data,
        fmt::format("{}: {} bins for {} training values of which {} are distinct, expected at most "
                    "as many bins as distinct values",
                    function, n_bin, sorted.size(), distinct.value.size()),
        fmt::format("use at most {} bins, or more texts", distinct.value.size()));
  }
  return distinct;
}

// Means and counts of the sorted values between the edges.
void fill_bins(BinCode& code, const std::vector<double>& sorted) {
  auto begin = sorted.begin();
  for (std::size_t k = 0; k <= code.edges.size(); ++k) {
    const auto end = k == code.edges.size() ? sorted.end()
                                            : std::lower_bound(begin, sorted.end(), code.edges[k]);
    code.n.push_back(end - begin);
    if (begin == end) {
      // Never the first or last bin, which hold the smallest and the largest value.
      code.means.push_back(std::midpoint(code.edges[k - 1], code.edges[k]));
    } else {
      double mean = 0;
      for (auto it = begin; it != end; ++it)
        mean += (*it - mean) / static_cast<double>(it - begin + 1);
      // Rounding must not carry the mean over an edge.
      code.means.push_back(std::clamp(mean, *begin, *(end - 1)));
    }
    begin = end;
  }
}

}  // namespace

Index BinCode::encode(double value) const {
  if (!std::isfinite(value)) {
    throw NumericError(
        fmt::format("BinCode: the activation is {}, expected a finite number", value));
  }
  return std::upper_bound(edges.begin(), edges.end(), value) - edges.begin();
}

std::vector<Index> BinCode::encode(std::span<const double> values) const {
  std::vector<Index> labels;
  labels.reserve(values.size());
  for (const double value : values) labels.push_back(encode(value));
  return labels;
}

double BinCode::decode(Index label) const {
  if (label < 0 || label >= n_bin()) {
    throw ArgumentError(ErrorCode::out_of_range,
                        fmt::format("BinCode: label {}, expected 0 to {}", label, n_bin() - 1));
  }
  return means[static_cast<std::size_t>(label)];
}

std::vector<double> BinCode::decode(std::span<const Index> labels) const {
  std::vector<double> values;
  values.reserve(labels.size());
  for (const Index label : labels) values.push_back(decode(label));
  return values;
}

double BinCode::expected(std::span<const double> probabilities) const {
  if (static_cast<Index>(probabilities.size()) != n_bin()) {
    throw ShapeError(fmt::format("BinCode: {} probabilities, expected {}, one for each bin",
                                 probabilities.size(), n_bin()));
  }
  double total = 0;
  double sum = 0;
  for (std::size_t k = 0; k < probabilities.size(); ++k) {
    if (!(probabilities[k] >= 0) || !std::isfinite(probabilities[k])) {
      throw NumericError(
          fmt::format("BinCode: probability {} is {}, expected a finite number, 0 or above", k,
                      probabilities[k]));
    }
    total += probabilities[k];
    sum += probabilities[k] * means[k];
  }
  if (!(total > 0)) throw NumericError("BinCode: all probabilities are 0, expected a sum of 1");
  return sum / total;
}

BinCode equal_width_bins(std::span<const double> training_values, Index n_bin) {
  const std::vector<double> sorted = sorted_values("equal_width_bins", training_values, n_bin);
  distinct_values("equal_width_bins", sorted, n_bin);
  BinCode code;
  for (Index k = 1; k < n_bin; ++k) {
    // Not min + k (max - min) / K: the difference can overflow.
    const double edge = std::lerp(sorted.front(), sorted.back(),
                                  static_cast<double>(k) / static_cast<double>(n_bin));
    const double previous = code.edges.empty() ? sorted.front() : code.edges.back();
    if (!(edge > previous && edge <= sorted.back())) {
      throw ArgumentError(
          ErrorCode::bad_data,
          fmt::format("equal_width_bins: {} bins from {} to {}, expected a range in which {} edges "
                      "differ",
                      n_bin, sorted.front(), sorted.back(), n_bin - 1),
          "use fewer bins, or bins of equal count");
    }
    code.edges.push_back(edge);
  }
  fill_bins(code, sorted);
  return code;
}

BinCode equal_count_bins(std::span<const double> training_values, Index n_bin) {
  const std::vector<double> sorted = sorted_values("equal_count_bins", training_values, n_bin);
  const DistinctValues distinct = distinct_values("equal_count_bins", sorted, n_bin);
  const auto n_distinct = static_cast<Index>(distinct.value.size());
  BinCode code;
  Index cut = 0;  // the distinct value at which the next bin begins
  for (Index k = 1; k < n_bin; ++k) {
    const Index first = cut + 1;
    const Index last = n_distinct - (n_bin - k);  // leaves one value for each later bin
    // Compared as n_below * K against k * n, exactly.
    const auto distance = [&](Index c) {
      return std::abs(distinct.n_below[static_cast<std::size_t>(c)] * n_bin -
                      k * static_cast<Index>(sorted.size()));
    };
    cut = first;
    while (cut < last && distance(cut + 1) < distance(cut)) ++cut;
    const double low = distinct.value[static_cast<std::size_t>(cut - 1)];
    const double high = distinct.value[static_cast<std::size_t>(cut)];
    const double middle = std::midpoint(low, high);
    code.edges.push_back(middle > low ? middle : high);
  }
  fill_bins(code, sorted);
  return code;
}

}  // namespace gnomon
