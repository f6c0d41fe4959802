// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <type_traits>

namespace gnomon {

using Index = std::int64_t;

// A row-major matrix that somebody else owns: element (i, j) is data[i * stride + j].
template <class T>
struct MatrixView {
  T* data = nullptr;
  Index rows = 0;
  Index cols = 0;
  Index stride = 0;

  MatrixView() = default;
  MatrixView(T* data_, Index rows_, Index cols_) : MatrixView(data_, rows_, cols_, cols_) {}
  MatrixView(T* data_, Index rows_, Index cols_, Index stride_)
      : data(data_), rows(rows_), cols(cols_), stride(stride_) {}
  // A view that may be written reads as one that may not.
  template <class U>
  requires(std::is_same_v<const U, T> && !std::is_const_v<U>)
      MatrixView(MatrixView<U> other)  // NOLINT(google-explicit-constructor)
      : MatrixView(other.data, other.rows, other.cols, other.stride) {}

  T& operator()(Index i, Index j) const { return data[i * stride + j]; }
  std::span<T> row(Index i) const { return {data + i * stride, static_cast<std::size_t>(cols)}; }
  MatrixView columns(Index first, Index n) const { return {data + first, rows, n, stride}; }
  MatrixView row_range(Index first, Index n) const {
    return {data + first * stride, n, cols, stride};
  }
};

}  // namespace gnomon
