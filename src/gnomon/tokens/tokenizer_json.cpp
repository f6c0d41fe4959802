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

using NumberedPieces = std::vector<std::pair<TokenId, std::string>>;

// `place` gives the value's name: "model.vocab.the".
template <class Place>
TokenId token_id_of(const std::string& origin, const VocabularyJson& value, const Place& place) {
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > kLargestFile) {
    throw FileError(fmt::format("\"{}\": {} is not a token id", origin, quote(place())));
  }
  return static_cast<TokenId>(value.get<std::uint64_t>());
}

// A file whose vocabulary, most of it, is a list: as a tree it takes three times as long to read.
// In `root` its object stands empty.
struct VocabularyFile {
  VocabularyJson root;
  NumberedPieces numbered;  // in the order of the file
};

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

VocabularyFile read_file(const std::filesystem::path& path, std::vector<std::string> vocabulary) {
  const std::string text = read_text_file(path, kLargestFile);
  check_json_nesting(text, path.string());
  return FileParser(path.string(), std::move(vocabulary)).parse(text);
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
  TokenId token_id(const char* key) const {
    return token_id_of(origin_, member(key), [&] { return path_of(key); });
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
void place_pieces(const std::string& origin, NumberedPieces numbered, TokenizerSpec& spec) {
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

void read_model(const Reader& model, const NumberedPieces& numbered, TokenizerSpec& spec) {
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
  model.object("vocab");  // throws where it is none; what it held is in `numbered`
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
}

void read_added_tokens(const Reader& root, NumberedPieces& numbered, TokenizerSpec& spec) {
  if (root.is_null("added_tokens")) return;
  std::sort(numbered.begin(), numbered.end());
  const auto n_known = static_cast<std::ptrdiff_t>(numbered.size());
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
    if (!std::binary_search(numbered.begin(), numbered.begin() + n_known,
                            std::pair(token.id, token.content))) {
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
  VocabularyFile file = read_file(path, {"model", "vocab"});
  TokenizerSpec spec;
  spec.origin = path.string();
  const Reader root(spec.origin, "", file.root);
  refuse_other_parts(root);
  read_normalizer(root, spec);
  read_pre_tokenizer(root, spec);
  read_model(root.object("model"), file.numbered, spec);
  read_added_tokens(root, file.numbered, spec);
  place_pieces(spec.origin, std::move(file.numbered), spec);
  return spec;
}

TokenizerSpec read_vocab_and_merges(const std::filesystem::path& vocab_json,
                                    const std::filesystem::path& merges_txt) {
  VocabularyFile file = read_file(vocab_json, {});
  TokenizerSpec spec;
  spec.origin = vocab_json.string();
  spec.steps = {PretokenStep::gpt2};
  Reader(spec.origin, "", file.root);  // throws where it is no object
  place_pieces(spec.origin, std::move(file.numbered), spec);
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
