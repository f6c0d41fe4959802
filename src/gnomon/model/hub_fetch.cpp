// SPDX-License-Identifier: Apache-2.0
#include "gnomon/model/hub_fetch.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <system_error>
#include <utility>

#include "gnomon/base/error.h"
#include "gnomon/base/json.h"
#include "gnomon/base/quote.h"
#include "gnomon/model/detail/hub_client.h"
#include "gnomon/model/detail/safetensors_files.h"
#include "gnomon/model/hub_cache.h"
#include "gnomon/model/hub_files.h"

namespace gnomon {
namespace {

namespace fs = std::filesystem;

std::uint64_t size_or_zero(const fs::path& path) {
  std::error_code error;
  const std::uintmax_t size = fs::file_size(path, error);
  return error ? 0 : size;
}

// Whether a file with this content is there. The size is looked at first: it costs nothing.
bool holds(const fs::path& path, const HubFile& file) {
  std::error_code error;
  return fs::is_regular_file(path, error) && fs::file_size(path, error) == file.bytes && !error &&
         has_content(path, file.hash);
}

class Fetch {
 public:
  Fetch(const HubId& id, const HubSettings& settings, const std::optional<std::string>& token,
        const HubObserver& observer)
      : id_(id),
        settings_(settings),
        observer_(observer),
        repository_(settings.cache, id),
        client_(id, settings, token, [this](const std::string& line) { note(line); }) {}

  HubModel run() {
    const HubListing listing =
        read_hub_listing(client_.listing(), client_.subject() + ": the hub's answer");
    if (is_commit(id_.revision) && listing.commit != id_.revision) {
      throw FileError(fmt::format("{}: the hub gave commit {}", client_.subject(), listing.commit));
    }
    model_.commit = listing.commit;
    model_.folder = repository_.snapshot(listing.commit);
    const std::vector<std::string> names = choose_hub_files(listing, client_.subject());
    repository_.prepare();
    placing_ = settings_.symlinks && repository_.can_link() ? HubPlacing::link : HubPlacing::move;
    for (const std::string& name : names) {
      model_.files.push_back(describe(listing, name));
      if (name == kWeightsIndex) add_parts(listing);
    }
    require_space();
    if (observer_.planned) observer_.planned(model_);
    total_ = model_.n_bytes_to_come();
    done_ = 0;
    for (const HubFile& file : model_.files) obtain(file);
    for (const HubFile& file : model_.files) place(file);
    repository_.set_ref(id_.revision, model_.commit);
    return std::move(model_);
  }

 private:
  void note(const std::string& line) const {
    if (observer_.note) observer_.note(line);
  }

  HubFile describe(const HubListing& listing, const std::string& name) {
    const HubFileFacts facts = client_.facts(listing.commit, name);
    const std::optional<std::uint64_t> bytes = facts.bytes ? facts.bytes : listing.files.at(name);
    if (!bytes) {
      throw FileError(fmt::format("{}: the hub does not state its size", client_.subject(name)),
                      "fetch it from another HF_ENDPOINT");
    }
    HubFile file{name, facts.etag, *bytes, 0};
    if (const fs::path found = content_of(file); !found.empty()) {
      sources_[file.hash] = found;
      if (found == model_.folder / file.name) in_place_.insert(file.name);
      file.here = file.bytes;
    } else {
      const std::uint64_t arrived = size_or_zero(repository_.part(file.hash));
      file.here = arrived <= file.bytes ? arrived : 0;
    }
    return file;
  }

  // Where the cache has the content; empty where it has not.
  fs::path content_of(const HubFile& file) const {
    for (fs::path path : {model_.folder / file.name, repository_.blob(file.hash)}) {
      if (holds(path, file)) return path;
    }
    return {};
  }

  // The index, the last file so far, says which files the weights are: it comes before their sizes
  // are known, and is not part of the plan.
  void add_parts(const HubListing& listing) {
    HubFile& index = model_.files.back();
    obtain(index);
    index.here = index.bytes;
    const Json json = read_json_file(sources_.at(index.hash));
    for (const std::string& part : hub_weight_parts(listing, json, client_.subject()))
      model_.files.push_back(describe(listing, part));
  }

  void require_space() const {
    std::error_code error;
    const fs::space_info space = fs::space(repository_.folder(), error);
    const std::uint64_t needed = model_.n_bytes_to_come();
    if (error || space.available >= needed) return;
    throw FileError(ErrorCode::out_of_resources,
                    fmt::format("{}: \"{}\" has {} MB free, expected at least {} MB",
                                client_.subject(), repository_.folder().string(),
                                space.available / 1'000'000, needed / 1'000'000 + 1),
                    "free some space or set HF_HOME to a folder on another disk");
  }

