// SPDX-License-Identifier: Apache-2.0
#include "gnomon/tokens/tokenizer_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/base/json_nesting.h"
#include "gnomon/base/quote.h"

namespace gnomon {
namespace {

// base/json.h keeps the order of keys and looks them up one by one, which takes quadratic time for
// a vocabulary's 50 000 keys; this one sorts them.
using VocabularyJson = nlohmann::json;

constexpr std::size_t kLargestFile = std::size_t{1} << 28;

constexpr std::string_view kLlama3Expression =
    R"re((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|)re"
    R"re( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)re";
constexpr std::string_view kQwen2Expression =
    R"re((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|)re"
    R"re( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)re";
constexpr std::string_view kGpt2Expression =
    R"re('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)re";

VocabularyJson read_json(const std::filesystem::path& path) {
  const std::string text = read_text_file(path, kLargestFile);
  check_json_nesting(text, path.string());
  try {
    return VocabularyJson::parse(text);
  } catch (const VocabularyJson::exception& e) {
    const auto* at = dynamic_cast<const VocabularyJson::parse_error*>(&e);
    throw FileError(fmt::format("\"{}\": not valid JSON at byte {}", path.string(),
                                at != nullptr ? at->byte : 0));
  }
}

// One object of the file. `place` is how messages name it: "model.vocab".
class Reader {
 public:
  Reader(const std::string& origin, std::string place, const VocabularyJson& value)
      : origin_(origin), place_(std::move(place)), value_(value) {
    if (!value_.is_object()) wrong("", "an object");
  }

  bool is_null(const char* key) const {
    const auto found = value_.find(key);
    return found == value_.end() || found->is_null();
  }
  Reader object(const char* key) const { return {origin_, path_of(key), member(key)}; }
  const VocabularyJson& array(const char* key) const {
    const VocabularyJson& value = member(key);
    if (!value.is_array()) wrong(key, "a list");
    return value;
  }
  std::string string(const char* key) const {
    const VocabularyJson& value = member(key);
    if (!value.is_string()) wrong(key, "a string");
    return value.get<std::string>();
  }
  bool boolean(const char* key, bool fallback) const {
    const auto found = value_.find(key);
    if (found == value_.end() || found->is_null()) return fallback;
    if (!found->is_boolean()) wrong(key, "true or false");
    return found->get<bool>();
  }
  TokenId token_id(const char* key) const { return token_id_of(member(key), key); }
  // Of the member `key`.
  TokenId token_id_of(const VocabularyJson& value, const std::string& key) const {
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > kLargestFile) {
      throw FileError(fmt::format("\"{}\": {} is not a token id", origin_, quote(path_of(key))));
    }
    return static_cast<TokenId>(value.get<std::uint64_t>());
  }
  const VocabularyJson& value() const { return value_; }
  const std::string& origin() const { return origin_; }
  std::string path_of(const std::string& key) const {
    return key.empty() ? place_ : place_.empty() ? key : place_ + "." + key;
  }
  [[noreturn]] void unsupported(const std::string& found, std::string_view expected) const {
    throw UnsupportedError(
        fmt::format("\"{}\": {}, expected {}", origin_, found, expected),
        "only byte-level BPE tokenizers in the manner of GPT-2, SmolLM2 and Llama 3 are supported");
  }
  [[noreturn]] void wrong(const std::string& key, std::string_view expected) const {
    throw FileError(fmt::format("\"{}\": \"{}\" is not {}", origin_, path_of(key), expected));
  }

 private:
  const VocabularyJson& member(const char* key) const {
    const auto found = value_.find(key);
    if (found == value_.end()) {
      throw FileError(fmt::format("\"{}\": \"{}\" is missing", origin_, path_of(key)));
    }
    return *found;
  }

