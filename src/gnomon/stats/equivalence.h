// SPDX-License-Identifier: Apache-2.0
// in: the interval of an effect, and what counts as none   out: whether there is none
#pragma once

#include "gnomon/stats/interval.h"

namespace gnomon {

struct EquivalenceOptions {
  double margin =
      0.1;  // effects within ±margin of the reference count as none; declared beforehand
  double alpha = 0.05;  // chance to find equivalence where there is none
  double power = 0.8;   // at which the smallest detectable effect is stated
};

// What an interval says about an effect being `reference`: a p-value above 0.05 says nothing of the
// kind.
//
// Two one-sided tests (Schuirmann 1987, J. Pharmacokin. Biopharm. 15): equivalent at level alpha
// where the interval of level 1 - 2 alpha lies within reference ± margin. Power and the detectable
// effect take the estimate as normal with the standard error that the interval's width implies:
//
//   se = (ci_high - ci_low) / (2 z(1 - alpha))
//   power to find equivalence where the effect is the reference: 2 Φ(margin / se - z(1 - alpha)) -
//   1 detectable effect, two-sided at alpha: (z(1 - alpha / 2) + z(power)) se
struct EquivalenceTest {
  EquivalenceOptions options;
  double reference = 0;
  Interval interval;           // of level 1 - 2 alpha
  bool equivalent = false;     // within reference ± margin
  double smallest_margin = 0;  // the margin at which it would just be equivalent
  double standard_error = 0;
  double equivalence_power = 0;  // 0 to 1
  double detectable = 0;         // smallest difference from the reference found with `power`
};

// Throws ArgumentError where a margin is not above 0, alpha not in (0, 1/2), power not in (0, 1),
// or the interval's level is not 1 - 2 alpha; NumericError where an end is not finite.
EquivalenceTest equivalence_test(const Interval& interval, double reference,
                                 const EquivalenceOptions& options);

}  // namespace gnomon
