// SPDX-License-Identifier: Apache-2.0
#include "python/bindings/calls.h"

#include <signal.h>  // sigaction

#include <memory>
#include <mutex>

#include "cli/progress.h"
#include "cli/terminal.h"
#include "gnomon/base/interrupt.h"
#include "python/bindings/python_stream.h"

namespace gnomon::python {
namespace {

struct SharedHandler {
  std::mutex mutex;
  int n_scope = 0;
  bool installed = false;
  struct sigaction previous = {};
};

SharedHandler& shared_handler() {
  static SharedHandler shared;
  return shared;
}

// Only what is safe in a signal handler. `previous` was written before this was installed.
void on_interrupt(int signal_number, siginfo_t* info, void* context) {
  request_interrupt();
  const struct sigaction& previous = shared_handler().previous;
  if ((previous.sa_flags & SA_SIGINFO) != 0) {
    previous.sa_sigaction(signal_number, info, context);
  } else {
    previous.sa_handler(signal_number);
  }
}

}  // namespace

InterruptScope::InterruptScope() {
  SharedHandler& shared = shared_handler();
  const std::lock_guard lock(shared.mutex);
  if (shared.n_scope++ > 0) return;
  clear_interrupt();
  ::sigaction(SIGINT, nullptr, &shared.previous);
  if ((shared.previous.sa_flags & SA_SIGINFO) == 0 &&
      (shared.previous.sa_handler == SIG_DFL || shared.previous.sa_handler == SIG_IGN))
    return;
  struct sigaction action = shared.previous;
  action.sa_flags |= SA_SIGINFO;
  action.sa_sigaction = on_interrupt;
  shared.installed = ::sigaction(SIGINT, &action, nullptr) == 0;
}

InterruptScope::~InterruptScope() {
  SharedHandler& shared = shared_handler();
  const std::lock_guard lock(shared.mutex);
  if (--shared.n_scope > 0) return;
  if (shared.installed) ::sigaction(SIGINT, &shared.previous, nullptr);
  shared.installed = false;
  clear_interrupt();
}

std::function<void(std::int64_t, std::int64_t)> progress_function(const nb::object& progress,
                                                                  const std::string& stage,
                                                                  const std::string& unit) {
  if (progress.is_none() || progress.is(nb::bool_(false))) return {};
  if (!progress.is(nb::bool_(true))) {
    if (PyCallable_Check(progress.ptr()) == 0)
      throw nb::type_error("progress: expected None, True, or a function of (done, total)");
    // The object outlives the call, which holds its arguments.
    return [function = nb::handle(progress)](std::int64_t done, std::int64_t total) {
      const nb::gil_scoped_acquire acquired;
      function(done, total);
    };
  }
  const auto stream = std::make_shared<PythonStream>("stderr");
  cli::ProgressOutput output;
  output.stream = &stream->stream();
  output.style = cli::can_redraw(stream->is_terminal(), cli::environment_variable)
                     ? cli::ProgressStyle::bar
                     : cli::ProgressStyle::plain;
  output.utf8 = cli::speaks_utf8(cli::environment_variable);
  const auto line = std::make_shared<cli::Progress>(std::move(output), stage, 0, unit);
  return [stream, line](std::int64_t done, std::int64_t total) {
    line->update(done, total);
    if (done == total) line->finish();
  };
}

}  // namespace gnomon::python
