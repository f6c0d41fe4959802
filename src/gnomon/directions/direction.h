// SPDX-License-Identifier: Apache-2.0
// in: weights, or activations and a truth   out: vectors, with the site at which they are read or
// written
#pragma once

#include <string>
#include <vector>

#include "gnomon/model/hook_points.h"
#include "gnomon/tensor/tensor.h"

namespace gnomon {

// The coordinates in which a vector of d_model numbers is written.
//   raw      those of the checkpoint
//   centred  the mean over d_model taken out: what a LayerNorm sees of the residual stream
//   folded   those of hook_normalized: the norm's weight multiplied into the direction that reads
//   it
// A vector of one space has no meaningful product with a vector of another, so the space is part of
// the type.
enum class Space { raw, centred, folded };

// A vector that is read from, or written to, the stream at one site.
template <Space S>
struct Direction {
  std::string name;
  Site site;                   // without a coordinate
  std::vector<double> weight;  // [d_model]
  double bias = 0;             // added to the projection; 0 for directions that are written
  std::string origin;          // how it came about: "weights", "ridge", "basis", "mean gradient"
  std::string weights = "raw";  // under which processing of the weights (weight_processing.h)
};

// Rows of the stream at one site.
template <Space S>
struct Stream {
  Site site;
  MatrixView<const double> rows;  // [n_row, d_model]
  std::string weights = "raw";    // as of a direction
};

// rows · weight, without the bias. Throws ArgumentError (wrong_site) where the direction is not
// read at the stream's site or belongs to weights that were processed otherwise, ShapeError where
// the widths differ.
template <Space S>
std::vector<double> project(const Direction<S>& direction, const Stream<S>& stream);

// Cosine of the angle between two vectors, whatever their sites: 0 for a vector of zeros. Throws
// ArgumentError (wrong_site) for vectors of differently processed weights.
template <Space S>
double cosine(const Direction<S>& a, const Direction<S>& b);

// The direction as a LayerNorm sees it: its component along the vector of ones is gone.
Direction<Space::centred> centred(const Direction<Space::raw>& direction);

double norm(const std::vector<double>& vector);
double dot(std::span<const double> a, std::span<const double> b);

}  // namespace gnomon
