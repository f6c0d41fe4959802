// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include "gnomon/tensor/dtype.h"

namespace gnomon {

// Decodes stored elements, plain or in GGML blocks, into numbers. The value of every element is exactly
// what GGML's reference `dequantize_row_*` gives in float32, widened where T is double. Threaded over
// blocks. Throws ShapeError where the sizes do not match and UnsupportedError for integer types.
template <class T>
void dequantize(std::span<T> values, Dtype dtype, std::span<const std::byte> bytes);

}  // namespace gnomon
