// SPDX-License-Identifier: Apache-2.0
#include "gnomon/model/hub_id.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "gnomon/base/error.h"
#include "gnomon/base/quote.h"

namespace gnomon {
namespace {

constexpr std::size_t kLongestName = 96;
constexpr std::size_t kLongestRevision = 255;
constexpr std::size_t kLongestPart = 255;
constexpr std::size_t kLongestFile = 1000;

// Not those of <cctype>, which depend on the locale.
bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// Why the text is no name; empty where it is one.
std::string name_fault(std::string_view what, std::string_view name) {
  if (name.empty()) return fmt::format("its {} is empty", what);
  if (name.size() > kLongestName)
    return fmt::format("its {} has {} characters, expected at most {}", what, name.size(),
                       kLongestName);
  if (!std::all_of(name.begin(), name.end(),
                   [](char c) { return is_word(c) || c == '-' || c == '.'; }))
    return fmt::format("its {} has characters other than letters, digits, '_', '-' and '.'", what);
  if (!is_word(name.front()) || !is_word(name.back()))
    return fmt::format("its {} begins or ends with '-' or '.'", what);
  if (contains(name, "..") || contains(name, "--"))
    return fmt::format("its {} contains \"..\" or \"--\"", what);
  return {};
}

// Calls `accept` with each part between slashes until it says no.
template <class Accept>
bool all_parts(std::string_view path, Accept accept) {
  while (true) {
    const std::size_t end = std::min(path.find('/'), path.size());
    if (!accept(path.substr(0, end))) return false;
    if (end == path.size()) return true;
    path.remove_prefix(end + 1);
  }
}

std::string revision_fault(std::string_view revision) {
  if (revision.empty()) return "its revision is empty";
  if (revision.size() > kLongestRevision)
    return fmt::format("its revision has {} characters, expected at most {}", revision.size(),
                       kLongestRevision);
  const bool is_clean = all_parts(revision, [](std::string_view part) {
    return !part.empty() && part.front() != '.' && !contains(part, "..") &&
           std::all_of(part.begin(), part.end(),
                       [](char c) { return is_word(c) || c == '-' || c == '.' || c == '+'; });
  });
  return is_clean ? "" : "its revision is not the name of a branch or tag, or a commit";
}

struct Parsed {
  HubId id;
  std::string fault;
};

Parsed parse(std::string_view text) {
  Parsed parsed;
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) {
    parsed.fault = "it has no \"/\"";
    return parsed;
  }
  // An organisation has no "@": the first one begins the revision.
  const std::size_t at = text.find('@');
  if (at != std::string_view::npos) {
    parsed.id.revision = text.substr(at + 1);
    parsed.fault = revision_fault(parsed.id.revision);
  }
  const std::string_view repository = text.substr(0, at);
  if (slash >= repository.size()) {
    parsed.fault = "it has no \"/\" before its revision";
    return parsed;
  }
  parsed.id.organisation = repository.substr(0, slash);
  parsed.id.name = repository.substr(slash + 1);
  if (parsed.fault.empty()) parsed.fault = name_fault("organisation", parsed.id.organisation);
  if (parsed.fault.empty()) parsed.fault = name_fault("name", parsed.id.name);
  if (parsed.fault.empty() && parsed.id.name.ends_with(".git"))
    parsed.fault = "its name ends with \".git\"";
  return parsed;
}

}  // namespace

std::string HubId::text() const {
  return revision == "main" ? repository() : fmt::format("{}@{}", repository(), revision);
}

std::optional<HubId> find_hub_id(std::string_view text) {
  Parsed parsed = parse(text);
  if (!parsed.fault.empty()) return std::nullopt;
  return std::move(parsed.id);
}

HubId parse_hub_id(std::string_view text) {
  Parsed parsed = parse(text);
  if (!parsed.fault.empty()) {
    throw ArgumentError(fmt::format("no hub model {}, expected ORG/NAME or ORG/NAME@REV: {}",
                                    quote(text), parsed.fault));
  }
  return std::move(parsed.id);
}

bool is_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool is_commit(std::string_view text) { return text.size() == 40 && is_hex(text); }

bool is_safe_hub_file(std::string_view name) {
  if (name.size() > kLongestFile) return false;
  return all_parts(name, [](std::string_view part) {
    return !part.empty() && part.size() <= kLongestPart && part.front() != '.' &&
           std::all_of(part.begin(), part.end(),
                       [](char c) { return c >= ' ' && c <= '~' && c != '\\' && c != ':'; });
  });
}

}  // namespace gnomon
