// SPDX-License-Identifier: Apache-2.0
#include "gnomon/stats/equivalence.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/math/distributions/normal.hpp>
#include <cmath>

#include "gnomon/base/error.h"

namespace gnomon {

EquivalenceTest equivalence_test(const Interval& interval, double reference,
                                 const EquivalenceOptions& options) {
  if (!(options.margin > 0) || !(options.alpha > 0 && options.alpha < 0.5) ||
      !(options.power > 0 && options.power < 1)) {
    throw ArgumentError(fmt::format(
        "equivalence_test: margin {}, alpha {} and power {}, expected a margin above 0, alpha "
        "between 0 and 0.5 and power between 0 and 1",
        options.margin, options.alpha, options.power));
  }
  // Levels are written as decimals, whose difference from 1 - 2 alpha is a rounding error.
  if (std::abs(interval.level - (1 - 2 * options.alpha)) > 1e-12) {
    throw ArgumentError(fmt::format("equivalence_test: an interval of level {}, expected {}",
                                    interval.level, 1 - 2 * options.alpha));
  }
  if (!std::isfinite(interval.ci_low) || !std::isfinite(interval.ci_high) ||
      !std::isfinite(reference))
    throw NumericError("equivalence_test: an end of the interval is not finite");
  const boost::math::normal normal;
  const double z_alpha = boost::math::quantile(normal, 1 - options.alpha);
  EquivalenceTest test;
  test.options = options;
  test.reference = reference;
  test.interval = interval;
  test.smallest_margin =
      std::max(std::abs(interval.ci_low - reference), std::abs(interval.ci_high - reference));
  test.equivalent = test.smallest_margin < options.margin;
  test.standard_error = (interval.ci_high - interval.ci_low) / (2 * z_alpha);
  test.detectable = (boost::math::quantile(normal, 1 - options.alpha / 2) +
                     boost::math::quantile(normal, options.power)) *
                    test.standard_error;
  test.equivalence_power =
      test.standard_error == 0
          ? 1
          : std::max(
                0.0,
                2 * boost::math::cdf(normal, options.margin / test.standard_error - z_alpha) - 1);
  return test;
}

}  // namespace gnomon
