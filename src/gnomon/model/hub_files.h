// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gnomon/base/json.h"

namespace gnomon {

// What the hub says a repository holds at a revision.
struct HubListing {
  std::string commit;
  std::map<std::string, std::optional<std::uint64_t>> files;  // bytes, where it says so
};

// Of the hub's answer to /api/models/ORG/NAME/revision/REV: "sha" and "siblings". Names that could
// not be a path below a folder are left out. Throws FileError where it is not such an answer;
// `origin` names it.
HubListing read_hub_listing(std::string_view answer, const std::string& origin);

// The files of the listing that a model is loaded from, config.json last: what there is of a
// tokenizer's files, and the weights: model.safetensors, or the index of several parts. `subject`
// begins the messages. Throws FileError (not_found) where there is no config.json or are no
// weights, and UnsupportedError that names the file where the weights are of another kind only.
std::vector<std::string> choose_hub_files(const HubListing& listing, const std::string& subject);

// The parts that the index names. Throws FileError where one is not in the listing, is not a
// safetensors file, or would not be a file beside the index.
std::vector<std::string> hub_weight_parts(const HubListing& listing, const Json& index,
                                          const std::string& subject);

}  // namespace gnomon
