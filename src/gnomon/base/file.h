// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>

namespace gnomon {

// A file mapped read-only into memory: its bytes cost no copy and are paged in when touched.
// Throws FileError (not found, unreadable).
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

// The whole file as a string. Throws FileError where it is missing, unreadable or larger than
// `largest` bytes.
std::string read_text_file(const std::filesystem::path& path,
                           std::size_t largest = std::size_t{1} << 30);

// Writes beside `path` under a temporary name, flushes to disk, then renames: a reader sees the old
// file or the new one, never a part. On failure the temporary file is removed and `path` is as it
// was. Creates the parent folders. Throws FileError (write_failed).
void write_file_atomic(const std::filesystem::path& path, std::string_view content);
void write_file_atomic(const std::filesystem::path& path,
                       const std::function<void(std::ostream&)>& write);

// Lower-case hexadecimal SHA-256.
std::string sha256_hex(std::span<const std::byte> bytes);
std::string sha256_hex(std::string_view text);
std::string sha256_file(const std::filesystem::path& path);

}  // namespace gnomon