  const std::string& origin_;
  std::string place_;
  const VocabularyJson& value_;
};

// Ids must be 0 to n - 1, each once: then no id allocates more than the file is large.
void place_pieces(const std::string& origin, std::vector<std::pair<TokenId, std::string>> numbered,
                  TokenizerSpec& spec) {
  std::sort(numbered.begin(), numbered.end());
  for (std::size_t i = 0; i < numbered.size(); ++i) {
    if (static_cast<std::size_t>(numbered[i].first) != i) {
      throw FileError(
          fmt::format("\"{}\": {} tokens and none has id {}, expected ids 0 to {}, each once",
                      origin, numbered.size(), i, numbered.size() - 1));
    }
    spec.pieces.push_back(std::move(numbered[i].second));
  }
}

std::vector<std::pair<TokenId, std::string>> read_vocabulary(const Reader& vocabulary) {
  std::vector<std::pair<TokenId, std::string>> numbered;
  for (const auto& [piece, id] : vocabulary.value().items()) {
    numbered.emplace_back(vocabulary.token_id_of(id, piece), piece);
  }
  return numbered;
}

std::pair<std::string, std::string> split_merge(const std::string& origin, std::size_t index,
                                                std::string_view merge) {
  const std::size_t space = merge.find(' ');
  if (space == std::string_view::npos || merge.find(' ', space + 1) != std::string_view::npos) {
    throw FileError(fmt::format("\"{}\": merge {} is {}, expected two pieces and one space", origin,
                                index, quote(merge)));
  }
  return {std::string(merge.substr(0, space)), std::string(merge.substr(space + 1))};
}

void read_merges(const Reader& model, TokenizerSpec& spec) {
  for (const VocabularyJson& merge : model.array("merges")) {
    const std::size_t index = spec.merges.size();
    if (merge.is_string()) {
      spec.merges.push_back(
          split_merge(model.origin(), index, merge.get_ref<const std::string&>()));
    } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() &&
               merge[1].is_string()) {
      spec.merges.emplace_back(merge[0].get<std::string>(), merge[1].get<std::string>());
    } else {
      throw FileError(
          fmt::format("\"{}\": merge {} is neither \"left right\" nor a list of two strings",
                      model.origin(), index));
    }
  }
}

void require_empty(const Reader& model, const char* key) {
  if (!model.is_null(key) && !model.string(key).empty()) {
    model.unsupported(fmt::format("{} {}", key, quote(model.string(key))), "none");
  }
}

std::vector<std::pair<TokenId, std::string>> read_model(const Reader& model, TokenizerSpec& spec) {
  // Files from before 2020 have no type.
  if (!model.is_null("type") && model.string("type") != "BPE") {
    model.unsupported("model " + quote(model.string("type")), "\"BPE\"");
  }
  if (!model.is_null("dropout") && model.value().at("dropout") != 0.0) {
    model.unsupported("a model with dropout, whose ids are random", "none");
  }
  require_empty(model, "continuing_subword_prefix");
  require_empty(model, "end_of_word_suffix");
  if (model.boolean("byte_fallback", false)) {
    model.unsupported("byte_fallback", "a byte-level alphabet");
  }
  spec.ignore_merges = model.boolean("ignore_merges", false);
  spec.fuse_unknown = model.boolean("fuse_unk", false);
  auto numbered = read_vocabulary(model.object("vocab"));
  read_merges(model, spec);
  // GPT-2's file has "", which stands for none.
  if (!model.is_null("unk_token") && !model.string("unk_token").empty()) {
    const std::string unknown = model.string("unk_token");
    const auto found = std::find_if(numbered.begin(), numbered.end(),
                                    [&](const auto& row) { return row.second == unknown; });
    if (found == numbered.end()) {
      throw FileError(fmt::format("\"{}\": unk_token {} is not in the vocabulary", model.origin(),
                                  quote(unknown)));
    }
    spec.unknown = found->first;
  }
  return numbered;
}

void read_added_tokens(const Reader& root, std::vector<std::pair<TokenId, std::string>>& numbered,
                       TokenizerSpec& spec) {
  if (root.is_null("added_tokens")) return;
  std::vector<std::pair<TokenId, std::string>> known = numbered;
  std::sort(known.begin(), known.end());
  for (const VocabularyJson& value : root.array("added_tokens")) {
    const Reader row(root.origin(), fmt::format("added_tokens[{}]", spec.added.size()), value);
    AddedToken token;
    token.id = row.token_id("id");
    token.content = row.string("content");
    token.special = row.boolean("special", false);
    token.normalized = row.boolean("normalized", !token.special);
    token.lstrip = row.boolean("lstrip", false);
    token.rstrip = row.boolean("rstrip", false);
    token.single_word = row.boolean("single_word", false);
    if (token.content.empty()) row.wrong("content", "a string with characters");
    // Another piece with this id, or this piece with another id, is found when ids are placed.
    if (!std::binary_search(known.begin(), known.end(), std::pair(token.id, token.content))) {
      numbered.emplace_back(token.id, token.content);
    }
    spec.added.push_back(std::move(token));
  }
}

void read_split(const Reader& step, TokenizerSpec& spec) {
  const Reader pattern = step.object("pattern");
  if (pattern.is_null("Regex")) step.unsupported("a Split by a plain string", "by an expression");
  if (step.string("behavior") != "Isolated" || step.boolean("invert", false)) {
    step.unsupported("a Split that does not keep what it finds", "behavior \"Isolated\"");
  }
  const std::string expression = pattern.string("Regex");
  if (expression == kGpt2Expression) {
    spec.steps.push_back(PretokenStep::gpt2);
  } else if (expression == kLlama3Expression) {
    spec.steps.push_back(PretokenStep::llama3);
  } else if (expression == kQwen2Expression) {
    spec.steps.push_back(PretokenStep::qwen2);
  } else {
    step.unsupported("a Split by the expression " + quote(expression, 300),
                     "that of GPT-2, Llama 3 or Qwen2");
  }
}

