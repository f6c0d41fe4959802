// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include "gnomon/tensor/dtype.h"

namespace gnomon {

// Decodes stored elements, plain or in GGML blocks, into numbers. The value of every element is
// exactly what GGML's reference `dequantize_row_*` gives in float32, widened where T is double; F64
// is kept where T is double and rounded to nearest where it is float. A NaN stays a NaN of any
// payload. The bytes need not be aligned. Threaded over blocks: same bits for any thread count.
// Throws ShapeError where the sizes do not match and UnsupportedError for integer types.
template <class T>
void dequantize(std::span<T> values, Dtype dtype, std::span<const std::byte> bytes);

extern template void dequantize<float>(std::span<float>, Dtype, std::span<const std::byte>);
extern template void dequantize<double>(std::span<double>, Dtype, std::span<const std::byte>);

}  // namespace gnomon
