// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/detail/append_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "gnomon/base/error.h"

namespace gnomon::detail {
namespace {

FileError write_failure(const std::filesystem::path& path, int error_number) {
  return {ErrorCode::write_failed,
          fmt::format("\"{}\" cannot be written: {}", path.string(),
                      std::generic_category().message(error_number)),
          "free some space or choose another folder"};
}

}  // namespace

AppendFile::AppendFile(const std::filesystem::path& path) : path_(path) {
  std::error_code error;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), error);
  if (error) throw write_failure(path, error.value());
  fd_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (fd_ < 0) throw write_failure(path, errno);
  struct stat status {};
  if (::fstat(fd_, &status) != 0) {
    const int why = errno;
    ::close(fd_);
    throw write_failure(path, why);
  }
  size_ = static_cast<std::uint64_t>(status.st_size);
}

AppendFile::~AppendFile() {
  if (fd_ >= 0) ::close(fd_);
}

AppendFile::AppendFile(AppendFile&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)), size_(other.size_) {}

AppendFile& AppendFile::operator=(AppendFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(fd_, other.fd_);
  std::swap(size_, other.size_);
  return *this;
}

void AppendFile::append(std::string_view bytes) {
  std::string_view rest = bytes;
  while (!rest.empty()) {
    const ssize_t n = ::write(fd_, rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      const int why = n < 0 ? errno : ENOSPC;
      // A part of a record would make what follows unreadable. Where even that fails, the reader
      // drops the part.
      if (::ftruncate(fd_, static_cast<off_t>(size_)) != 0) throw write_failure(path_, errno);
      throw write_failure(path_, why);
    }
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
  size_ += bytes.size();
}

void AppendFile::truncate(std::uint64_t size) {
  if (::ftruncate(fd_, static_cast<off_t>(size)) != 0) throw write_failure(path_, errno);
  size_ = size;
}

}  // namespace gnomon::detail
