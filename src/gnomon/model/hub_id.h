// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gnomon {

// A model repository of the Hugging Face hub at a revision: ORG/NAME[@REV].
struct HubId {
  std::string organisation;
  std::string name;
  std::string revision = "main";  // a branch, a tag, or a commit, whole or its first digits

  std::string repository() const { return organisation + "/" + name; }
  // As a user writes it: without "@main".
  std::string text() const;
};

// Names: 1 to 96 of A-Z a-z 0-9 _ - . each, neither beginning nor ending with - or ., without ".."
// and "--", and a NAME that does not end with ".git"; these are the hub's rules. Revisions: 1 to
// 255 of A-Z a-z 0-9 _ - . / + in parts that neither begin with a dot nor are empty, without "..":
// git refuses most other characters in names, and a revision becomes a path of the cache.
std::optional<HubId> find_hub_id(std::string_view text);
// Throws ArgumentError with what is wrong.
HubId parse_hub_id(std::string_view text);

// Lower-case hexadecimal digits and nothing else.
bool is_hex(std::string_view text);

// 40 of them.
bool is_commit(std::string_view text);

// Whether a file name of a repository may become a path below a folder: parts between slashes that
// are neither empty nor begin with a dot, of printable ASCII without \ and :, 255 bytes at most
// each, 1000 together.
bool is_safe_hub_file(std::string_view name);

}  // namespace gnomon
