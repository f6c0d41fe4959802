// SPDX-License-Identifier: Apache-2.0
// What reader and writer of safetensors files share: docs/formats/safetensors.md.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "gnomon/tensor/dtype.h"
#include "gnomon/tensor/view.h"

namespace gnomon::detail {

inline constexpr std::size_t kLengthBytes = 8;
inline constexpr std::uint64_t kLongestHeader = 100'000'000;  // the format's own limit
inline constexpr std::string_view kMetadataKey = "__metadata__";

inline constexpr std::array kDtypes = {Dtype::f64, Dtype::f32,    Dtype::f16, Dtype::bf16,
                                       Dtype::i64, Dtype::i32,    Dtype::i16, Dtype::i8,
                                       Dtype::u8,  Dtype::boolean};

// Nothing where an axis is negative or the product does not fit.
std::optional<std::uint64_t> byte_count(const std::vector<Index>& shape, Dtype dtype);

}  // namespace gnomon::detail
