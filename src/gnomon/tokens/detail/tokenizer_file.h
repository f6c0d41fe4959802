// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gnomon/tokens/token.h"

namespace gnomon::detail {

// base/json.h keeps the order of keys and looks them up one by one, which takes quadratic time for
// a vocabulary's 50 000 keys; this one sorts them.
using VocabularyJson = nlohmann::json;

inline constexpr std::size_t kLargestTokenizerFile = std::size_t{1} << 28;

using NumberedPieces = std::vector<std::pair<TokenId, std::string>>;

// A file whose vocabulary, most of it, is a list: as a tree it takes three times as long to read.
// In `root` its object stands empty.
struct VocabularyFile {
  VocabularyJson root;
  NumberedPieces numbered;  // in the order of the file
};

// Reads a file whose vocabulary is the object at `vocabulary`, keys from the root: {"model",
// "vocab"}. Throws FileError.
VocabularyFile read_vocabulary_file(const std::filesystem::path& path,
                                    std::vector<std::string> vocabulary);

// One object of the file. `place` is how messages name it: "model.vocab".
class TokenizerFileObject {
 public:
  TokenizerFileObject(const std::string& origin, std::string place, const VocabularyJson& value);

  bool is_null(const char* key) const;
  TokenizerFileObject object(const char* key) const;
  const VocabularyJson& array(const char* key) const;
  std::string string(const char* key) const;
  bool boolean(const char* key, bool fallback) const;
  TokenId token_id(const char* key) const;
  // The steps at `key`, none where it is null: one object, or a "Sequence" of those in its `list`.
  std::vector<TokenizerFileObject> steps(const char* key, const char* list) const;
  const VocabularyJson& value() const { return value_; }
  const std::string& origin() const { return origin_; }
  [[noreturn]] void unsupported(const std::string& found, std::string_view expected) const;
  [[noreturn]] void wrong(const std::string& key, std::string_view expected) const;

 private:
  const VocabularyJson& member(const char* key) const;
  std::string path_of(const std::string& key) const;

  const std::string& origin_;
  std::string place_;
  const VocabularyJson& value_;
};

}  // namespace gnomon::detail