// Returns whether the step was ByteLevel, which must be there and must be the last.
bool read_step(const Reader& step, TokenizerSpec& spec) {
  const std::string type = step.string("type");
  if (type == "ByteLevel") {
    if (step.boolean("add_prefix_space", true)) {
      step.unsupported("pre-tokenizer ByteLevel with add_prefix_space", "without");
    }
    if (step.boolean("use_regex", true)) spec.steps.push_back(PretokenStep::gpt2);
    return true;
  }
  if (type == "Digits") {
    const bool each = step.boolean("individual_digits", false);
    spec.steps.push_back(each ? PretokenStep::digits : PretokenStep::digit_runs);
  } else if (type == "Split") {
    read_split(step, spec);
  } else {
    step.unsupported("pre-tokenizer " + quote(type), "ByteLevel, Digits or Split");
  }
  return false;
}

void read_pre_tokenizer(const Reader& root, TokenizerSpec& spec) {
  if (root.is_null("pre_tokenizer")) root.unsupported("no pre-tokenizer", "ByteLevel");
  const Reader pre_tokenizer = root.object("pre_tokenizer");
  bool ended = false;
  const auto add = [&](const Reader& step) {
    if (ended) step.unsupported("a pre-tokenizer after ByteLevel", "ByteLevel to be the last");
    ended = read_step(step, spec);
  };
  if (pre_tokenizer.string("type") == "Sequence") {
    for (const VocabularyJson& value : pre_tokenizer.array("pretokenizers")) {
      add(Reader(root.origin(), "pre_tokenizer.pretokenizers", value));
    }
  } else {
    add(pre_tokenizer);
  }
  if (!ended) root.unsupported("a pre-tokenizer without ByteLevel", "ByteLevel to be the last");
}

void read_normalizer_step(const Reader& step, TokenizerSpec& spec) {
  const std::string type = step.string("type");
  if (type != "NFC") step.unsupported("normalizer " + quote(type), "\"NFC\" or none");
  spec.compose = true;
}

void read_normalizer(const Reader& root, TokenizerSpec& spec) {
  if (root.is_null("normalizer")) return;
  const Reader normalizer = root.object("normalizer");
  if (normalizer.string("type") != "Sequence") return read_normalizer_step(normalizer, spec);
  for (const VocabularyJson& value : normalizer.array("normalizers"))
    read_normalizer_step(Reader(root.origin(), "normalizer.normalizers", value), spec);
}

void refuse_other_parts(const Reader& root) {
  if (!root.is_null("decoder") && root.object("decoder").string("type") != "ByteLevel") {
    root.unsupported("decoder " + quote(root.object("decoder").string("type")), "\"ByteLevel\"");
  }
}

// Lines as HF counts them: a carriage return before the end of a line is not part of it.
void read_merge_lines(const std::filesystem::path& path, TokenizerSpec& spec) {
  const std::string text = read_text_file(path, kLargestFile);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = std::string_view(text).substr(at, end - at);
    at = end + 1;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with("#version")) continue;
    spec.merges.push_back(split_merge(path.string(), spec.merges.size(), line));
  }
}

}  // namespace

TokenizerSpec read_tokenizer_json(const std::filesystem::path& path) {
  const VocabularyJson file = read_json(path);
  TokenizerSpec spec;
  spec.origin = path.string();
  const Reader root(spec.origin, "", file);
  refuse_other_parts(root);
  read_normalizer(root, spec);
  read_pre_tokenizer(root, spec);
  auto numbered = read_model(root.object("model"), spec);
  read_added_tokens(root, numbered, spec);
  place_pieces(spec.origin, std::move(numbered), spec);
  return spec;
}

TokenizerSpec read_vocab_and_merges(const std::filesystem::path& vocab_json,
                                    const std::filesystem::path& merges_txt) {
  const VocabularyJson file = read_json(vocab_json);
  TokenizerSpec spec;
  spec.origin = vocab_json.string();
  spec.steps = {PretokenStep::gpt2};
  place_pieces(spec.origin, read_vocabulary(Reader(spec.origin, "", file)), spec);
  read_merge_lines(merges_txt, spec);
  const auto end = std::find(spec.pieces.begin(), spec.pieces.end(), "<|endoftext|>");
  if (end != spec.pieces.end()) {
    AddedToken token;
    token.id = static_cast<TokenId>(end - spec.pieces.begin());
    token.content = *end;
    token.special = true;
    spec.bos = token.id;
    spec.eos = token.id;
    spec.added.push_back(std::move(token));
  }
  return spec;
}

}  // namespace gnomon
