// SPDX-License-Identifier: Apache-2.0
#include "gnomon/base/interrupt.h"

#include <atomic>

#include "gnomon/base/error.h"

namespace gnomon {
namespace {

// Set by a signal handler, or by another thread.
std::atomic<bool> interrupt_requested = false;
static_assert(std::atomic<bool>::is_always_lock_free);

}  // namespace

void request_interrupt() noexcept { interrupt_requested = true; }
void clear_interrupt() noexcept { interrupt_requested = false; }

void check_interrupted() {
  if (interrupt_requested) throw Error(ErrorCode::interrupted, "stopped on request");
}

}  // namespace gnomon
