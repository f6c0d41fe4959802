// SPDX-License-Identifier: Apache-2.0
// How a call from Python into the library runs: without the interpreter's lock, and until Ctrl-C.
#pragma once

#include <nanobind/nanobind.h>

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

namespace gnomon::python {

namespace nb = nanobind;

// While one lives, SIGINT also asks the library to stop (base/interrupt.h). Python's own handler is
// called as before: what it raises is what the call raises. Calls of several threads share it, and
// one Ctrl-C stops all of them. Where SIGINT is ignored or ends the process, it stays so.
class InterruptScope {
 public:
  InterruptScope();
  ~InterruptScope();
  InterruptScope(const InterruptScope&) = delete;
  InterruptScope& operator=(const InterruptScope&) = delete;
};

// Runs `body` without the interpreter's lock. It must not touch Python objects.
template <class Body>
auto long_call(Body&& body) {
  // A Ctrl-C from before the scope would not be seen until the call ends.
  const InterruptScope interrupts;
  if (PyErr_CheckSignals() != 0) throw nb::python_error();
  const nb::gil_scoped_release released;
  return std::forward<Body>(body)();
}

// A call's `progress`: None for none, True for a line on sys.stderr, or a function of (done,
// total). What the function raises ends the call.
std::function<void(std::int64_t done, std::int64_t total)> progress_function(
    const nb::object& progress, const std::string& stage, const std::string& unit);

}  // namespace gnomon::python
