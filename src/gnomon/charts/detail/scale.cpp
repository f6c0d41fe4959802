// SPDX-License-Identifier: Apache-2.0
#include "gnomon/charts/detail/scale.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "gnomon/charts/detail/chart_text.h"

namespace gnomon::detail {
namespace {

// Steps of 1, 2 or 5 times a power of ten.
double round_step(double rough) {
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  const double share = rough / power;
  return power * (share < 1.5 ? 1 : share < 3.5 ? 2 : share < 7.5 ? 5 : 10);
}

std::string tick_label(double value, double step, double largest) {
  const int decimals = std::max(0, static_cast<int>(-std::floor(std::log10(step) + 1e-9)));
  if (largest >= 1e6 || decimals > 4) {
    const int digits = std::max(
        0, static_cast<int>(std::floor(std::log10(largest)) - std::floor(std::log10(step))));
    return value == 0 ? "0" : number_text(value, std::min(digits, 6) + 1);
  }
  return fixed_text(value, decimals);
}

std::vector<Tick> log_ticks(const Scale& scale, int n_wanted) {
  const int first = static_cast<int>(std::ceil(std::log10(scale.low) - 1e-9));
  const int last = static_cast<int>(std::floor(std::log10(scale.high) + 1e-9));
  const int every = std::max(1, (last - first + n_wanted) / std::max(1, n_wanted));
  std::vector<Tick> ticks;
  for (int power = last; power >= first; power -= every)
    ticks.push_back({std::pow(10.0, power), power >= -2 && power <= 3
                                                ? number_text(std::pow(10.0, power))
                                                : fmt::format("1e{}", fixed_text(power, 0))});
  std::ranges::reverse(ticks);
  return ticks;
}

}  // namespace

double Scale::operator()(double value) const {
  const double share = kind == ScaleKind::log ? (std::log10(value) - std::log10(low)) /
                                                    (std::log10(high) - std::log10(low))
                                              : (value / 2 - low / 2) / (high / 2 - low / 2);
  return pixel_low + share * (pixel_high - pixel_low);
}

double Scale::clamped(double value) const {
  return std::clamp((*this)(value), std::min(pixel_low, pixel_high),
                    std::max(pixel_low, pixel_high));
}

double Scale::value_at(double pixel) const {
  const double share = (pixel - pixel_low) / (pixel_high - pixel_low);
  if (kind == ScaleKind::log)
    return std::pow(10.0, std::log10(low) + share * (std::log10(high) - std::log10(low)));
  return low + share * (high - low);
}

Range padded_range(std::span<const double> values, double padding) {
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  if (low > high) return {0, 1};
  const double size = std::max(std::fabs(low), std::fabs(high));
  // Below this the ticks of the axis would all have the same label.
  if (high / 2 - low / 2 <= 1e-12 * size) {
    const double margin = size == 0 ? 0.5 : size / 10;
    return {low - margin, high + margin};
  }
  const double margin = padding * 2 * (high / 2 - low / 2);
  return {low - margin, high + margin};
}

Range joined(Range a, Range b) { return {std::min(a.low, b.low), std::max(a.high, b.high)}; }

std::vector<Tick> ticks_of(const Scale& scale, int n_wanted) {
  if (scale.kind == ScaleKind::log) return log_ticks(scale, n_wanted);
  const double rough = (scale.high / n_wanted) - (scale.low / n_wanted);
  if (!(rough > 0) || !std::isfinite(rough)) return {};
  const double step = round_step(rough);
  const double largest = std::max(std::fabs(scale.low), std::fabs(scale.high));
  std::vector<Tick> ticks;
  const double first = std::ceil(scale.low / step - 1e-9);
  const double last = std::floor(scale.high / step + 1e-9);
  for (double k = first; k <= last; ++k)
    ticks.push_back({k * step, tick_label(k * step, step, largest)});
  return ticks;
}

}  // namespace gnomon::detail
