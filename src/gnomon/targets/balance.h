// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "gnomon/tensor/view.h"

namespace gnomon {

// in: the activation of every row    out: rows that are spread more evenly over its range
//
// Why, and what it does to a score: docs/methods/splits.md.

struct BalanceOptions {
  Index n_bin = 10;           // of equal width, from the smallest to the largest value
  Index smallest_rows = 200;  // at least so many rows remain
};

struct BalanceBin {
  double low = 0;  // in activation units; high belongs to the next bin, but to the last one here
  double high = 0;
  Index n_before = 0;
  Index n_after = 0;
};

struct Balance {
  std::vector<Index> kept;  // rows, ascending
  std::vector<BalanceBin> bins;
  Index cap = 0;  // rows that a bin keeps at most
};

// A bin keeps min(its rows, cap) rows, drawn from the stream "balance" of `seed`. The cap is the
// smallest number that leaves smallest_rows rows and is no smaller than the rarest bin that has any
// row: bins are as equal as the number of rows asked for allows, and where all bins are well filled
// no more is thrown away than equality needs.
//
// Throws ArgumentError: bad_data where there are fewer than smallest_rows rows or all values are
// equal, usage for fewer than 2 bins or smallest_rows < 1; NumericError for a value that is not
// finite.
Balance balance_rows(std::span<const double> values, const BalanceOptions& options,
                     std::uint64_t seed);

}  // namespace gnomon
