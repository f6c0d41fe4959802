// SPDX-License-Identifier: Apache-2.0
#include "gnomon/directions/direction.h"

#include <fmt/format.h>

#include <cmath>
#include <numeric>

#include "gnomon/base/error.h"

namespace gnomon {
namespace {

std::string plain_name(const Site& site) {
  const HookPoint& point = hook_point(site.kind);
  return point.per_block ? fmt::format("blocks.{}.{}", site.layer, point.name)
                         : std::string(point.name);
}

void require_same_weights(std::string_view function, const std::string& name,
                          const std::string& weights, std::string_view other,
                          const std::string& other_weights) {
  if (weights == other_weights) return;
  throw ArgumentError(
      ErrorCode::wrong_site,
      fmt::format("{}: direction \"{}\" belongs to the weights \"{}\", {} to \"{}\": products of "
                  "the two mean nothing",
                  function, name, weights, other, other_weights),
      "make both with the same --weights");
}

}  // namespace

double dot(std::span<const double> a, std::span<const double> b) {
  if (a.size() != b.size())
    throw ShapeError(fmt::format("dot: {} and {} numbers", a.size(), b.size()));
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

double norm(const std::vector<double>& vector) { return std::sqrt(dot(vector, vector)); }

template <Space S>
std::vector<double> project(const Direction<S>& direction, const Stream<S>& stream) {
  if (direction.site != stream.site) {
    throw ArgumentError(
        ErrorCode::wrong_site,
        fmt::format("project: direction \"{}\" belongs to \"{}\", the stream is \"{}\"",
                    direction.name, plain_name(direction.site), plain_name(stream.site)),
        fmt::format("capture \"{}\" and project there", plain_name(direction.site)));
  }
  require_same_weights("project", direction.name, direction.weights, "the stream",
                       stream.weights);
  std::vector<double> projection(static_cast<std::size_t>(stream.rows.rows));
  for (Index i = 0; i < stream.rows.rows; ++i)
    projection[static_cast<std::size_t>(i)] = dot(stream.rows.row(i), direction.weight);
  return projection;
}

template <Space S>
double cosine(const Direction<S>& a, const Direction<S>& b) {
  require_same_weights("cosine", a.name, a.weights, "\"" + b.name + "\"", b.weights);
  const double lengths = norm(a.weight) * norm(b.weight);
  return lengths > 0 ? dot(a.weight, b.weight) / lengths : 0;
}

Direction<Space::centred> centred(const Direction<Space::raw>& direction) {
  const double mean = std::accumulate(direction.weight.begin(), direction.weight.end(), 0.0) /
                      static_cast<double>(direction.weight.size());
  Direction<Space::centred> result{direction.name, direction.site, direction.weight, direction.bias,
                                   direction.origin, direction.weights};
  for (double& w : result.weight) w -= mean;
  return result;
}

template std::vector<double> project(const Direction<Space::raw>&, const Stream<Space::raw>&);
template std::vector<double> project(const Direction<Space::centred>&,
                                     const Stream<Space::centred>&);
template std::vector<double> project(const Direction<Space::folded>&, const Stream<Space::folded>&);
template double cosine(const Direction<Space::raw>&, const Direction<Space::raw>&);
template double cosine(const Direction<Space::centred>&, const Direction<Space::centred>&);
template double cosine(const Direction<Space::folded>&, const Direction<Space::folded>&);

}  // namespace gnomon
