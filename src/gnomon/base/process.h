// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace gnomon {

struct ProcessResult {
  int exit_status = 0;  // 128 + n where signal n ended it
  bool timed_out = false;
  std::string output;  // the last 64 KiB of what it wrote to its output and error streams
};

struct EnvironmentEntry {
  std::string name;
  std::string value;
};

// Runs argv[0], found through the search path, with exactly these arguments: no shell sees them.
// Its input is empty; it inherits the environment, in which `extra` replaces or adds entries. Waits
// for its end; on the timeout and on request_interrupt() it and its children are asked to stop
// (SIGINT) and, two seconds later, killed. Throws FileError where it cannot be started, and Error
// (interrupted).
ProcessResult run_process(const std::vector<std::string>& argv,
                          const std::vector<EnvironmentEntry>& extra,
                          std::chrono::milliseconds timeout);

// Starts argv[0], found through the search path, and does not wait: it is in a session of its own
// and outlives this process; its input is empty and its output goes nowhere. Throws FileError where
// it cannot be started.
void start_process(const std::vector<std::string>& argv);

}  // namespace gnomon
