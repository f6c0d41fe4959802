// SPDX-License-Identifier: Apache-2.0
#include "gnomon/stats/correlation.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/special_functions/beta.hpp>
#include <boost/math/special_functions/gamma.hpp>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>
#include <string>

#include "gnomon/base/error.h"
#include "gnomon/stats/detail/sample.h"

namespace gnomon {
namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();

// A column with mean 0 and Σ x² = 1; no values where it is constant.
std::vector<double> unit_column(std::span<const double> x) {
  detail::Centred centred = detail::centre(x);
  if (centred.constant) return {};
  const double norm = std::sqrt(centred.sum_squares);
  for (double& value : centred.difference) value /= norm;
  return std::move(centred.difference);
}

double unit_dot(std::span<const double> u, std::span<const double> v) {
  double dot = 0;
  for (std::size_t i = 0; i < u.size(); ++i) dot += u[i] * v[i];
  if (std::abs(dot) < 0.5) return dot;
  // 1 - u·v cancels near 1; |u - v|² / 2 is the same number and does not.
  const double sign = dot < 0 ? -1 : 1;
  double squares = 0;
  for (std::size_t i = 0; i < u.size(); ++i) {
    const double difference = u[i] - sign * v[i];
    squares += difference * difference;
  }
  return sign * std::max(0.0, 1 - squares / 2);
}

Correlation correlate(std::string_view function, std::span<const double> x,
                      std::span<const double> y) {
  detail::check_pair(function, "x", x, "y", y);
  Correlation result;
  result.n = static_cast<Index>(x.size());
  if (result.n < 2) {
    result.why_undefined = "fewer than 2 rows";
    return result;
  }
  const std::vector<double> u = unit_column(x);
  const std::vector<double> v = unit_column(y);
  if (u.empty() || v.empty()) {
    result.why_undefined = u.empty() && v.empty() ? "both columns are constant"
                           : u.empty()            ? "the first column is constant"
                                                  : "the second column is constant";
    return result;
  }
  result.r = unit_dot(u, v);
  return result;
}

// ln I_x(a, b) from the continued fraction DLMF 8.17.22 by the modified Lentz method, for
// x < (a + 1) / (a + b + 2), where it converges.
double log_incomplete_beta(double a, double b, double log_x, double log_1_minus_x) {
  const double x = std::exp(log_x);
  const double tiny = 1e-300;
  const auto away_from_zero = [&](double value) { return std::abs(value) < tiny ? tiny : value; };
  double c = 1;
  double d = 1 / away_from_zero(1 - (a + b) * x / (a + 1));
  double fraction = d;
  bool converged = false;
  for (int m = 1; m <= 1'000'000 && !converged; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / away_from_zero(1 + even * d);
    c = away_from_zero(1 + even / c);
    fraction *= d * c;
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / away_from_zero(1 + odd * d);
    c = away_from_zero(1 + odd / c);
    fraction *= d * c;
    converged = std::abs(d * c - 1) <= 4 * kEpsilon;
  }
  if (!converged) {
    throw InternalError(
        fmt::format("log_incomplete_beta: no convergence at a = {}, b = {}, x = {}", a, b, x));
  }
  // B(a, b) = Γ(b) Γ(a) / Γ(a + b), the ratio without the cancellation of two large lgamma.
  const double log_beta = std::lgamma(b) + std::log(boost::math::tgamma_delta_ratio(a, b));
  return a * log_x + b * log_1_minus_x - std::log(a) - log_beta + std::log(fraction);
}

void check_r(std::string_view function, double r, double n_effective) {
  if (!(r >= -1 && r <= 1)) {
    throw ArgumentError(fmt::format("{}: r is {}, expected a number from -1 to 1", function, r));
  }
  if (!std::isfinite(n_effective)) {
    throw ArgumentError(
        fmt::format("{}: n_effective is {}, expected a finite number", function, n_effective));
  }
}

}  // namespace

Correlation pearson(std::span<const double> x, std::span<const double> y) {
  return correlate("pearson", x, y);
}

Correlation spearman(std::span<const double> x, std::span<const double> y) {
  detail::check_pair("spearman", "x", x, "y", y);
  return correlate("spearman", average_ranks(x), average_ranks(y));
}

std::vector<double> average_ranks(std::span<const double> x) {
  detail::check_sample("average_ranks", "x", x);
  std::vector<std::size_t> order(x.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return x[a] < x[b]; });
  std::vector<double> rank(x.size());
  for (std::size_t first = 0; first < order.size();) {
    std::size_t last = first + 1;
    while (last < order.size() && x[order[last]] == x[order[first]]) ++last;
    for (std::size_t k = first; k < last; ++k) {
      rank[order[k]] = static_cast<double>(first + last + 1) / 2;
    }
    first = last;
  }
  return rank;
}

CorrelationTest correlation_test(double r, double n_effective) {
  check_r("correlation_test", r, n_effective);
  CorrelationTest test;
  if (n_effective <= 2) return test;
  const double a = (n_effective - 2) / 2;
  const double b = 0.5;
  const double r2 = r * r;
  test.log10_p_is_bound = r2 > 1 - kEpsilon;
  if (!test.log10_p_is_bound) test.p_value = boost::math::ibetac(b, a, r2);
  if (test.p_value > 1e-290 && !test.log10_p_is_bound) {
    test.log10_p = std::log10(test.p_value);
    return test;
  }
  const double log_x = test.log10_p_is_bound ? std::log(kEpsilon) : std::log1p(-r) + std::log1p(r);
  const double log_1_minus_x = test.log10_p_is_bound ? 0 : std::log(r2);
  test.log10_p =
      std::min(0.0, log_incomplete_beta(a, b, log_x, log_1_minus_x) / std::numbers::ln10);
  test.p_value = std::pow(10, test.log10_p);
  test.p_value_is_bound = test.log10_p_is_bound;
  if (test.p_value < std::numeric_limits<double>::min()) {
    test.p_value = std::numeric_limits<double>::min();
    test.p_value_is_bound = true;
  }
  return test;
}

Interval fisher_interval(double r, double n_effective, double level) {
  check_r("fisher_interval", r, n_effective);
  detail::check_level("fisher_interval", level);
  if (n_effective <= 3) return {-1, 1, level};
  if (std::abs(r) == 1) return {r, r, level};
  const double z =
      boost::math::quantile(boost::math::complement(boost::math::normal(), (1 - level) / 2));
  const double half_width = z / std::sqrt(n_effective - 3);
  return {std::tanh(std::atanh(r) - half_width), std::tanh(std::atanh(r) + half_width), level};
}

CorrelationMatrix correlation_matrix(std::span<const std::span<const double>> columns) {
  CorrelationMatrix matrix;
  matrix.n_column = static_cast<Index>(columns.size());
  matrix.n = columns.empty() ? 0 : static_cast<Index>(columns[0].size());
  std::vector<std::vector<double>> unit;
  for (std::size_t k = 0; k < columns.size(); ++k) {
    const std::string name = fmt::format("column {}", k);
    detail::check_size("correlation_matrix", name, columns[k].size(), matrix.n);
    detail::check_sample("correlation_matrix", name, columns[k]);
    unit.push_back(unit_column(columns[k]));
  }
  matrix.r.resize(unit.size() * unit.size());
  for (std::size_t i = 0; i < unit.size(); ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      if (unit[i].empty() || unit[j].empty()) continue;
      const double r = i == j ? 1 : unit_dot(unit[i], unit[j]);
      matrix.r[i * unit.size() + j] = r;
      matrix.r[j * unit.size() + i] = r;
    }
  }
  return matrix;
}

}  // namespace gnomon
