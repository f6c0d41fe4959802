// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>

namespace gnomon::test {

// A file without a disk, for readers that take a path and are tried with thousands of contents.
class MemoryFile {
 public:
  MemoryFile() : fd_(::memfd_create("gnomon-test", MFD_CLOEXEC)) {
    if (fd_ < 0) throw std::runtime_error("no memory file");
  }
  ~MemoryFile() { ::close(fd_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  // Nothing may have the file mapped at this time.
  void set(std::string_view content) {
    const auto size = static_cast<off_t>(content.size());
    if (::ftruncate(fd_, 0) != 0 || ::ftruncate(fd_, size) != 0 ||
        ::pwrite(fd_, content.data(), content.size(), 0) != size) {
      throw std::runtime_error("a memory file cannot be written");
    }
  }

  std::filesystem::path path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_;
};

}  // namespace gnomon::test
