// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "gnomon/tensor/view.h"

namespace gnomon {

// A row-major array that owns its memory. Its shape never changes after construction.
template <class T>
class Tensor {
 public:
  Tensor() = default;
  explicit Tensor(std::vector<Index> shape)
      : shape_(std::move(shape)), values_(static_cast<std::size_t>(count(shape_))) {}
  Tensor(std::vector<Index> shape, std::vector<T> values);  // throws ShapeError

  const std::vector<Index>& shape() const { return shape_; }
  Index size() const { return static_cast<Index>(values_.size()); }
  T* data() { return values_.data(); }
  const T* data() const { return values_.data(); }
  std::span<T> values() { return values_; }
  std::span<const T> values() const { return values_; }

  // The tensor as a matrix: all axes but the last are rows. A tensor without axes is 1 by 1.
  MatrixView<T> matrix() { return {data(), n_row(), n_col()}; }
  MatrixView<const T> matrix() const { return {data(), n_row(), n_col()}; }

 private:
  static Index count(const std::vector<Index>& shape);
  Index n_col() const { return shape_.empty() ? 1 : shape_.back(); }
  Index n_row() const { return n_col() == 0 ? 0 : size() / n_col(); }

  std::vector<Index> shape_ = {0};
  std::vector<T> values_;
};

// Column `j` of a matrix.
std::vector<double> column(MatrixView<const double> matrix, Index j);

// "[3, 768]"
std::string shape_text(const std::vector<Index>& shape);

extern template class Tensor<float>;
extern template class Tensor<double>;

}  // namespace gnomon
