// SPDX-License-Identifier: Apache-2.0
#include "gnomon/kernels/column_sort.h"

#include "gnomon/kernels/detail/instruction_set.h"

namespace gnomon {
namespace {

struct SortColumns {
  template <class T>
  static GNOMON_ALWAYS_INLINE void exchange(T* above, T* below, Index n_col) {
    GNOMON_INDEPENDENT_ITERATIONS
    for (Index j = 0; j < n_col; ++j) {
      const T a = above[j];
      const T b = below[j];
      above[j] = b < a ? b : a;
      below[j] = b < a ? a : b;
    }
  }

  template <class T>
  static GNOMON_ALWAYS_INLINE void run(MatrixView<T> x) {
    Index largest_power = 1;
    while (2 * largest_power < x.rows) largest_power *= 2;
    for (Index p = largest_power; p > 0; p /= 2) {
      Index r = 0;
      Index d = p;
      for (Index q = largest_power;; q /= 2) {
        for (Index i = 0; i + d < x.rows; ++i) {
          if ((i & p) == r) exchange(x.data + i * x.stride, x.data + (i + d) * x.stride, x.cols);
        }
        if (q == p) break;
        d = q - p;
        r = p;
      }
    }
  }
};

}  // namespace

template <class T>
void sort_columns(MatrixView<T> x) {
  if (x.rows > 1) detail::dispatch<SortColumns>(x);
}

template void sort_columns(MatrixView<float>);
template void sort_columns(MatrixView<double>);

}  // namespace gnomon
