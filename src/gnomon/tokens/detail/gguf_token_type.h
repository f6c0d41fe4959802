// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace gnomon::detail {

// The numbers of tokenizer.ggml.token_type.
enum GgufTokenType : std::int32_t {
  kNormalToken = 1,
  kUnknownToken = 2,
  kControlToken = 3,
  kUserDefinedToken = 4,
  kUnusedToken = 5,
  kByteToken = 6,
};

}  // namespace gnomon::detail
