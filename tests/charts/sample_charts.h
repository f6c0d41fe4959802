// SPDX-License-Identifier: Apache-2.0
// Every kind of chart with numbers of a given shape, for tests that hold for all of them.
#pragma once

#include <string>
#include <vector>

#include "gnomon/charts/figure.h"

namespace gnomon::test {

// What the numbers and texts of a chart are like.
enum class Sample {
  usual,     // a few dozen numbers
  empty,     // no rows at all
  one,       // one row
  constant,  // all rows the same
  absent,    // NaN, infinities, and no optional number
  huge,      // values near the largest double
  hostile,   // texts that try to leave their element, reorder, or fill the page
  many,      // 10,000 rows
};
inline constexpr Sample kSamples[] = {Sample::usual,    Sample::empty,  Sample::one,
                                      Sample::constant, Sample::absent, Sample::huge,
                                      Sample::hostile,  Sample::many};
std::string sample_name(Sample sample);

// One figure of each chart, in a fixed order.
std::vector<Figure> sample_figures(Sample sample);

}  // namespace gnomon::test
