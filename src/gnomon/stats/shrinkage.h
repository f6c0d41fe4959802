// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gnomon/tensor/tensor.h"
#include "gnomon/tensor/view.h"

// in: rows   out: a covariance matrix that can be inverted

namespace gnomon {

// A covariance matrix drawn towards its own diagonal,
//
//   shrunk = (1 - intensity) Σ + intensity diag(Σ)
//   intensity = Σ_{i≠j} Var(r_ij) / Σ_{i≠j} r_ij², at least 0 and at most 1
//
// with the intensity that minimises the expected squared error of the correlations r_ij for
// independent rows: Schäfer and Strimmer 2005, Statistical Applications in Genetics and Molecular
// Biology 4:32, target D, Var(r_ij) as there from the products of standardised columns. Units of
// the columns do not matter. Columns that do not vary have no part in the intensity and get
// 1e-10 of the mean variance on the diagonal of `shrunk`, which is positive definite where any
// column varies and the intensity is above 0.
struct ShrunkCovariance {
  Tensor<double> covariance;  // [d, d], divides by n - 1
  Tensor<double> shrunk;      // [d, d]
  double intensity = 0;
  Index n = 0;
};

// Throws ArgumentError for fewer than 3 rows, NumericError for a value that is not finite.
ShrunkCovariance shrunk_covariance(MatrixView<const double> rows);

}  // namespace gnomon
