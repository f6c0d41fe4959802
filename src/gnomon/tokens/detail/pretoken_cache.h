// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "gnomon/tokens/token.h"

namespace gnomon::detail {

// Ids of pretokens met before: words repeat, and merging is the slow part. Bounded; safe to use
// from several threads, and in several parts so that they seldom wait for each other.
class PretokenCache {
 public:
  static constexpr std::size_t kLongestPretoken = 64;  // bytes
  static constexpr std::size_t kEntriesInPart = 4096;

  // Appends the ids of `pretoken` and returns true, or returns false.
  bool find(std::string_view pretoken, std::vector<TokenId>& ids) {
    Part& part = part_of(pretoken);
    const std::lock_guard lock(part.mutex);
    const auto found = part.ids.find(pretoken);
    if (found == part.ids.end()) return false;
    ids.insert(ids.end(), found->second.begin(), found->second.end());
    return true;
  }

  void insert(std::string_view pretoken, std::vector<TokenId> ids) {
    Part& part = part_of(pretoken);
    const std::lock_guard lock(part.mutex);
    // Starting over is cheap, and follows a change of corpus.
    if (part.ids.size() >= kEntriesInPart) part.ids.clear();
    part.ids.insert_or_assign(std::string(pretoken), std::move(ids));
  }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };
  struct Part {
    std::mutex mutex;
    std::unordered_map<std::string, std::vector<TokenId>, Hash, std::equal_to<>> ids;
  };

  // The high bits: the map inside the part uses the hash as a whole.
  Part& part_of(std::string_view pretoken) {
    return parts_[Hash()(pretoken) >> (8 * sizeof(std::size_t) - 4)];
  }

  std::array<Part, 16> parts_;
};

}  // namespace gnomon::detail
