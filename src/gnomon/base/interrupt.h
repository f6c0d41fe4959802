// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace gnomon {

// Long loops call check_interrupted() between steps; it throws Error (interrupted) after
// request_interrupt(), which is safe to call from a signal handler.
void request_interrupt() noexcept;
void clear_interrupt() noexcept;
void check_interrupted();

}  // namespace gnomon
