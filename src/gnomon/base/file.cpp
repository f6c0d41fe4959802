// SPDX-License-Identifier: Apache-2.0
#include "gnomon/base/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ext/stdio_filebuf.h>
#include <memory>
#include <system_error>
#include <utility>

#include "gnomon/base/detail/file_digest.h"
#include "gnomon/base/detail/hex.h"
#include "gnomon/base/error.h"

namespace gnomon {
namespace {

namespace fs = std::filesystem;

std::string reason(int error_number) { return std::generic_category().message(error_number); }

FileError open_failure(const fs::path& path, int error_number) {
  if (error_number == ENOENT || error_number == ENOTDIR) {
    return {ErrorCode::not_found, fmt::format("\"{}\" does not exist", path.string())};
  }
  return {ErrorCode::unreadable,
          fmt::format("\"{}\" cannot be read: {}", path.string(), reason(error_number))};
}

constexpr mode_t kFileMode = 0666;

// umask can only be read by setting it, which other threads would notice: it is read once.
mode_t read_umask() {
  const mode_t mask = ::umask(022);
  ::umask(mask);
  return mask;
}

mode_t process_umask() {
  static const mode_t mask = read_umask();
  return mask;
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

FileError write_failure(const fs::path& path, const std::string& why) {
  return {ErrorCode::write_failed, fmt::format("\"{}\" cannot be written: {}", path.string(), why),
          "free some space or choose another folder; what stood there before is unchanged"};
}

// Removes the temporary file unless it was renamed.
struct TemporaryFile {
  fs::path path;
  bool keep = false;
  explicit TemporaryFile(fs::path p) : path(std::move(p)) {}
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    if (keep) return;
    std::error_code ignored;
    fs::remove(path, ignored);
  }
};

}  // namespace

MappedFile::MappedFile(const fs::path& path) : path_(path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) throw open_failure(path, errno);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) throw open_failure(path, errno);
  if (!S_ISREG(status.st_mode)) {
    throw FileError(ErrorCode::unreadable,
                    fmt::format("\"{}\" is not a regular file", path.string()));
  }
  size_ = static_cast<std::size_t>(status.st_size);
  if (size_ == 0) return;
  void* mapping = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (mapping == MAP_FAILED) throw open_failure(path, errno);
  data_ = static_cast<const std::byte*>(mapping);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

std::string read_text_file(const fs::path& path, std::size_t largest) {
  const MappedFile file(path);
  if (file.bytes().size() > largest) {
    throw FileError(fmt::format("\"{}\" has {} bytes, expected at most {}", path.string(),
                                file.bytes().size(), largest));
  }
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

void write_file_atomic(const fs::path& path, std::string_view content) {
  write_file_atomic(path, [content](std::ostream& out) {
    out.write(content.data(), static_cast<std::streamsize>(content.size()));
  });
}

void write_file_atomic(const fs::path& path, const std::function<void(std::ostream&)>& write) {
  std::error_code error;
  if (path.has_parent_path()) fs::create_directories(path.parent_path(), error);
  if (error) throw write_failure(path, error.message());
  std::string pattern = path.string() + ".tmp-XXXXXX";
  const int fd = ::mkstemp(pattern.data());
  if (fd < 0) throw write_failure(path, reason(errno));
  TemporaryFile temporary(pattern);
  {
    __gnu_cxx::stdio_filebuf<char> buffer(fd, std::ios::out | std::ios::binary);
    std::ostream out(&buffer);
    write(out);
    errno = 0;
    out.flush();
    if (!out) throw write_failure(path, errno != 0 ? reason(errno) : "the stream failed");
    if (::fsync(fd) != 0 && errno != EINVAL) throw write_failure(path, reason(errno));
    // mkstemp makes files that only their owner can read; results are for sharing.
    if (::fchmod(fd, kFileMode & ~process_umask()) != 0) throw write_failure(path, reason(errno));
  }
  fs::rename(temporary.path, path, error);
  if (error) throw write_failure(path, error.message());
  temporary.keep = true;
}

std::string sha256_hex(std::span<const std::byte> bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1) {
    throw InternalError("sha256_hex: OpenSSL refused SHA-256");
  }
  return detail::hex({digest.data(), size});
}

std::string sha256_hex(std::string_view text) { return sha256_hex(std::as_bytes(std::span(text))); }

std::string sha256_file(const fs::path& path) {
  return detail::file_digest(EVP_sha256(), "", MappedFile(path));
}

}  // namespace gnomon
