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
#include "gnomon/tokens/sentencepiece_vocabulary.h"

namespace gnomon {
namespace {

constexpr std::string_view kPrefix = "tokenizer.ggml.";

// Read below, or without effect on the ids of a text: which tokens are put around one (none ever
// is here), names of tokens, and what other kinds of tokenizer use.
constexpr std::array<std::string_view, 13> kKnown = {
    "model",        "pre",          "tokens",          "token_type",    "token_type_count",
    "merges",       "scores",       "add_bos_token",   "add_eos_token", "add_sep_token",
    "bos_token_id", "eos_token_id", "unknown_token_id"};
// It changes the text before it is cut into tokens.
constexpr std::string_view kMustBeFalse = "remove_extra_whitespaces";
constexpr std::string_view kSpacePrefix = "add_space_prefix";

std::string full_key(std::string_view name) { return std::string(kPrefix) + std::string(name); }

void require_false(const GgufFile& file, std::string_view name) {
  if (!file.boolean_or(full_key(name), false)) return;
  throw UnsupportedError(fmt::format("\"{}\": key {} is true, expected false", file.path().string(),
                                     quote(full_key(name))));
}

void refuse_other_keys(const GgufFile& file) {
  require_false(file, kMustBeFalse);
  for (const auto& [key, value] : file.metadata()) {
    if (!key.starts_with(kPrefix)) continue;
    const std::string_view name = std::string_view(key).substr(kPrefix.size());
    const bool names_a_token = name.ends_with("_token_id") || name.ends_with("_token_ids");
    if (names_a_token || name == kMustBeFalse || name == kSpacePrefix ||
        std::ranges::find(kKnown, name) != kKnown.end())
      continue;
    throw UnsupportedError(fmt::format("\"{}\": key {}: the tokenizer has no such step",
                                       file.path().string(), quote(key)));
  }
}

template <class T>
std::vector<T> array_of(const GgufFile& file, std::string_view name, std::string_view what) {
  const std::string key = full_key(name);
  const GgufValue::Array* array = file.find_array(key);
  if (array == nullptr)
    throw FileError(fmt::format("\"{}\": key \"{}\" is missing", file.path().string(), key));
  std::vector<T> values;
  values.reserve(array->size());
  for (const GgufValue& entry : *array) {
    const auto* value = std::get_if<T>(&entry.value);
    if (value == nullptr) {
      throw FileError(
          fmt::format("\"{}\": key \"{}\" is not an array of {}", file.path().string(), key, what));
    }
    values.push_back(*value);
  }
  return values;
}

std::vector<std::string> texts_of(const GgufFile& file, std::string_view name) {
  return array_of<std::string>(file, name, "strings");
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
// without one too, and models of GPT-NeoX's architecture have tokenizers of their own.
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

TokenizerSpec byte_level_spec(const GgufFile& file) {
  require_false(file, kSpacePrefix);
  BpeVocabulary vocabulary;
  vocabulary.origin = file.path().string();
  vocabulary.pieces = texts_of(file, "tokens");
  vocabulary.token_types = token_types_of(file);
  vocabulary.merges = texts_of(file, "merges");
  vocabulary.pre_tokenizer = pre_tokenizer_of(file);
  vocabulary.bos = token_of(file, "bos_token_id");
  vocabulary.eos = token_of(file, "eos_token_id");
  return tokenizer_spec_from_bpe_vocabulary(std::move(vocabulary));
}

TokenizerSpec sentencepiece_spec(const GgufFile& file) {
  const std::string* pre = file.find_string(full_key("pre"));
  if (pre != nullptr && *pre != "default") {
    throw UnsupportedError(
        fmt::format("\"{}\": key {} is {} beside tokenizer \"llama\", expected "
                    "\"default\" or none",
                    file.path().string(), quote(full_key("pre")), quote(*pre)));
  }
  SentencePieceVocabulary vocabulary;
  vocabulary.origin = file.path().string();
  vocabulary.pieces = texts_of(file, "tokens");
  vocabulary.scores = array_of<double>(file, "scores", "numbers");
  vocabulary.token_types = token_types_of(file);
  vocabulary.space_prefix = file.boolean_or(full_key(kSpacePrefix), true);
  vocabulary.bos = token_of(file, "bos_token_id");
  vocabulary.eos = token_of(file, "eos_token_id");
  return tokenizer_spec_from_sentencepiece(std::move(vocabulary));
}

}  // namespace

std::shared_ptr<const Tokenizer> gguf_tokenizer(const GgufFile& file) {
  const std::string* kind = file.find_string(full_key("model"));
  if (kind == nullptr) return nullptr;
  const bool byte_level = *kind == "gpt2";
  if (!byte_level && *kind != "llama") {
    throw UnsupportedError(
        fmt::format("\"{}\": tokenizer {}, expected \"gpt2\" (byte-level BPE) or \"llama\" "
                    "(SentencePiece BPE)",
                    file.path().string(), quote(*kind)));
  }
  refuse_other_keys(file);
  return std::make_shared<const Tokenizer>(byte_level ? byte_level_spec(file)
                                                      : sentencepiece_spec(file));
}

}  // namespace gnomon
