// SPDX-License-Identifier: Apache-2.0
#include "gnomon/tensor/detail/safetensors_format.h"

#include <limits>

namespace gnomon::detail {

std::optional<std::uint64_t> byte_count(const std::vector<Index>& shape, Dtype dtype) {
  auto n = static_cast<std::uint64_t>(dtype_info(dtype).block_bytes);
  for (const Index axis : shape) {
    if (axis < 0) return std::nullopt;
    const auto factor = static_cast<std::uint64_t>(axis);
    if (factor > 0 && n > std::numeric_limits<std::int64_t>::max() / factor) return std::nullopt;
    n *= factor;
  }
  return n;
}

}  // namespace gnomon::detail
