// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace gnomon {

// One text and where it came from. The bytes of `text` are those of the file: nothing is trimmed,
// folded or repaired.
struct TextRecord {
  std::string text;
  std::string source;       // "news.txt:12", without folders, or "builtin:scenes"
  std::int64_t line = 0;    // 1-based line at which the text begins; 0 where it was generated
  std::string template_id;  // empty where unknown
  std::string group = {};  // what the corpus says belongs together (a document); empty where unsaid
};

}  // namespace gnomon
