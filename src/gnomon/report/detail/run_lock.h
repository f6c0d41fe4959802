// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

namespace gnomon::detail {

inline constexpr const char* kRunLockName = "run.lock";

// The right to write into a run, for as long as the object lives. The kernel holds the lock and
// drops it with the process, so the file that a killed process leaves behind locks nothing; the
// process number in the file only informs. Throws ArgumentError where another writer has it.
class RunLock {
 public:
  explicit RunLock(const std::filesystem::path& folder);
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

 private:
  std::filesystem::path path_;
  int fd_ = -1;
};

// Whether a process holds the lock of the run at this moment.
bool is_run_locked(const std::filesystem::path& folder);

}  // namespace gnomon::detail
