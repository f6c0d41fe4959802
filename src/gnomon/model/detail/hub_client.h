// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "gnomon/model/detail/http.h"
#include "gnomon/model/hub_id.h"
#include "gnomon/model/hub_settings.h"

namespace gnomon {

// What the hub says of one file at one commit.
struct HubFileFacts {
  std::string etag;  // SHA-256 or git SHA-1 of the content: is_content_hash
  std::optional<std::uint64_t> bytes;
};

// Asks the hub. An answer that may be another one soon (429, 5xx, a silent or closed connection) is
// waited for: five times without a new byte, half a second to four seconds between, or what
// Retry-After says, up to two minutes. Every error names the repository, the revision and the file;
// it is FileError: not_found for 404 and for a hub that cannot be reached, unreadable for other
// refusals, bad_file for answers that make no sense. Error (interrupted).
class HubClient {
 public:
  using Note = std::function<void(const std::string& line)>;
  using Arrived = std::function<void(std::uint64_t bytes)>;

  HubClient(const HubId& id, const HubSettings& settings, std::optional<std::string> token,
            Note note);

  // The answer to /api/models/ORG/NAME/revision/REV, with the files' sizes.
  std::string listing();
  HubFileFacts facts(const std::string& commit, const std::string& file);
  // Brings the part to `bytes` bytes, from where it ends: with a range, or, where the server sends
  // the whole file, anew. `arrived` gets the length of the part whenever it changes. What has
  // arrived stays, whatever fails.
  void download(const std::string& commit, const std::string& file, std::uint64_t bytes,
                const std::filesystem::path& part, const Arrived& arrived);

  // "fetch ORG/NAME@REV" and, where it is not empty, the file: how messages begin.
  std::string subject(const std::string& file = "") const;

 private:
  class Part;
  struct Outcome {
    HttpAnswer answer;
    int n_attempt = 1;  // the last ones without a new byte
  };

  HttpRequest request(const std::string& path) const;
  std::string file_path(const std::string& commit, const std::string& file) const;
  // `attempt` returns an answer; `progressed` says whether it brought bytes.
  Outcome persist(const std::string& file, const std::function<HttpAnswer()>& attempt,
                  const std::function<bool()>& progressed);
  HttpAnswer receive(const HttpRequest& request, std::uint64_t bytes, Part& part,
                     const std::string& file, const Arrived& arrived);
  void require(const Outcome& outcome, const std::string& file) const;

  HubId id_;
  HubSettings settings_;
  std::optional<std::string> token_;
  Note note_;
  HttpClient http_;
};

}  // namespace gnomon
