// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/detail/run_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>

#include "gnomon/base/error.h"

namespace gnomon::detail {
namespace {

namespace fs = std::filesystem;

FileError lock_failure(const fs::path& path, int error_number) {
  return {ErrorCode::write_failed,
          fmt::format("\"{}\" cannot be locked: {}", path.string(),
                      std::generic_category().message(error_number)),
          "choose a folder that you may write to, on a file system with locks"};
}

// The number that the holder wrote, or nothing readable.
std::string holder(int fd) {
  std::array<char, 24> text{};
  const ssize_t n = ::pread(fd, text.data(), text.size(), 0);
  std::string digits;
  for (ssize_t i = 0; i < n && text[static_cast<std::size_t>(i)] >= '0' &&
                      text[static_cast<std::size_t>(i)] <= '9';
       ++i) {
    digits += text[static_cast<std::size_t>(i)];
  }
  return digits.empty() ? "another process" : "process " + digits;
}

struct flock whole_file(short type) {
  struct flock range {};
  range.l_type = type;
  range.l_whence = SEEK_SET;
  return range;
}

// A holder that ends removes the file: whoever waited on that file has locked a name that is gone.
bool is_still_at(int fd, const fs::path& path) {
  struct stat opened {};
  struct stat named {};
  return ::fstat(fd, &opened) == 0 && ::lstat(path.c_str(), &named) == 0 &&
         opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

void write_process_number(int fd, const fs::path& path) {
  const std::string text = fmt::format("{}\n", ::getpid());
  if (::ftruncate(fd, 0) != 0 ||
      ::pwrite(fd, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
    throw lock_failure(path, errno);
  }
}

}  // namespace

RunLock::RunLock(const fs::path& folder) : path_(folder / kRunLockName) {
  for (;;) {
    fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fd_ < 0) throw lock_failure(path_, errno);
    struct flock range = whole_file(F_WRLCK);
    // A lock of the open file, not of the process: two writers in one process exclude each other
    // too.
    if (::fcntl(fd_, F_OFD_SETLK, &range) != 0) {
      const int why = errno;
      const std::string who = holder(fd_);
      ::close(fd_);
      if (why != EAGAIN && why != EACCES) throw lock_failure(path_, why);
      throw ArgumentError(fmt::format("\"{}\" is being written by {}, expected no other writer",
                                      folder.string(), who),
                          "wait for it to end, or choose another folder with --out");
    }
    if (is_still_at(fd_, path_)) break;
    ::close(fd_);
  }
  try {
    write_process_number(fd_, path_);
  } catch (...) {
    ::unlink(path_.c_str());
    ::close(fd_);
    throw;
  }
}

RunLock::~RunLock() {
  // Removed while still locked: a later holder's file must not be the one that goes.
  ::unlink(path_.c_str());
  ::close(fd_);
}

bool is_run_locked(const fs::path& folder) {
  const int fd = ::open((folder / kRunLockName).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return false;
  struct flock range = whole_file(F_RDLCK);
  const bool locked = ::fcntl(fd, F_OFD_GETLK, &range) == 0 && range.l_type != F_UNLCK;
  ::close(fd);
  return locked;
}

}  // namespace gnomon::detail
