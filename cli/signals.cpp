// SPDX-License-Identifier: Apache-2.0
#include "cli/signals.h"

#include <signal.h>  // sigaction
#include <unistd.h>

#include <csignal>

#include "gnomon/base/interrupt.h"

namespace gnomon::cli {
namespace {

volatile std::sig_atomic_t received = 0;  // NOLINT: a signal handler needs it

// Only functions that are safe in a signal handler.
void on_stop_signal(int signal_number) {
  if (received != 0) ::_exit(128 + signal_number);
  received = signal_number;
  request_interrupt();
  constexpr char kNote[] = "\nstopping after this step; once more to stop at once\n";
  [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, kNote, sizeof kNote - 1);
}

}  // namespace

void install_signal_handlers() {
  struct sigaction action = {};
  action.sa_handler = on_stop_signal;
  ::sigemptyset(&action.sa_mask);
  // No SA_RESTART: a read from the terminal must return so that the request is seen.
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

int stop_signal() { return received; }

}  // namespace gnomon::cli
