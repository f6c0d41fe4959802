// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "gnomon/model/hub_id.h"
#include "gnomon/model/hub_settings.h"

namespace gnomon {

struct HubFile {
  std::string name;
  std::string hash;         // SHA-256 or git SHA-1, lower-case hexadecimal
  std::uint64_t bytes = 0;  // of the file
  std::uint64_t here = 0;   // of them, in the cache before the download
};

struct HubModel {
  std::string commit;
  std::filesystem::path folder;  // the snapshot: what a model is loaded from
  std::vector<HubFile> files;    // empty where the hub was not asked (offline)

  std::uint64_t n_bytes() const;
  std::uint64_t n_bytes_to_come() const;
};

// What a fetch tells while it goes; each may be empty.
struct HubObserver {
  std::function<void(const HubModel&)> planned;                           // before the download
  std::function<void(std::uint64_t done, std::uint64_t total)> progress;  // bytes of the download
  std::function<void(const std::string& line)> note;  // of waiting and of trying again
};

// Puts a model of the hub into the cache (hub_cache.h) and returns its snapshot. The revision is
// resolved to a commit once and all files are those of that commit. What is in the cache already is
// compared with its hash and kept where that is right. Every file is checked by size and hash
// before it takes its name; the snapshot's links and the reference of the revision are made when
// all files are there. A download that stops, by Ctrl-C too, leaves what has arrived as blobs and
// one part, and the next goes on from there. The token goes to the endpoint and nowhere else.
// Offline, returns the snapshot of the cache. Throws FileError and UnsupportedError that name the
// repository, the revision, the file and the command to run; Error (interrupted).
HubModel fetch_hub_model(const HubId& id, const HubSettings& settings,
                         const std::optional<std::string>& token, const HubObserver& observer = {});

// The error for a revision that is not in the cache: what was searched, what was missing, and the
// command that fetches it. `no_folder` is a path that was looked for first, or empty.
[[noreturn]] void throw_not_in_hub_cache(const HubId& id, const HubSettings& settings,
                                         const std::string& missing,
                                         const std::filesystem::path& no_folder = {});

}  // namespace gnomon
