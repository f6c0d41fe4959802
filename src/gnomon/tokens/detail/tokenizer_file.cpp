// SPDX-License-Identifier: Apache-2.0
#include "gnomon/tokens/detail/tokenizer_file.h"

#include <fmt/format.h>

#include <algorithm>

#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/base/json_nesting.h"
#include "gnomon/base/quote.h"

namespace gnomon::detail {
namespace {

// `place` gives the value's name: "model.vocab.the".
template <class Place>
TokenId token_id_of(const std::string& origin, const VocabularyJson& value, const Place& place) {
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > kLargestTokenizerFile) {
    throw FileError(fmt::format("\"{}\": {} is not a token id", origin, quote(place())));
  }
  return static_cast<TokenId>(value.get<std::uint64_t>());
}

// The vocabulary is the object at `vocabulary`, keys from the root: {"model", "vocab"}.
class FileParser : public nlohmann::json_sax<VocabularyJson> {
 public:
  FileParser(std::string origin, std::vector<std::string> vocabulary)
      : origin_(std::move(origin)), vocabulary_(std::move(vocabulary)) {}

  VocabularyFile parse(std::string_view text) {
    VocabularyJson::sax_parse(text, this);
    return std::move(file_);
  }

  bool null() override { return add_leaf(nullptr); }
  bool boolean(bool value) override { return add_leaf(value); }
  bool number_integer(number_integer_t value) override { return add_leaf(value); }
  bool number_unsigned(number_unsigned_t value) override { return add_leaf(value); }
  bool number_float(number_float_t value, const string_t&) override { return add_leaf(value); }
  bool string(string_t& value) override { return add_leaf(std::move(value)); }
  bool binary(binary_t&) override { return false; }  // not in text
  bool start_object(std::size_t) override { return open(VocabularyJson::object()); }
  bool start_array(std::size_t) override { return open(VocabularyJson::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& value) override {
    open_.back().key = std::move(value);
    return true;
  }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    throw FileError(fmt::format("\"{}\": not valid JSON at byte {}", origin_, position));
  }

 private:
  // An object or a list that has not ended, and the key that was read last.
  struct Open {
    VocabularyJson* value;
    std::string key;
  };

  bool in_vocabulary() const {
    return open_.size() == vocabulary_.size() + 1 && open_.back().value->is_object() &&
           std::equal(vocabulary_.begin(), vocabulary_.end(), open_.begin(),
                      [](const std::string& key, const Open& open) { return key == open.key; });
  }

  // Returns where the value stands until its parent ends or takes another.
  VocabularyJson* add(VocabularyJson value) {
    if (open_.empty()) return &(file_.root = std::move(value));
    Open& parent = open_.back();
    if (parent.value->is_array()) {
      parent.value->push_back(std::move(value));
      return &parent.value->back();
    }
    if (in_vocabulary()) {
      const auto place = [&] {
        std::string path;
        for (const std::string& key : vocabulary_) path += key + ".";
        return path + parent.key;
      };
      file_.numbered.emplace_back(token_id_of(origin_, value, place), std::move(parent.key));
      return nullptr;
    }
    return &((*parent.value)[parent.key] = std::move(value));
  }
  bool add_leaf(VocabularyJson value) {
    add(std::move(value));
    return true;
  }
  bool open(VocabularyJson value) {
    open_.push_back({add(std::move(value)), {}});
    if (in_vocabulary()) file_.numbered.clear();  // of two with one name the second counts
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  std::string origin_;
  std::vector<std::string> vocabulary_;
  std::vector<Open> open_;
  VocabularyFile file_;
};

}  // namespace

VocabularyFile read_vocabulary_file(const std::filesystem::path& path,
                                    std::vector<std::string> vocabulary) {
  const std::string text = read_text_file(path, kLargestTokenizerFile);
  check_json_nesting(text, path.string());
  return FileParser(path.string(), std::move(vocabulary)).parse(text);
}

TokenizerFileObject::TokenizerFileObject(const std::string& origin, std::string place,
                                         const VocabularyJson& value)
    : origin_(origin), place_(std::move(place)), value_(value) {
  if (!value_.is_object()) wrong("", "an object");
}

bool TokenizerFileObject::is_null(const char* key) const {
  const auto found = value_.find(key);
  return found == value_.end() || found->is_null();
}

TokenizerFileObject TokenizerFileObject::object(const char* key) const {
  return {origin_, path_of(key), member(key)};
}

const VocabularyJson& TokenizerFileObject::array(const char* key) const {
  const VocabularyJson& value = member(key);
  if (!value.is_array()) wrong(key, "a list");
  return value;
}

std::string TokenizerFileObject::string(const char* key) const {
  const VocabularyJson& value = member(key);
  if (!value.is_string()) wrong(key, "a string");
  return value.get<std::string>();
}

bool TokenizerFileObject::boolean(const char* key, bool fallback) const {
  if (is_null(key)) return fallback;
  const VocabularyJson& value = member(key);
  if (!value.is_boolean()) wrong(key, "true or false");
  return value.get<bool>();
}

TokenId TokenizerFileObject::token_id(const char* key) const {
  return token_id_of(origin_, member(key), [&] { return path_of(key); });
}

std::vector<TokenizerFileObject> TokenizerFileObject::steps(const char* key,
                                                            const char* list) const {
  std::vector<TokenizerFileObject> steps;
  if (is_null(key)) return steps;
  TokenizerFileObject given = object(key);
  if (given.string("type") != "Sequence") {
    steps.push_back(std::move(given));
    return steps;
  }
  for (const VocabularyJson& value : given.array(list))
    steps.emplace_back(origin_, given.path_of(list), value);
  return steps;
}

std::string TokenizerFileObject::path_of(const std::string& key) const {
  return key.empty() ? place_ : place_.empty() ? key : place_ + "." + key;
}

void TokenizerFileObject::unsupported(const std::string& found, std::string_view expected) const {
  throw UnsupportedError(
      fmt::format("\"{}\": {}, expected {}", origin_, found, expected),
      "supported are BPE on bytes in the manner of GPT-2, SmolLM2, Llama 3 and Qwen2, and BPE with "
      "byte fallback in the manner of Llama 2 and Mistral");
}

void TokenizerFileObject::wrong(const std::string& key, std::string_view expected) const {
  throw FileError(fmt::format("\"{}\": \"{}\" is not {}", origin_, path_of(key), expected));
}

const VocabularyJson& TokenizerFileObject::member(const char* key) const {
  const auto found = value_.find(key);
  if (found == value_.end()) {
    throw FileError(fmt::format("\"{}\": \"{}\" is missing", origin_, path_of(key)));
  }
  return *found;
}

}  // namespace gnomon::detail
