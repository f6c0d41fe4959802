// SPDX-License-Identifier: Apache-2.0
// in: texts, sites and a quantity   out: the quantity's gradient at those sites
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "gnomon/activations/capture.h"

namespace gnomon {

// For each text alone, d quantity / d site at the sites and positions asked for. The quantity of a
// text is
//   `of` given   the sum of that coordinate over the positions that `of` names in the text
//   else         the mean next-token loss of the text, in nats
// The gradient counts everything downstream of the site, later tokens included; it is 0 where the
// quantity does not depend on the site's number, and at a masked attention score. The site of the
// quantity itself has gradient 1.
//
// Throws as capture does, and ArgumentError: usage where `of` has no coordinate, or a site lies
// after it; bad_data for a text of one token where the loss is asked for.
template <class T>
std::vector<Activations<T>> capture_gradients(const Model& model,
                                              std::span<const std::vector<TokenId>> texts,
                                              std::span<const SiteAt> sites,
                                              const std::optional<SiteAt>& of,
                                              const RunOptions& options);

// What capture_gradients throws before it runs anything.
void check_gradients(std::span<const std::vector<TokenId>> texts, std::span<const SiteAt> sites,
                     const std::optional<SiteAt>& of, const ModelConfig& config);

// d quantity / d row, as long as the row, of one text whose quantity is a function of its row at
// one site and token.
template <class T>
using RowGradient = std::function<std::vector<double>(Index text, std::span<const T> row)>;

// The same for a quantity that is any function of the row of `of` at token position[t] of each
// text: what a head or a loss makes of it. `gradient` is called once for each text, in order.
//
// Throws as capture does, and ArgumentError: usage where `of` has a coordinate or a site lies after
// it; out_of_range for a token that a text does not have; ShapeError where there is not one
// position for each text, or a gradient has another length than the row.
template <class T>
std::vector<Activations<T>> capture_row_gradients(const Model& model,
                                                  std::span<const std::vector<TokenId>> texts,
                                                  std::span<const SiteAt> sites, const Site& of,
                                                  std::span<const Index> position,
                                                  const RowGradient<T>& gradient,
                                                  const RunOptions& options);

}  // namespace gnomon
