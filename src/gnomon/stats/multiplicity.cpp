// SPDX-License-Identifier: Apache-2.0
#include "gnomon/stats/multiplicity.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string_view>

#include "gnomon/base/error.h"

namespace gnomon {
namespace {

// How a p-value is multiplied by a count: in the log domain that is an addition.
struct Linear {
  static constexpr double largest = 1;
  static double times(double p, double factor) { return p * factor; }
};
struct Log10 {
  static constexpr double largest = 0;
  static double times(double log10_p, double factor) { return log10_p + std::log10(factor); }
};

std::vector<std::size_t> ascending_order(std::span<const double> p) {
  std::vector<std::size_t> order(p.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return p[a] < p[b]; });
  return order;
}

template <class Scale>
std::vector<double> holm_on(std::span<const double> p) {
  const std::vector<std::size_t> order = ascending_order(p);
  std::vector<double> adjusted(p.size());
  for (std::size_t k = 0; k < order.size(); ++k) {
    const double value =
        std::min(Scale::largest, Scale::times(p[order[k]], static_cast<double>(p.size() - k)));
    adjusted[order[k]] = k == 0 ? value : std::max(value, adjusted[order[k - 1]]);
  }
  return adjusted;
}

template <class Scale>
std::vector<double> benjamini_hochberg_on(std::span<const double> p) {
  const std::vector<std::size_t> order = ascending_order(p);
  std::vector<double> adjusted(p.size());
  double smallest = Scale::largest;
  for (std::size_t k = order.size(); k > 0; --k) {
    const double factor = static_cast<double>(p.size()) / static_cast<double>(k);
    smallest = std::min(smallest, Scale::times(p[order[k - 1]], factor));
    adjusted[order[k - 1]] = smallest;
  }
  return adjusted;
}

void check_p(std::string_view function, std::span<const double> p) {
  for (std::size_t i = 0; i < p.size(); ++i) {
    if (!(p[i] >= 0 && p[i] <= 1)) {
      throw NumericError(fmt::format("{}: p[{}] is {}, expected 0 to 1", function, i, p[i]));
    }
  }
}

void check_log10_p(std::string_view function, std::span<const double> log10_p) {
  for (std::size_t i = 0; i < log10_p.size(); ++i) {
    if (!(log10_p[i] <= 0)) {
      throw NumericError(
          fmt::format("{}: log10_p[{}] is {}, expected 0 or below", function, i, log10_p[i]));
    }
  }
}

}  // namespace

std::vector<double> holm(std::span<const double> p) {
  check_p("holm", p);
  return holm_on<Linear>(p);
}

std::vector<double> holm_log10(std::span<const double> log10_p) {
  check_log10_p("holm_log10", log10_p);
  return holm_on<Log10>(log10_p);
}

std::vector<double> benjamini_hochberg(std::span<const double> p) {
  check_p("benjamini_hochberg", p);
  return benjamini_hochberg_on<Linear>(p);
}

std::vector<double> benjamini_hochberg_log10(std::span<const double> log10_p) {
  check_log10_p("benjamini_hochberg_log10", log10_p);
  return benjamini_hochberg_on<Log10>(log10_p);
}

}  // namespace gnomon
