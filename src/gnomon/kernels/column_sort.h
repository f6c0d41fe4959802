// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gnomon/tensor/view.h"

namespace gnomon {

// Sorts every column of x [n_row, n_col], the smallest value first, in place and on one thread.
//
// Batcher's merge exchange, whose comparisons do not depend on the values (Knuth, The Art of
// Computer Programming 3, section 5.2.2, algorithm M): a comparison of two rows is done for many
// columns at once. About n_row log2(n_row)² / 4 of them. Values must be numbers.
template <class T>
void sort_columns(MatrixView<T> x);

}  // namespace gnomon
