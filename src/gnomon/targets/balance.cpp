// SPDX-License-Identifier: Apache-2.0
#include "gnomon/targets/balance.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "gnomon/base/error.h"
#include "gnomon/base/random.h"

namespace gnomon {
namespace {

void check_arguments(std::span<const double> values, const BalanceOptions& options) {
  if (options.n_bin < 2 || options.smallest_rows < 1) {
    throw ArgumentError(fmt::format(
        "balance_rows: {} bins and {} rows to remain, expected at least 2 bins and 1 row",
        options.n_bin, options.smallest_rows));
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i]))
      throw NumericError(fmt::format("balance_rows: value {} is {}", i, values[i]));
  }
  if (std::ssize(values) < options.smallest_rows) {
    throw ArgumentError(
        ErrorCode::bad_data,
        fmt::format("balance_rows: found {} rows, of which at least {} have to remain",
                    values.size(), options.smallest_rows),
        "give more texts, or ask for fewer rows: --balance-rows");
  }
}

// The bins of equal width over the range, without counts.
std::vector<BalanceBin> cut_range(std::span<const double> values, Index n_bin) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  const double width = (*high - *low) / static_cast<double>(n_bin);
  if (!(width > 0) || !std::isfinite(width)) {
    throw ArgumentError(ErrorCode::bad_data,
                        fmt::format("balance_rows: values from {} to {} cannot be cut into {} bins",
                                    *low, *high, n_bin));
  }
  std::vector<BalanceBin> bins(static_cast<std::size_t>(n_bin));
  for (std::size_t b = 0; b < bins.size(); ++b) {
    bins[b].low = b == 0 ? *low : bins[b - 1].high;
    bins[b].high = b + 1 == bins.size() ? *high : *low + width * static_cast<double>(b + 1);
  }
  return bins;
}

// By the stored bounds, so that a reader of the bounds counts the same rows.
std::size_t bin_of(const std::vector<BalanceBin>& bins, double value) {
  const auto after = std::upper_bound(bins.begin(), bins.end(), value,
                                      [](double v, const BalanceBin& bin) { return v < bin.high; });
  return std::min(static_cast<std::size_t>(after - bins.begin()), bins.size() - 1);
}

Index n_remaining(const std::vector<BalanceBin>& bins, Index cap) {
  Index n = 0;
  for (const BalanceBin& bin : bins) n += std::min(bin.n_before, cap);
  return n;
}

Index choose_cap(const std::vector<BalanceBin>& bins, Index smallest_rows) {
  Index rarest = 0;
  Index fullest = 0;
  for (const BalanceBin& bin : bins) {
    fullest = std::max(fullest, bin.n_before);
    if (bin.n_before > 0 && (rarest == 0 || bin.n_before < rarest)) rarest = bin.n_before;
  }
  Index too_small = 0;
  Index enough = fullest;
  while (enough - too_small > 1) {
    const Index middle = too_small + (enough - too_small) / 2;
    (n_remaining(bins, middle) >= smallest_rows ? enough : too_small) = middle;
  }
  return std::max(rarest, enough);
}

}  // namespace

Balance balance_rows(std::span<const double> values, const BalanceOptions& options,
                     std::uint64_t seed) {
  check_arguments(values, options);
  Balance balance;
  balance.bins = cut_range(values, options.n_bin);
  std::vector<std::vector<Index>> rows_of(balance.bins.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t bin = bin_of(balance.bins, values[i]);
    rows_of[bin].push_back(static_cast<Index>(i));
    ++balance.bins[bin].n_before;
  }
  balance.cap = choose_cap(balance.bins, options.smallest_rows);
  Random random(seed, "balance");
  for (std::size_t b = 0; b < rows_of.size(); ++b) {
    BalanceBin& bin = balance.bins[b];
    bin.n_after = std::min(bin.n_before, balance.cap);
    if (bin.n_after < bin.n_before) random.shuffle(rows_of[b]);
    balance.kept.insert(balance.kept.end(), rows_of[b].begin(), rows_of[b].begin() + bin.n_after);
  }
  std::ranges::sort(balance.kept);
  return balance;
}

}  // namespace gnomon
