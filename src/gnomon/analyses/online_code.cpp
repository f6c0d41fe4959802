// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/online_code.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <optional>

#include "gnomon/analyses/study.h"
#include "gnomon/base/random.h"
#include "gnomon/stats/correlation.h"
#include "gnomon/stats/groups.h"
#include "gnomon/stats/moments.h"

namespace gnomon {
namespace {

using Column = std::vector<double>;

constexpr Index kFirstGroups = 10;
constexpr double kPriorShare = 0.01;
constexpr double kSmallestSd = 1e-3;

// Labels of the coded rows in units of their standard deviation, on all rows; no column where they
// are constant.
std::optional<Column> standardised(std::span<const double> labels, std::span<const Index> rows) {
  const Column coded = take(labels, rows);
  if (!pearson(coded, coded).r) return std::nullopt;
  Moments moments;
  moments.add(coded);
  const auto n = static_cast<double>(coded.size());
  const double sd = std::sqrt(*moments.variance() * (n - 1) / n);
  Column result(labels.begin(), labels.end());
  for (double& value : result) value = (value - *moments.mean()) / sd;
  return result;
}

double log_normal_density(double error, double sd) {
  const double z = error / sd;
  return -0.5 * z * z - std::log(sd) - 0.5 * std::log(2 * std::numbers::pi);
}

double prior_bits(double y) { return -log_normal_density(y, 1) / std::numbers::ln2; }

double mixture_bits(double y, double prediction, double sd) {
  const double fitted = std::log1p(-kPriorShare) + log_normal_density(y - prediction, sd);
  const double prior = std::log(kPriorShare) + log_normal_density(y, 1);
  const double larger = std::max(fitted, prior);
  const double smaller = std::min(fitted, prior);
  return -(larger + std::log1p(std::exp(smaller - larger))) / std::numbers::ln2;
}

// Rows of whole groups in random order, and where the blocks end: at 1/2^k of the groups, the first
// block having kFirstGroups of them or more.
struct Order {
  std::vector<Index> rows;
  std::vector<std::size_t> block_ends;
};

Order random_order(std::span<const Index> group, std::span<const Index> rows, std::uint64_t seed) {
  const Groups groups = index_groups(take(group, rows));
  Order order;
  if (groups.n_group < 2 * kFirstGroups) return order;
  std::vector<Index> shuffled(static_cast<std::size_t>(groups.n_group));
  std::iota(shuffled.begin(), shuffled.end(), Index{0});
  Random random(seed, "online code");
  random.shuffle(shuffled);
  std::vector<Index> ends = {groups.n_group};
  while (ends.back() / 2 >= kFirstGroups) ends.push_back(ends.back() / 2);
  for (std::size_t g = 0; g < shuffled.size(); ++g) {
    for (const Index i : groups.rows(shuffled[g]))
      order.rows.push_back(rows[static_cast<std::size_t>(i)]);
    if (std::find(ends.begin(), ends.end(), static_cast<Index>(g + 1)) != ends.end())
      order.block_ends.push_back(order.rows.size());
  }
  return order;
}

}  // namespace

std::vector<OnlineCode> online_codes(MatrixView<const double> features,
                                     std::span<const std::span<const double>> labels,
                                     std::span<const Index> group, std::span<const Index> rows,
                                     const OnlineCodeOptions& options) {
  std::vector<OnlineCode> codes(labels.size());
  const Order order = random_order(group, rows, options.seed);
  std::vector<Column> columns;
  std::vector<std::size_t> coded;  // the labels that have a code
  for (std::size_t k = 0; k < labels.size(); ++k) {
    std::optional<Column> column = standardised(labels[k], rows);
    codes[k].n = static_cast<Index>(rows.size());
    if (!column) {
      codes[k].why = "the labels are constant";
    } else if (order.rows.empty()) {
      codes[k].why = "fewer than 20 text groups";
    } else {
      columns.push_back(std::move(*column));
      coded.push_back(k);
      codes[k].prior_bits_per_row = 0.5 * std::log2(2 * std::numbers::pi * std::numbers::e);
    }
  }
  if (coded.empty()) return codes;
  const std::vector<std::span<const double>> views(columns.begin(), columns.end());
  std::size_t begin = 0;
  for (const std::size_t end : order.block_ends) {
    const std::span<const Index> all(order.rows);
    const std::span<const Index> block = all.subspan(begin, end - begin);
    std::vector<Probe> probes;
    if (begin > 0)
      probes = fit_probes(features, views, {group, all.first(begin), block}, options.probe);
    for (std::size_t k = 0; k < coded.size(); ++k) {
      OnlineBlock part;
      part.n_training = static_cast<Index>(begin);
      part.n = static_cast<Index>(block.size());
      part.sd = begin == 0 ? 1 : std::max(kSmallestSd, std::sqrt(probes[k].cv_mean_square));
      for (std::size_t i = 0; i < block.size(); ++i) {
        const double y = columns[k][static_cast<std::size_t>(block[i])];
        part.bits += begin == 0 ? prior_bits(y) : mixture_bits(y, probes[k].prediction[i], part.sd);
      }
      codes[coded[k]].bits_per_row += part.bits / static_cast<double>(rows.size());
      codes[coded[k]].blocks.push_back(part);
    }
    begin = end;
  }
  return codes;
}

}  // namespace gnomon
