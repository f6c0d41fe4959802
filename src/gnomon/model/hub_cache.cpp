// SPDX-License-Identifier: Apache-2.0
#include "gnomon/model/hub_cache.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <thread>
#include <utility>

#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/base/git_hash.h"
#include "gnomon/base/interrupt.h"
#include "gnomon/base/quote.h"
#include "gnomon/model/detail/safetensors_files.h"

namespace gnomon {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kFewestCommitDigits = 7;
constexpr std::size_t kLargestRef = 4096;  // bytes
constexpr mode_t kLockMode = 0664;         // users who share a cache wait for one another
constexpr std::chrono::milliseconds kLockPause{100};

constexpr std::string_view kCacheTag =
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# This file is a cache directory tag: backups may leave the folder out.\n"
    "# For information about cache directory tags see https://bford.info/cachedir/\n";

FileError write_failure(const fs::path& path, const std::string& why) {
  return {ErrorCode::write_failed, fmt::format("\"{}\" cannot be written: {}", path.string(), why),
          "free some space, or set HF_HOME to a folder of yours"};
}

FileError write_failure(const fs::filesystem_error& e) {
  return write_failure(e.path1(), e.code().message());
}

// The first file of a model that a snapshot does not have.
std::optional<std::string> missing_file(const fs::path& folder) {
  std::error_code error;
  if (!fs::exists(folder / "config.json", error)) return "config.json";
  const std::vector<fs::path> weights = safetensors_files(folder);
  if (weights.empty()) return "model.safetensors";
  for (const fs::path& file : weights) {
    if (!fs::exists(file, error)) return file.filename().string();
  }
  return std::nullopt;
}

}  // namespace

HubRepository::HubRepository(fs::path cache, const HubId& id)
    : cache_(std::move(cache)),
      folder_(cache_ / fmt::format("models--{}--{}", id.organisation, id.name)) {}

fs::path HubRepository::part(std::string_view etag) const {
  return folder_ / "blobs" / fmt::format("{}.incomplete", etag);
}

fs::path HubRepository::lock(std::string_view etag) const {
  return cache_ / ".locks" / folder_.filename() / fmt::format("{}.lock", etag);
}

fs::path HubRepository::snapshot(std::string_view commit) const {
  return folder_ / "snapshots" / commit;
}

std::optional<std::string> HubRepository::commit_of(const std::string& revision) const {
  if (is_commit(revision)) return revision;
  std::error_code error;
  if (const fs::path path = ref(revision); fs::is_regular_file(path, error)) {
    std::string commit = read_text_file(path, kLargestRef);
    while (!commit.empty() && (commit.back() == '\n' || commit.back() == '\r')) commit.pop_back();
    if (!is_commit(commit)) {
      throw FileError(fmt::format("\"{}\" holds {}, expected the 40 digits of a commit",
                                  path.string(), quote(commit)),
                      "remove it, then fetch the model again");
    }
    return commit;
  }
  if (revision.size() < kFewestCommitDigits || !is_hex(revision)) return std::nullopt;
  std::optional<std::string> found;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_ / "snapshots", error)) {
    const std::string name = entry.path().filename().string();
    if (!is_commit(name) || !name.starts_with(revision)) continue;
    if (found) return std::nullopt;
    found = name;
  }
  return found;
}

void HubRepository::prepare() const {
  try {
    fs::create_directories(folder_ / "blobs");
    fs::create_directories(cache_ / ".locks" / folder_.filename());
  } catch (const fs::filesystem_error& e) {
    throw write_failure(e);
  }
  if (!fs::exists(cache_ / "CACHEDIR.TAG")) write_file_atomic(cache_ / "CACHEDIR.TAG", kCacheTag);
}

bool HubRepository::can_link() const {
  const fs::path probe = folder_ / fmt::format(".link-{}", ::getpid());
  std::error_code error;
  fs::create_symlink("blobs", probe, error);
  std::error_code ignored;
  fs::remove(probe, ignored);
  return !error;
}

void HubRepository::add_to_snapshot(std::string_view commit, const std::string& file,
                                    const fs::path& source, HubPlacing how) const {
  const fs::path target = snapshot(commit) / file;
  // Made aside and renamed: a reader never meets a file of a snapshot half made.
  fs::path aside = target;
  aside += fmt::format(".{}.tmp", ::getpid());
  try {
    fs::create_directories(target.parent_path());
    switch (how) {
      case HubPlacing::link:
        fs::remove(aside);
        fs::create_symlink(source.lexically_relative(target.parent_path()), aside);
        break;
      case HubPlacing::move:
        fs::rename(source, aside);
        break;
      case HubPlacing::copy:
        fs::copy_file(source, aside, fs::copy_options::overwrite_existing);
        break;
    }
    fs::rename(aside, target);
  } catch (const fs::filesystem_error& e) {
    std::error_code ignored;
    if (how != HubPlacing::move) fs::remove(aside, ignored);
    throw write_failure(e);
  }
}

