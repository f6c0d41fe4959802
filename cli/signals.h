// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace gnomon::cli {

// SIGINT and SIGTERM ask the library to stop (base/interrupt.h); a second one ends the process at
// once. SIGPIPE is ignored: a closed pipe is seen as a failed write.
void install_signal_handlers();

// The signal that asked to stop, or 0.
int stop_signal();

}  // namespace gnomon::cli
