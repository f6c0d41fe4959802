// SPDX-License-Identifier: Apache-2.0
// The cache of the Hugging Face hub on disk, as the Python package huggingface_hub lays it out:
//
//   CACHE/CACHEDIR.TAG                                     so that backups leave the cache out
//   CACHE/.locks/models--ORG--NAME/ETAG.lock               held while a blob is made
//   CACHE/models--ORG--NAME/blobs/ETAG                     a file's content
//   CACHE/models--ORG--NAME/refs/REVISION                  the commit of a branch or tag
//   CACHE/models--ORG--NAME/snapshots/COMMIT/FILE          a relative link to the blob, or the file
//
// An ETAG is the SHA-256 of a file that the hub keeps in its large-file store and the git SHA-1 of
// any other. Other names in these folders (trees/, .no_exist/) are left as they are.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gnomon/model/hub_id.h"

namespace gnomon {

// How a file comes into a snapshot: as a relative link to the blob, or, where links are not wanted
// or cannot be made, as the file itself.
enum class HubPlacing { link, move, copy };

// Where one repository stands in the cache.
class HubRepository {
 public:
  HubRepository(std::filesystem::path cache, const HubId& id);

  const std::filesystem::path& folder() const { return folder_; }
  std::filesystem::path blob(std::string_view etag) const { return folder_ / "blobs" / etag; }
  // What has arrived of a blob so far.
  std::filesystem::path part(std::string_view etag) const;
  std::filesystem::path lock(std::string_view etag) const;
  std::filesystem::path ref(std::string_view revision) const { return folder_ / "refs" / revision; }
  std::filesystem::path snapshot(std::string_view commit) const;

  // What refs/ says of a branch or tag; a commit is its own; the first digits of a commit, seven or
  // more, are that of the only snapshot that begins so.
  std::optional<std::string> commit_of(const std::string& revision) const;

  // Makes the folders, and CACHEDIR.TAG where it is missing. Throws FileError (write_failed).
  void prepare() const;
  // Whether a symbolic link can be made in the folder. Call prepare() before.
  bool can_link() const;
  // Gives the snapshot this file, whose content is in `source` below folder(), and replaces what
  // stands there. Throws FileError (write_failed).
  void add_to_snapshot(std::string_view commit, const std::string& file,
                       const std::filesystem::path& source, HubPlacing how) const;
  void set_ref(const std::string& revision, const std::string& commit) const;

 private:
  std::filesystem::path cache_;
  std::filesystem::path folder_;
};

// Whether the file's content is what the ETag names. Throws FileError where it cannot be read, and
// ArgumentError for an ETag that is neither SHA-256 nor SHA-1: is_content_hash tells.
bool has_content(const std::filesystem::path& file, std::string_view etag);
bool is_content_hash(std::string_view etag);
// The hash by which the cache names what `file`, of a snapshot, links to; nothing for any other
// file.
std::optional<std::string> hub_content_hash(const std::filesystem::path& file);

// Held by one process at a time, as huggingface_hub's (flock). Where another holds it, calls
// on_wait once and waits; Error (interrupted). A file system without such locks gives it to all,
// which costs a second download and no wrong byte: a part is only ever written with the bytes that
// belong where they are put, and checked as a whole.
class HubLock {
 public:
  HubLock(const std::filesystem::path& path, const std::function<void()>& on_wait);
  ~HubLock();
  HubLock(const HubLock&) = delete;
  HubLock& operator=(const HubLock&) = delete;

 private:
  int descriptor_ = -1;
};

struct HubLookUp {
  std::optional<std::filesystem::path> folder;  // of a snapshot that has all of a model
  std::string missing;                          // else what was not there: "no refs/main"
};

// The snapshot of a revision, which may have been put there by any program. Whole means config.json
// and model.safetensors, or model.safetensors.index.json with every file that it names.
HubLookUp find_hub_snapshot(const HubRepository& repository, const std::string& revision);

// Every snapshot in the cache that is whole: "ORG/NAME@COMMIT" and its folder, by name. None where
// the cache is not there or cannot be read.
std::vector<std::pair<std::string, std::filesystem::path>> hub_snapshots(
    const std::filesystem::path& cache);

// "ORG/NAME@COMMIT" for the folder of a snapshot; nothing for any other path.
std::optional<std::string> hub_snapshot_name(const std::filesystem::path& folder);

}  // namespace gnomon
