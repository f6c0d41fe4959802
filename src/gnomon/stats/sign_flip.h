// SPDX-License-Identifier: Apache-2.0
// in: columns of signed numbers and their groups   out: tests of symmetry about 0, alone and as a
// family
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "gnomon/tensor/view.h"

namespace gnomon {

struct SignFlipTest {
  double statistic = 0;  // |Σ_g s_g| / sqrt(Σ_g s_g²)
  double p_value = 1;    // of this column alone
  double p_family = 1;   // of the largest statistic of all columns: max-statistic, step one
  Index n_group = 0;     // groups whose sum is not 0
  std::string_view why_undefined;  // why nothing was tested (both p are then 1); else empty
};

// Two-sided tests that the sums s_g of a column's groups are as likely with one sign as with the
// other, by flipping the signs of whole groups, the same flips in every column. Assumes that groups
// are independent and, where there is no effect, symmetric about 0.
//
//   p_value   (flips with a statistic at least as large + 1) / (n_flip + 1)
//   p_family  the same with the largest statistic of all columns in each flip, so that the chance
//             of any p_family <= α is at most α where no column has an effect (Westfall and Young
//             1993, section 2.3.1; Nichols and Holmes 2002, Human Brain Mapping 15)
//
// The statistic's denominator does not change with the signs. With n groups no p is below 2 / 2^n
// but for chance. Throws ArgumentError for n_flip < 1, ShapeError, NumericError for a value that is
// not finite.
std::vector<SignFlipTest> sign_flip_tests(std::span<const std::span<const double>> columns,
                                          std::span<const Index> groups, Index n_flip,
                                          std::uint64_t seed);

}  // namespace gnomon
