// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace gnomon {

using TokenId = std::int32_t;

}  // namespace gnomon
