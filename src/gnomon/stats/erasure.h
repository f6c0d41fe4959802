// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "gnomon/tensor/tensor.h"
#include "gnomon/tensor/view.h"

// in: rows and what is to be forgotten of them   out: rows without it

namespace gnomon {

// x' = x - remove ((x - mean) · read), an affine map of rank one. keep() is its complement, the
// mean plus what is taken away.
struct RankOneErasure {
  std::vector<double> mean;    // [d] of the rows it was fitted on
  std::vector<double> read;    // [d]
  std::vector<double> remove;  // [d], read · remove = 1

  // Throw ShapeError.
  std::vector<double> erased(std::span<const double> row) const;
  std::vector<double> kept(std::span<const double> row) const;
};

// The mean projection: every row's component along `direction` becomes that of the mean,
// read = remove = direction / |direction|. Throws ArgumentError (bad_data) for a direction of zeros
// or no rows, ShapeError.
RankOneErasure mean_projection(MatrixView<const double> rows, std::span<const double> direction);

// LEACE of one concept z: of all affine maps after which no linear predictor of z does better than
// the mean, the one that changes the rows least in the metric of their inverse covariance. Belrose
// et al. 2023, arXiv:2306.03819, theorem 4.3, whose r(x) = x - W⁺ P W (x - mean), with
// W = (Σ^½)⁺ and P the projector on W Σ_xz, is for a single z
//
//   remove = Σ_xz = cov(x, z)      read = Σ⁺ Σ_xz / (Σ_xzᵀ Σ⁺ Σ_xz)
//
// Σ is the covariance of `rows`, not shrunk; eigenvalues below max(n, d) eps of the largest count
// as 0. After it cov(x', z) = 0 on these rows. Throws ArgumentError (bad_data) for fewer than 2
// rows, labels that are all the same or have no covariance with any column, ShapeError,
// NumericError.
RankOneErasure leace(MatrixView<const double> rows, std::span<const double> z);

}  // namespace gnomon