  void obtain(const HubFile& file) {
    if (sources_.contains(file.hash)) return;
    const HubLock lock(repository_.lock(file.hash), [&] {
      note(fmt::format("{}: another process is fetching it; waiting", client_.subject(file.name)));
    });
    const fs::path blob = repository_.blob(file.hash);
    if (!holds(blob, file)) {
      receive(file);
      std::error_code error;
      fs::rename(repository_.part(file.hash), blob, error);
      // Another process may have been first where the file system's locks hold nobody back.
      if (error && !holds(blob, file)) {
        throw FileError(ErrorCode::write_failed,
                        fmt::format("\"{}\" cannot be written: {}", blob.string(), error.message()),
                        "set HF_HOME to a folder of yours");
      }
      made_.insert(file.hash);
    }
    sources_[file.hash] = blob;
    done_ += file.bytes - file.here;
  }

  // Brings the part of a file to its whole, checked content.
  void receive(const HubFile& file) {
    const fs::path part = repository_.part(file.hash);
    bool is_resumed = size_or_zero(part) > 0;
    while (true) {
      client_.download(model_.commit, file.name, file.bytes, part, [&](std::uint64_t arrived) {
        if (!observer_.progress || total_ == 0) return;
        observer_.progress(done_ + (arrived > file.here ? arrived - file.here : 0), total_);
      });
      if (holds(part, file)) return;
      std::error_code ignored;
      fs::remove(part, ignored);
      // The wrong bytes may be those of an earlier day.
      if (!std::exchange(is_resumed, false)) break;
      note(fmt::format("{}: what was there before was damaged; from the beginning",
                       client_.subject(file.name)));
    }
    throw FileError(
        fmt::format("{}: what arrived does not have the {} {}; it was not kept",
                    client_.subject(file.name), file.hash.size() == 64 ? "SHA-256" : "git SHA-1",
                    file.hash),
        fmt::format("something between here and {} changes files; try again, or on another network",
                    settings_.endpoint));
  }

  void place(const HubFile& file) {
    if (in_place_.contains(file.name)) return;
    fs::path& source = sources_.at(file.hash);
    HubPlacing how = placing_;
    // A blob that was there before may be another snapshot's, and a file may stand in one twice.
    if (how == HubPlacing::move && made_.erase(file.hash) == 0) how = HubPlacing::copy;
    // The content may be known from another file of the snapshot: a link leads to the blob.
    if (how == HubPlacing::link && source != repository_.blob(file.hash)) how = HubPlacing::copy;
    repository_.add_to_snapshot(model_.commit, file.name, source, how);
    if (how == HubPlacing::move) source = model_.folder / file.name;
  }

  const HubId& id_;
  const HubSettings& settings_;
  const HubObserver& observer_;
  HubRepository repository_;
  HubClient client_;
  HubPlacing placing_ = HubPlacing::link;
  HubModel model_;
  std::map<std::string, fs::path> sources_;  // by hash: where the content is
  std::set<std::string> in_place_;           // names of files that the snapshot has
  std::set<std::string> made_;               // hashes of blobs that this fetch made
  std::uint64_t done_ = 0;                   // bytes of finished files that came
  std::uint64_t total_ = 0;                  // bytes to come, once that is known
};

}  // namespace

std::uint64_t HubModel::n_bytes() const {
  std::uint64_t sum = 0;
  for (const HubFile& file : files) sum += file.bytes;
  return sum;
}

std::uint64_t HubModel::n_bytes_to_come() const {
  std::uint64_t sum = 0;
  for (const HubFile& file : files) sum += file.bytes - file.here;
  return sum;
}

void throw_not_in_hub_cache(const HubId& id, const HubSettings& settings,
                            const std::string& missing, const fs::path& no_folder) {
  const std::string folder = HubRepository(settings.cache, id).folder().string();
  std::string message = fmt::format(
      "model {} is not in the Hugging Face cache at revision {}, searched {} ({})",
      quote(id.repository(), 200), quote(id.revision, 300), quote(folder, 400), missing);
  if (!no_folder.empty())
    message += fmt::format(" and {} (no such folder)", quote(no_folder.string(), 400));
  std::string hint = fmt::format("gnomon model fetch {}", id.text());
  if (settings.offline) hint += "   (without HF_HUB_OFFLINE, which is set)";
  throw FileError(ErrorCode::not_found, message, hint);
}

HubModel fetch_hub_model(const HubId& id, const HubSettings& settings,
                         const std::optional<std::string>& token, const HubObserver& observer) {
  const HubRepository repository(settings.cache, id);
  if (settings.offline) {
    const HubLookUp cached = find_hub_snapshot(repository, id.revision);
    if (!cached.folder) throw_not_in_hub_cache(id, settings, cached.missing);
    return {cached.folder->filename().string(), *cached.folder, {}};
  }
  try {
    return Fetch(id, settings, token, observer).run();
  } catch (const FileError& e) {
    if (e.code() != ErrorCode::not_found && e.code() != ErrorCode::unreadable) throw;
    const HubLookUp cached = find_hub_snapshot(repository, id.revision);
    if (!cached.folder) throw;
    throw FileError(e.code(), e.what(),
                    fmt::format("{}; the cache has commit {}, which --model {} takes", e.hint(),
                                cached.folder->filename().string(), id.text()));
  }
}

}  // namespace gnomon
