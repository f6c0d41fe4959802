// SPDX-License-Identifier: Apache-2.0
#include "gnomon/train/lora.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "gnomon/base/error.h"
#include "gnomon/kernels/matmul.h"

namespace gnomon {
namespace {

// In place: optimizers look at the memory of `to`.
template <class T>
void copy_transposed(MatrixView<T> to, MatrixView<const T> from) {
  for (Index i = 0; i < from.rows; ++i) {
    for (Index j = 0; j < from.cols; ++j) to(j, i) = from(i, j);
  }
}

template <class T>
Tensor<T> transposed(const Tensor<T>& from) {
  Tensor<T> to({from.matrix().cols, from.matrix().rows});
  copy_transposed<T>(to.matrix(), from.matrix());
  return to;
}

// c = a b of plain matrices.
template <class T>
void product(MatrixView<T> c, MatrixView<const T> a, MatrixView<const T> b) {
  linear_forward<T>(c, a, {b.data, b.rows, b.cols, b.stride, WeightLayout::in_out}, {},
                    Backend::packed);
}

}  // namespace

template <class T>
LoraAdapter<T>::LoraAdapter(const ParameterSet<T>& base, Index rank, double alpha, Random random)
    : rank_(rank), alpha_(alpha) {
  for (const auto& [key, entry] : base.entries()) {
    LoraMatrix<T> matrix;
    matrix.row = entry.row;
    matrix.base = entry.values;
    const bool in_out = entry.row.layout == WeightLayout::in_out;
    const Index n_in = entry.row.shape[in_out ? 0 : 1];
    const Index n_out = entry.row.shape[in_out ? 1 : 0];
    if (rank > std::min(n_in, n_out)) {
      throw ArgumentError("lora: rank " + std::to_string(rank) +
                          " is above the smaller side of \"" + entry.row.name + "\" " +
                          shape_text(entry.row.shape));
    }
    matrix.a = Tensor<T>({rank, n_in});
    matrix.b = Tensor<T>({n_out, rank});
    matrix.grad_a = Tensor<T>({rank, n_in});
    matrix.grad_b = Tensor<T>({n_out, rank});
    const double bound = std::sqrt(3.0 / static_cast<double>(n_in));
    for (T& value : matrix.a.values()) value = static_cast<T>(bound * (2 * random.uniform() - 1));
    matrices_.push_back(std::move(matrix));
  }
}

template <class T>
void LoraAdapter<T>::apply(ParameterSet<T>& effective) const {
  const T scale = static_cast<T>(alpha_ / static_cast<double>(rank_));
  for (const LoraMatrix<T>& matrix : matrices_) {
    Tensor<T>& to = *effective.find(matrix.row.key);
    Tensor<T> change({matrix.b.shape()[0], matrix.a.shape()[1]});  // [n_out, n_in]
    product<T>(change.matrix(), matrix.b.matrix(), matrix.a.matrix());
    const MatrixView<const T> base = matrix.base.matrix();
    const bool in_out = matrix.row.layout == WeightLayout::in_out;
    for (Index i = 0; i < base.rows; ++i) {
      for (Index j = 0; j < base.cols; ++j) {
        to.matrix()(i, j) =
            base(i, j) + scale * (in_out ? change.matrix()(j, i) : change.matrix()(i, j));
      }
    }
  }
}

template <class T>
void LoraAdapter<T>::gradients(const ParameterSet<T>& grad) {
  const T scale = static_cast<T>(alpha_ / static_cast<double>(rank_));
  for (LoraMatrix<T>& matrix : matrices_) {
    const Tensor<T>& whole = *grad.find(matrix.row.key);
    const bool in_out = matrix.row.layout == WeightLayout::in_out;
    const Tensor<T> turned = transposed(whole);
    // grad_w [n_out, n_in] and its transpose.
    const MatrixView<const T> by_out = in_out ? turned.matrix() : whole.matrix();
    const MatrixView<const T> by_in = in_out ? whole.matrix() : turned.matrix();
    const Tensor<T> a_turned = transposed(matrix.a);
    product<T>(matrix.grad_b.matrix(), by_out, a_turned.matrix());
    Tensor<T> grad_a_turned({matrix.a.shape()[1], rank_});
    product<T>(grad_a_turned.matrix(), by_in, matrix.b.matrix());
    copy_transposed<T>(matrix.grad_a.matrix(), std::as_const(grad_a_turned).matrix());
    for (T& value : matrix.grad_a.values()) value *= scale;
    for (T& value : matrix.grad_b.values()) value *= scale;
  }
}

template class LoraAdapter<float>;
template class LoraAdapter<double>;

}  // namespace gnomon
