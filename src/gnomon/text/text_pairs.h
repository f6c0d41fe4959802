// SPDX-License-Identifier: Apache-2.0
// in: a file of pairs of texts   out: one record for each pair, in file order
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace gnomon {

// Two texts to be compared token by token, and what the model is asked to tell apart. The bytes are
// those of the file.
struct TextPair {
  std::string clean;
  std::string corrupted;
  std::string answer = {};  // the continuation of the clean text; empty where unsaid
  std::string other = {};   // that of the corrupted text; empty where unsaid
  std::string group = {};   // what belongs together; empty where unsaid
  std::string source = {};  // "pairs.csv:3"
};

// A .csv file (RFC 4180 with a header line) or a .jsonl file (one object a line) with the columns
// "clean" and "corrupted" and optionally "answer", "other" and "group". The names of the first two
// may be others. Blank lines are skipped. Throws FileError with file, line, what was found and what
// was expected; UnsupportedError for another extension; FileError (bad_data) where there is no
// pair.
std::vector<TextPair> read_text_pairs(const std::filesystem::path& path,
                                      const std::string& clean = "clean",
                                      const std::string& corrupted = "corrupted");

}  // namespace gnomon
