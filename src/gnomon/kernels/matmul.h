// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>

#include "gnomon/kernels/output.h"
#include "gnomon/tensor/view.h"

namespace gnomon {

// Who computes a matrix product.
//
// packed     our own loops. Every element of y is a sum of chains of fused multiply-adds over n_in
//            in order, of 128 terms at most, so a row's bits depend on that row, the weight and the
//            bias alone: not on the rows computed beside it, the layout, the threads, or AVX2
//            against AVX-512.
// blas       the system's CBLAS. OpenBLAS 0.3.21 gives a row other bits where it stands elsewhere
//            among the rows or has other company: up to rounding it is the same.
// reference  plain loops with sums in double, the oracle of tests.
enum class Backend { reference, blas, packed };
inline constexpr std::array kAllBackends = {Backend::packed, Backend::blas, Backend::reference};

std::string_view backend_name(Backend backend);

// What options of runs begin with: packed, unless it was set. For a whole program, as
// `gnomon --backend` sets it.
void set_default_backend(Backend backend);
Backend default_backend();

// What products are computed with here, for people: "AVX2; matrix products: packed".
std::string kernels_description();
// "OpenBLAS 0.3.21 ... Haswell", or "CBLAS" where the library does not say.
std::string blas_description();

// How a checkpoint stores a projection: GPT-2's Conv1D has [n_in, n_out], every Linear has
// [n_out, n_in].
enum class WeightLayout { in_out, out_in };

// Where the outputs of a projection stand among those of a larger one that is stored: `size` side
// by side, the next `size` of them `distance` outputs further on. 0: all side by side. GPT-NeoX
// stores query, key and value of one head after the other's, so that its queries are n_heads
// groups.
struct OutputGroups {
  Index size = 0;
  Index distance = 0;

  Index stored(Index o) const { return size == 0 ? o : o / size * distance + o % size; }
};

// A projection W from n_in to n_out numbers, whose weights somebody else owns. `stride` is the
// distance in elements between rows as stored.
template <class T>
struct WeightView {
  const T* data = nullptr;
  Index n_in = 0;
  Index n_out = 0;
  Index stride = 0;
  WeightLayout layout = WeightLayout::out_in;
  OutputGroups groups = {};

  const T& operator()(Index i, Index o) const {
    const Index at = groups.stored(o);
    return layout == WeightLayout::in_out ? data[i * stride + at] : data[at * stride + i];
  }
};

// The gradient of a projection's weights, laid out as they are.
template <class T>
struct GradWeightView {
  T* data = nullptr;
  Index n_in = 0;
  Index n_out = 0;
  Index stride = 0;
  WeightLayout layout = WeightLayout::out_in;
  OutputGroups groups = {};
};

// y = x W + bias; an empty bias is none.
//
// x [n_row, n_in]   y [n_row, n_out]   bias [n_out], added last; where the weight's outputs stand
// in groups its numbers do too, and it reaches to the last of them. Overwrites y, which must not
// overlap x. The sum over n_in is never split across threads. Throws ShapeError.
template <class T>
void linear_forward(MatrixView<T> y, MatrixView<const T> x, const WeightView<T>& weight,
                    std::span<const T> bias, Backend backend);

// The gradient of the loss with respect to x:
//
//   grad_x = grad_y Wᵀ, or grad_x += grad_y Wᵀ
//
// grad_x [n_row, n_in]   grad_y [n_row, n_out]. grad_x must not overlap grad_y. With packed a row's
// bits depend on that row of grad_x and grad_y and on the weight alone: chains over n_out in order,
// added in turn. The sum is never split across threads. Throws ShapeError.
template <class T>
void linear_backward_input(MatrixView<T> grad_x, MatrixView<const T> grad_y,
                           const WeightView<T>& weight, Output output, Backend backend);

// The gradients with respect to the weight and the bias:
//
//   grad_weight += xᵀ grad_y        grad_bias += Σ_row grad_y
//
// An empty grad_bias is none; a grad_weight with null data is none. grad_bias stands in the groups
// of grad_weight, as bias does. Neither overlaps x or grad_y. The sum over rows is never split
// across threads. With packed an element of grad_weight is chains over the rows in order, added in
// turn to what stands there: the same bits with any number of threads. grad_bias is summed in
// double and then added, the same bits with every backend. Throws ShapeError.
template <class T>
void linear_backward_weight(const GradWeightView<T>& grad_weight, std::span<T> grad_bias,
                            MatrixView<const T> x, MatrixView<const T> grad_y, Backend backend);

}  // namespace gnomon
