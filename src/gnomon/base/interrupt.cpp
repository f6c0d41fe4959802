// SPDX-License-Identifier: Apache-2.0
#include "gnomon/base/interrupt.h"

#include <csignal>

#include "gnomon/base/error.h"

namespace gnomon {
namespace {

volatile std::sig_atomic_t interrupt_requested = 0;  // NOLINT: a signal handler needs it

}  // namespace

void request_interrupt() noexcept { interrupt_requested = 1; }
void clear_interrupt() noexcept { interrupt_requested = 0; }

void check_interrupted() {
  if (interrupt_requested != 0) throw Error(ErrorCode::interrupted, "stopped on request");
}

}  // namespace gnomon
