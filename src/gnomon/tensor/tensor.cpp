// SPDX-License-Identifier: Apache-2.0
#include "gnomon/tensor/tensor.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <limits>
#include <utility>

#include "gnomon/base/error.h"

namespace gnomon {

template <class T>
Index Tensor<T>::count(const std::vector<Index>& shape) {
  Index n = 1;
  for (const Index axis : shape) {
    if (axis < 0 || (axis > 0 && n > std::numeric_limits<Index>::max() / axis)) {
      throw ShapeError(fmt::format("Tensor: shape {} has no size", shape_text(shape)));
    }
    n *= axis;
  }
  return n;
}

template <class T>
Tensor<T>::Tensor(std::vector<Index> shape, std::vector<T> values)
    : shape_(std::move(shape)), values_(std::move(values)) {
  if (count(shape_) != size()) {
    throw ShapeError(fmt::format("Tensor: {} values, expected {} for shape {}", size(),
                                 count(shape_), shape_text(shape_)));
  }
}

std::vector<double> column(MatrixView<const double> matrix, Index j) {
  std::vector<double> values;
  values.reserve(static_cast<std::size_t>(matrix.rows));
  for (Index i = 0; i < matrix.rows; ++i) values.push_back(matrix(i, j));
  return values;
}

std::string shape_text(const std::vector<Index>& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

template class Tensor<float>;
template class Tensor<double>;

}  // namespace gnomon
