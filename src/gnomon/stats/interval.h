// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace gnomon {

// A two-sided interval; `level` is its nominal coverage, 0.95 for 95 %.
struct Interval {
  double ci_low = 0;
  double ci_high = 0;
  double level = 0;
};

}  // namespace gnomon
