// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

namespace gnomon::detail {

// A file that grows at its end. append() hands its bytes to the kernel in one call, so that a
// process that is killed afterwards has written all of them, and one killed meanwhile a beginning.
class AppendFile {
 public:
  // Makes the file and its folders where they are missing. Throws FileError (write_failed).
  explicit AppendFile(const std::filesystem::path& path);
  ~AppendFile();
  AppendFile(AppendFile&& other) noexcept;
  AppendFile& operator=(AppendFile&& other) noexcept;
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;

  // Throws FileError (write_failed); what was written of `bytes` is then cut off again.
  void append(std::string_view bytes);
  // Drops everything behind the first `size` bytes. Throws FileError.
  void truncate(std::uint64_t size);

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  int fd_ = -1;
  std::uint64_t size_ = 0;
};

}  // namespace gnomon::detail
