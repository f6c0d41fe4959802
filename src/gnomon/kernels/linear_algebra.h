// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "gnomon/kernels/output.h"
#include "gnomon/tensor/tensor.h"
#include "gnomon/tensor/view.h"

namespace gnomon {

// Dense linear algebra in double. Products are the backend "packed" of kernels/matmul.h;
// factorisations are LAPACK's, on the calling thread, of at most 2^31 - 1 rows. Neither depends on
// the number of threads.

enum class Op { plain, transposed };

// c = op(a) op(b), or c += op(a) op(b). c must not overlap a or b. Throws ShapeError.
void multiply(MatrixView<double> c, MatrixView<const double> a, Op op_a, MatrixView<const double> b,
              Op op_b, Output output = Output::overwrite);

// g = xᵀ x [d, d] of x [n, d], or g += xᵀ x, where g must be symmetric. Exactly symmetric, at half
// the cost of multiply. Throws ShapeError.
void gram_of_columns(MatrixView<double> g, MatrixView<const double> x,
                     Output output = Output::overwrite);

// g = x xᵀ [n, n] of x [n, d]. Exactly symmetric. Throws ShapeError.
void gram_of_rows(MatrixView<double> g, MatrixView<const double> x);

// A = Σ_k value[k] v_k v_kᵀ, where v_k is row k of `vector`.
struct SymmetricEigen {
  std::vector<double> value;  // ascending
  Tensor<double> vector;  // [n, n], orthonormal rows; the entry of largest magnitude is positive
};

// Divide and conquer (LAPACK dsyevd). Reads the lower triangle of `a` [n, n]. Each eigenvalue is
// right to a few n eps |A|, so that those below n eps max |value| are zero as far as can be told.
// Throws ShapeError; NumericError for an entry that is not finite or where the iteration fails.
SymmetricEigen symmetric_eigen(MatrixView<const double> a);

// X with A X = B, for A [n, n] symmetric positive definite, of which the lower triangle is read,
// and B [n, k]. Throws ShapeError; NumericError for an entry that is not finite or where A is not
// positive definite in double precision.
Tensor<double> cholesky_solve(MatrixView<const double> a, MatrixView<const double> b);

}  // namespace gnomon
