// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <memory>
#include <new>

#include "gnomon/kernels/output.h"
#include "gnomon/tensor/view.h"

namespace gnomon::detail {

inline constexpr Index kMaxTileRows = 12;

// One tile of a product, c = Σ_k a(r, k) b(k, j), or c += with `accumulate`.
//
// a(r, k) is a[r a_row + k a_inner]   b is packed: [n_inner, n_col]   c(r, j) is c[r c_row + j]
//
// Every element is one chain of fused multiply-adds over k in order from 0, whatever the tile's
// shape, so that its bits depend on its own row and column alone, and are those of
//   for k: sum = std::fma(a(r, k), b(k, j), sum)
// on every machine that fuses in hardware. Where it does not, the products are rounded.
template <class T>
using TileFunction = void (*)(T* c, Index c_row, const T* a, Index a_row, Index a_inner, const T* b,
                              Index n_inner, bool accumulate);

template <class T>
struct Tiles {
  Index n_col = 0;                                            // columns of every tile
  Index n_row = 0;                                            // most rows of a tile
  std::array<TileFunction<T>, kMaxTileRows + 1> with_rows{};  // by number of rows, from 1 to n_row
};

// The tiles of the instruction set in use.
template <class T>
const Tiles<T>& tiles();

// Memory that is kept between calls and is not initialised; aligned for whole vectors.
template <class T>
class Scratch {
 public:
  T* at_least(Index n) {
    if (n > capacity_) {
      data_.reset();
      capacity_ = 0;
      data_.reset(
          static_cast<T*>(::operator new(static_cast<std::size_t>(n) * sizeof(T), kAlignment)));
      capacity_ = n;
    }
    return data_.get();
  }

 private:
  static constexpr std::align_val_t kAlignment{64};
  struct Free {
    void operator()(T* data) const { ::operator delete(data, kAlignment); }
  };
  std::unique_ptr<T, Free> data_;
  Index capacity_ = 0;
};

// A matrix by two strides: element (i, j) is data[i * row + j * col].
template <class T>
struct Factor {
  const T* data = nullptr;
  Index row = 0;
  Index col = 0;

  const T* at(Index i, Index j) const { return data + i * row + j * col; }
};

// Rows [first_k, first_k + n_k) of columns [first_j, first_j + n_j) as one panel [n_k, n_col],
// columns from n_j on being zero.
template <class T>
void pack_panel(T* panel, const Factor<T>& b, Index first_k, Index n_k, Index first_j, Index n_j,
                Index n_col);

// Terms of one chain of a sum of n_inner: the sum is cut into as few equal chains as have at most
// 128 terms. Each starts from 0 and is added to c in its turn, so that rounding grows with the
// length of a chain, not with that of the row.
Index chain_length(Index n_inner);

// c = a b, or c += a b, by chains with the guarantee of TileFunction. a [c.rows, n_inner],
// b [n_inner, c.cols], each with any strides. c overlaps neither. Threaded over rows and columns of
// c, never over the sum.
template <class T>
void multiply(MatrixView<T> c, const Factor<T>& a, const Factor<T>& b, Index n_inner,
              Output output = Output::overwrite);

// The same on the calling thread.
template <class T>
void multiply_serial(MatrixView<T> c, const Factor<T>& a, const Factor<T>& b, Index n_inner,
                     Output output = Output::overwrite);

}  // namespace gnomon::detail