void HubRepository::set_ref(const std::string& revision, const std::string& commit) const {
  if (revision == commit) return;
  const fs::path path = ref(revision);
  std::error_code error;
  if (fs::is_regular_file(path, error) && read_text_file(path) == commit) return;
  write_file_atomic(path, commit);
}

bool is_content_hash(std::string_view etag) {
  return (etag.size() == 40 || etag.size() == 64) && is_hex(etag);
}

bool has_content(const fs::path& file, std::string_view etag) {
  if (!is_content_hash(etag)) {
    throw ArgumentError(fmt::format("has_content: {}, expected a SHA-256 or a SHA-1", quote(etag)));
  }
  return (etag.size() == 64 ? sha256_file(file) : git_blob_sha1(file)) == etag;
}

std::optional<std::string> hub_content_hash(const fs::path& file) {
  std::error_code error;
  if (!fs::is_symlink(file, error)) return std::nullopt;
  const fs::path blob = fs::weakly_canonical(file, error);
  if (error || blob.parent_path().filename() != "blobs") return std::nullopt;
  std::string name = blob.filename().string();
  return is_content_hash(name) ? std::optional(std::move(name)) : std::nullopt;
}

HubLock::HubLock(const fs::path& path, const std::function<void()>& on_wait) {
  for (bool told = false;;) {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kLockMode);
    if (descriptor_ < 0) throw write_failure(path, std::generic_category().message(errno));
    if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK && errno != EINTR) return;
      if (!std::exchange(told, true)) on_wait();
      try {
        check_interrupted();
      } catch (...) {
        ::close(descriptor_);
        throw;
      }
      std::this_thread::sleep_for(kLockPause);
      continue;
    }
    // Another may have removed the file between open and flock: then this lock excludes nobody.
    struct stat held {};
    struct stat named {};
    if (::fstat(descriptor_, &held) != 0 || ::stat(path.c_str(), &named) != 0) continue;
    if (held.st_ino == named.st_ino && held.st_dev == named.st_dev) return;
  }
}

HubLock::~HubLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

HubLookUp find_hub_snapshot(const HubRepository& repository, const std::string& revision) {
  std::error_code error;
  if (!fs::is_directory(repository.folder(), error)) return {{}, "no such folder"};
  const std::optional<std::string> commit = repository.commit_of(revision);
  if (!commit) return {{}, fmt::format("no refs/{}", revision)};
  const fs::path folder = repository.snapshot(*commit);
  if (!fs::is_directory(folder, error)) return {{}, fmt::format("no snapshots/{}", *commit)};
  if (const auto file = missing_file(folder))
    return {{}, fmt::format("no {} in snapshots/{}", *file, *commit)};
  return {folder, {}};
}

std::vector<std::pair<std::string, fs::path>> hub_snapshots(const fs::path& cache) {
  std::vector<std::pair<std::string, fs::path>> found;
  std::error_code error;
  for (const auto& repository : fs::directory_iterator(cache, error)) {
    for (const auto& snapshot : fs::directory_iterator(repository.path() / "snapshots", error)) {
      const std::optional<std::string> name = hub_snapshot_name(snapshot.path());
      if (name && !missing_file(snapshot.path())) found.emplace_back(*name, snapshot.path());
    }
  }
  std::ranges::sort(found);
  return found;
}

std::optional<std::string> hub_snapshot_name(const fs::path& folder) {
  const fs::path repository = folder.parent_path().parent_path().filename();
  if (!is_commit(folder.filename().string()) || folder.parent_path().filename() != "snapshots")
    return std::nullopt;
  std::string name = repository.string();
  constexpr std::string_view kBegin = "models--";
  if (!name.starts_with(kBegin)) return std::nullopt;
  name.erase(0, kBegin.size());
  const std::size_t separator = name.find("--");
  if (separator == std::string::npos) return std::nullopt;
  const std::string text = fmt::format("{}/{}@{}", name.substr(0, separator),
                                       name.substr(separator + 2), folder.filename().string());
  return find_hub_id(text) ? std::optional(text) : std::nullopt;
}

}  // namespace gnomon
