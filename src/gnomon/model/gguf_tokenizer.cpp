// SPDX-License-Identifier: Apache-2.0
#include "gnomon/model/gguf_tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "gnomon/base/error.h"
#include "gnomon/base/quote.h"
#include "gnomon/tokens/bpe_vocabulary.h"

namespace gnomon {
namespace {

constexpr std::string_view kPrefix = "tokenizer.ggml.";

// Read below, or without effect on the ids of a text: which tokens are put around one (none ever
// is here), names of tokens, and what other kinds of tokenizer use.
constexpr std::array<std::string_view, 13> kKnown = {
    "model",        "pre",          "tokens",          "token_type",    "token_type_count",
    "merges",       "scores",       "add_bos_token",   "add_eos_token", "add_sep_token",
    "bos_token_id", "eos_token_id", "unknown_token_id"};
// They change the text before it is cut into tokens.
constexpr std::array<std::string_view, 2> kMustBeFalse = {"add_space_prefix",
                                                          "remove_extra_whitespaces"};

std::string full_key(std::string_view name) { return std::string(kPrefix) + std::string(name); }

void refuse_other_keys(const GgufFile& file) {
  for (const std::string_view name : kMustBeFalse) {
    if (file.boolean_or(full_key(name), false)) {
      throw UnsupportedError(fmt::format("\"{}\": key {} is true, expected false",
                                         file.path().string(), quote(full_key(name))));
    }
  }
  for (const auto& [key, value] : file.metadata()) {
    if (!key.starts_with(kPrefix)) continue;
    const std::string_view name = std::string_view(key).substr(kPrefix.size());
    const bool names_a_token = name.ends_with("_token_id") || name.ends_with("_token_ids");
    if (names_a_token || std::ranges::find(kKnown, name) != kKnown.end() ||
        std::ranges::find(kMustBeFalse, name) != kMustBeFalse.end())
      continue;
    throw UnsupportedError(fmt::format("\"{}\": key {}: the tokenizer has no such step",
                                       file.path().string(), quote(key)));
  }
}

std::vector<std::string> texts_of(const GgufFile& file, std::string_view name) {
  const std::string key = full_key(name);
  const GgufValue::Array* array = file.find_array(key);
  if (array == nullptr)
    throw FileError(fmt::format("\"{}\": key \"{}\" is missing", file.path().string(), key));
  std::vector<std::string> texts;
  texts.reserve(array->size());
  for (const GgufValue& entry : *array) {
    const auto* text = std::get_if<std::string>(&entry.value);
    if (text == nullptr) {
      throw FileError(
          fmt::format("\"{}\": key \"{}\" is not an array of strings", file.path().string(), key));
    }
    texts.push_back(*text);
  }
  return texts;
}

std::vector<std::int32_t> token_types_of(const GgufFile& file) {
  const std::string key = full_key("token_type");
  std::vector<std::int32_t> types;
  const GgufValue::Array* array = file.find_array(key);
  if (array == nullptr) return types;
  for (const GgufValue& entry : *array) {
    const auto* type = std::get_if<std::int64_t>(&entry.value);
    if (type == nullptr || *type < 0 || *type > 255) {
      throw FileError(fmt::format("\"{}\": key \"{}\" is not an array of token types",
                                  file.path().string(), key));
    }
    types.push_back(static_cast<std::int32_t>(*type));
  }
  return types;
}

// Some files say 2^32 - 1 for none.
std::optional<TokenId> token_of(const GgufFile& file, std::string_view name) {
  const std::int64_t id = file.integer_or(full_key(name), -1);
  if (id < 0 || id > std::numeric_limits<TokenId>::max()) return std::nullopt;
  return static_cast<TokenId>(id);
}

// Without a name, the pre-tokenizer is known for GPT-2 alone: converters wrote Llama 3's files
// without one too.
std::string pre_tokenizer_of(const GgufFile& file) {
  const std::string* pre = file.find_string(full_key("pre"));
  if (pre != nullptr && *pre != "default") return *pre;
  const std::string* architecture = file.find_string("general.architecture");
  if (architecture != nullptr && *architecture == "gpt2") return "gpt-2";
  throw UnsupportedError(
      fmt::format("\"{}\": key {} is {}, expected the name of a pre-tokenizer",
                  file.path().string(), quote(full_key("pre")),
                  pre == nullptr ? "missing" : "\"default\""),
      "convert the model again with a recent converter, or use its Hugging Face folder");
}

}  // namespace

std::shared_ptr<const Tokenizer> gguf_tokenizer(const GgufFile& file) {
  const std::string* kind = file.find_string(full_key("model"));
  if (kind == nullptr) return nullptr;
  if (*kind != "gpt2") {
    throw UnsupportedError(fmt::format("\"{}\": tokenizer {}, expected \"gpt2\" (byte-level BPE)",
                                       file.path().string(), quote(*kind)));
  }
  refuse_other_keys(file);
  BpeVocabulary vocabulary;
  vocabulary.origin = file.path().string();
  vocabulary.pieces = texts_of(file, "tokens");
  vocabulary.token_types = token_types_of(file);
  vocabulary.merges = texts_of(file, "merges");
  vocabulary.pre_tokenizer = pre_tokenizer_of(file);
  vocabulary.bos = token_of(file, "bos_token_id");
  vocabulary.eos = token_of(file, "eos_token_id");
  return std::make_shared<const Tokenizer>(
      tokenizer_spec_from_bpe_vocabulary(std::move(vocabulary)));
}

}  // namespace gnomon
