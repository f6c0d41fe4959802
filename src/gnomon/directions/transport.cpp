// SPDX-License-Identifier: Apache-2.0
#include "gnomon/directions/transport.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "gnomon/base/error.h"

namespace gnomon {
namespace {

SiteRewriting checked_rewriting(std::string_view function, const Direction<Space::raw>& direction,
                                const Model& raw, const WeightProcessing& processing,
                                const std::string& expected_weights) {
  if (raw.source().weights != "raw") {
    throw ArgumentError(
        fmt::format("{}: the model's weights are \"{}\", expected the model with "
                    "its weights as stored",
                    function, raw.source().weights));
  }
  if (direction.weights != expected_weights) {
    throw ArgumentError(
        ErrorCode::wrong_site,
        fmt::format("{}: direction \"{}\" belongs to the weights \"{}\", expected \"{}\"", function,
                    direction.name, direction.weights, expected_weights));
  }
  if (direction.site.coordinate) {
    throw ArgumentError(ErrorCode::wrong_site,
                        fmt::format("{}: {}, expected a site without a coordinate", function,
                                    site_name(direction.site, raw.config())));
  }
  const SiteRewriting rewriting = site_rewriting(raw, processing, direction.site);
  const auto width = static_cast<std::size_t>(site_width(direction.site.kind, raw.config()));
  if (direction.weight.size() != width) {
    throw ShapeError(fmt::format("{}: direction \"{}\" has {} numbers, expected {} as {}", function,
                                 direction.name, direction.weight.size(), width,
                                 site_name(direction.site, raw.config())));
  }
  if (!std::ranges::all_of(direction.weight, [](double value) { return std::isfinite(value); }) ||
      !std::isfinite(direction.bias)) {
    throw NumericError(fmt::format("{}: direction \"{}\" is not finite", function, direction.name));
  }
  return rewriting;
}

// Of a direction whose mean was taken out in float32 or float64, Σ h is what rounding leaves of it.
bool reads_the_mean(const std::vector<double>& weight) {
  const double sum = std::accumulate(weight.begin(), weight.end(), 0.0);
  double size = 0;
  for (const double value : weight) size += std::abs(value);
  return std::abs(sum) > 8 * double{std::numeric_limits<float>::epsilon()} * size;
}

}  // namespace

Direction<Space::raw> to_processed(const Direction<Space::raw>& direction, const Model& raw,
                                   const WeightProcessing& processing) {
  const SiteRewriting rewriting =
      checked_rewriting("to_processed", direction, raw, processing, "raw");
  if (rewriting.centred && reads_the_mean(direction.weight)) {
    throw ArgumentError(
        fmt::format("to_processed: direction \"{}\" reads the mean of {}, which processed weights "
                    "take out",
                    direction.name, site_name(direction.site, raw.config())),
        "take the mean out of the direction first, and say that it is another one");
  }
  Direction<Space::raw> moved = direction;
  moved.weights = weight_processing_name(processing);
  if (!rewriting.shift.empty()) moved.bias += dot(direction.weight, rewriting.shift);
  for (std::size_t i = 0; i < rewriting.scale.size(); ++i) moved.weight[i] *= rewriting.scale[i];
  return moved;
}

Direction<Space::raw> to_raw(const Direction<Space::raw>& direction, const Model& raw,
                             const WeightProcessing& processing) {
  const SiteRewriting rewriting =
      checked_rewriting("to_raw", direction, raw, processing, weight_processing_name(processing));
  Direction<Space::raw> moved = direction;
  moved.weights = "raw";
  for (std::size_t i = 0; i < rewriting.scale.size(); ++i) {
    if (rewriting.scale[i] == 0) {
      throw ArgumentError(fmt::format(
          "to_raw: the norm's weight {} is 0: what direction \"{}\" reads there is not in {} of "
          "the weights as stored",
          i, direction.name, site_name(direction.site, raw.config())));
    }
    moved.weight[i] /= rewriting.scale[i];
  }
  if (!rewriting.shift.empty()) moved.bias -= dot(moved.weight, rewriting.shift);
  if (rewriting.centred) moved.weight = centred(moved).weight;
  return moved;
}

}  // namespace gnomon
