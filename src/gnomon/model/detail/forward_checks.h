// SPDX-License-Identifier: Apache-2.0
// What run_forward refuses before it computes anything.
#pragma once

#include <span>

#include "gnomon/model/forward.h"

namespace gnomon::detail {

// Throw as run_forward says.
void check_batch(const ModelConfig& config, const PackedBatch& batch,
                 std::span<const Index> kept_rows);
template <class T>
void check_start(const ModelConfig& config, const PackedBatch& batch, const Hooks<T>& hooks,
                 const StreamStart<T>& start);

}  // namespace gnomon::detail
