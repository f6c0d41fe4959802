// SPDX-License-Identifier: Apache-2.0
#include "gnomon/tokens/tokenizer_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/base/quote.h"
#include "gnomon/tokens/detail/space_marks.h"
#include "gnomon/tokens/detail/tokenizer_file.h"

namespace gnomon {
namespace {

using detail::kLargestTokenizerFile;
using detail::NumberedPieces;
using detail::read_vocabulary_file;
using detail::TokenizerFileObject;
using detail::VocabularyFile;
using detail::VocabularyJson;

constexpr std::string_view kLlama3Expression =
    R"re((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|)re"
    R"re( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)re";
constexpr std::string_view kQwen2Expression =
    R"re((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|)re"
    R"re( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)re";
constexpr std::string_view kGpt2Expression =
    R"re('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)re";

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

void read_merges(const TokenizerFileObject& model, TokenizerSpec& spec) {
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

void require_empty(const TokenizerFileObject& model, const char* key) {
  if (!model.is_null(key) && !model.string(key).empty()) {
    model.unsupported(fmt::format("{} {}", key, quote(model.string(key))), "none");
  }
}

void read_model(const TokenizerFileObject& model, const NumberedPieces& numbered,
                TokenizerSpec& spec) {
  // Files from before 2020 have no type.
  if (!model.is_null("type") && model.string("type") != "BPE") {
    model.unsupported("model " + quote(model.string("type")), "\"BPE\"");
  }
  if (!model.is_null("dropout") && model.value().at("dropout") != 0.0) {
    model.unsupported("a model with dropout, whose ids are random", "none");
  }
  require_empty(model, "continuing_subword_prefix");
  require_empty(model, "end_of_word_suffix");
  spec.ignore_merges = model.boolean("ignore_merges", false);
  spec.fuse_unknown = model.boolean("fuse_unk", false);
  model.object("vocab");  // throws where it is none; what it held is in `numbered`
  read_merges(model, spec);
  // GPT-2's file has "", which stands for none.
  if (!model.is_null("unk_token") && !model.string("unk_token").empty()) {
    const std::string unknown = model.string("unk_token");
    const auto found = std::find_if(numbered.begin(), numbered.end(),
                                    [&](const auto& row) { return row.second == unknown; });
    if (found != numbered.end()) {
      spec.unknown = found->first;
    } else if (!model.boolean("byte_fallback", false)) {  // with it no byte is without a piece
      throw FileError(fmt::format("\"{}\": unk_token {} is not in the vocabulary", model.origin(),
                                  quote(unknown)));
    }
  }
}

void read_added_tokens(const TokenizerFileObject& root, NumberedPieces& numbered,
                       TokenizerSpec& spec) {
  if (root.is_null("added_tokens")) return;
  std::sort(numbered.begin(), numbered.end());
  const auto n_known = static_cast<std::ptrdiff_t>(numbered.size());
  for (const VocabularyJson& value : root.array("added_tokens")) {
    const TokenizerFileObject row(root.origin(), fmt::format("added_tokens[{}]", spec.added.size()),
                                  value);
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
    token.only_added = !std::binary_search(numbered.begin(), numbered.begin() + n_known,
                                           std::pair(token.id, token.content));
    if (token.only_added) {
      // Hugging Face numbers them from the vocabulary's size on, whatever the file says.
      if (static_cast<std::size_t>(token.id) != numbered.size()) {
        row.wrong("id", fmt::format("{}, the next number of a token that is not in the vocabulary",
                                    numbered.size()));
      }
      numbered.emplace_back(token.id, token.content);
    }
    spec.added.push_back(std::move(token));
  }
}

void read_split(const TokenizerFileObject& step, TokenizerSpec& spec) {
  const TokenizerFileObject pattern = step.object("pattern");
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
bool read_step(const TokenizerFileObject& step, TokenizerSpec& spec) {
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

void read_pre_tokenizers(const std::vector<TokenizerFileObject>& steps, TokenizerSpec& spec) {
  bool ended = false;
  for (const TokenizerFileObject& step : steps) {
    if (ended) step.unsupported("a pre-tokenizer after ByteLevel", "ByteLevel to be the last");
    ended = read_step(step, spec);
  }
  if (!ended) {
    steps.front().unsupported("a pre-tokenizer without ByteLevel", "ByteLevel to be the last");
  }
}

// A vocabulary in the byte-level alphabet.
void read_byte_level(const TokenizerFileObject& root, TokenizerSpec& spec) {
  for (const TokenizerFileObject& step : root.steps("decoder", "decoders")) {
    const std::string type = step.string("type");
    if (type != "ByteLevel") root.unsupported("decoder " + quote(type), "\"ByteLevel\"");
  }
  for (const TokenizerFileObject& step : root.steps("normalizer", "normalizers")) {
    const std::string type = step.string("type");
    if (type != "NFC") step.unsupported("normalizer " + quote(type), "\"NFC\" or none");
    spec.normalizer = TextNormalizer::form_c;
  }
  const auto steps = root.steps("pre_tokenizer", "pretokenizers");
  if (steps.empty()) root.unsupported("no pre-tokenizer", "ByteLevel");
  read_pre_tokenizers(steps, spec);
}

bool replaces(const TokenizerFileObject& step, std::string_view found, std::string_view by) {
  if (step.string("type") != "Replace") return false;
  const TokenizerFileObject pattern = step.object("pattern");
  return !pattern.is_null("String") && pattern.string("String") == found &&
         step.string("content") == by;
}

void read_marks_normalizer(const std::vector<TokenizerFileObject>& steps, TokenizerSpec& spec) {
  SpaceMarks marks;
  std::size_t at = 0;
  if (steps[at].string("type") == "Prepend" && steps[at].string("prepend") == detail::kSpaceMark) {
    marks.prefix = SpacePrefix::always;
    ++at;
  }
  if (at + 1 != steps.size() || !replaces(steps[at], " ", detail::kSpaceMark)) {
    steps.front().unsupported("another normalizer beside byte_fallback",
                              "Prepend of \"\u2581\" or not, then Replace of \" \" by it");
  }
  spec.normalizer = TextNormalizer::space_marks;
  spec.space_marks = marks;
}

SpaceMarks read_metaspace(const TokenizerFileObject& step) {
  const std::string type = step.string("type");
  if (type != "Metaspace") {
    step.unsupported("pre-tokenizer " + quote(type) + " beside byte_fallback", "Metaspace");
  }
  if (step.string("replacement") != detail::kSpaceMark) {
    step.unsupported("Metaspace with " + quote(step.string("replacement")), "\"\u2581\"");
  }
  SpaceMarks marks;
  marks.split = step.boolean("split", true);
  const std::string scheme =
      step.is_null("prepend_scheme") ? "always" : step.string("prepend_scheme");
  if (scheme == "always") {
    marks.prefix = SpacePrefix::unless_there;
  } else if (scheme == "first") {
    marks.prefix = SpacePrefix::first_unless_there;
  } else if (scheme != "never") {
    step.wrong("prepend_scheme", "\"always\", \"first\" or \"never\"");
  }
  // Hugging Face refuses it too.
  if (!step.boolean("add_prefix_space", true) && scheme != "never")
    step.wrong("add_prefix_space", "in accord with prepend_scheme");
  return marks;
}

bool is_number(const TokenizerFileObject& step, const char* key, int value) {
  return !step.is_null(key) && step.value().at(key) == value;
}

// Whether it leaves out a space at the start.
bool read_marks_decoder(const TokenizerFileObject& root) {
  const auto steps = root.steps("decoder", "decoders");
  if (steps.empty()) return false;
  const auto has = [&](std::size_t i, std::string_view type) {
    return i < steps.size() && steps[i].string("type") == type;
  };
  const bool strips = has(3, "Strip") && steps[3].string("content") == " " &&
                      is_number(steps[3], "start", 1) && is_number(steps[3], "stop", 0);
  if (!replaces(steps[0], detail::kSpaceMark, " ") || !has(1, "ByteFallback") || !has(2, "Fuse") ||
      steps.size() != (strips ? 4 : 3)) {
    root.unsupported(
        "another decoder beside byte_fallback",
        "Replace of \"\u2581\" by \" \", ByteFallback, Fuse, and Strip of one \" \" at "
        "the start or not");
  }
  return strips;
}

// A vocabulary in characters, spaces as marks, with pieces for the bytes of other characters.
void read_marked(const TokenizerFileObject& root, TokenizerSpec& spec) {
  const auto normalizers = root.steps("normalizer", "normalizers");
  const auto pre_tokenizers = root.steps("pre_tokenizer", "pretokenizers");
  if (!normalizers.empty()) read_marks_normalizer(normalizers, spec);
  if (pre_tokenizers.size() + (normalizers.empty() ? 0 : 1) != 1) {
    root.unsupported("byte_fallback without one step that marks spaces, or with several",
                     "Replace as the normalizer or Metaspace as the pre-tokenizer");
  }
  if (normalizers.empty()) spec.space_marks = read_metaspace(pre_tokenizers.front());
  spec.space_marks->strip = read_marks_decoder(root);
}

// Lines as HF counts them: a carriage return before the end of a line is not part of it.
void read_merge_lines(const std::filesystem::path& path, TokenizerSpec& spec) {
  const std::string text = read_text_file(path, kLargestTokenizerFile);
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
  VocabularyFile file = read_vocabulary_file(path, {"model", "vocab"});
  TokenizerSpec spec;
  spec.origin = path.string();
  const TokenizerFileObject root(spec.origin, "", file.root);
  const TokenizerFileObject model = root.object("model");
  read_model(model, file.numbered, spec);
  if (model.boolean("byte_fallback", false)) {
    read_marked(root, spec);
  } else {
    read_byte_level(root, spec);
  }
  read_added_tokens(root, file.numbered, spec);
  place_pieces(spec.origin, std::move(file.numbered), spec);
  return spec;
}

TokenizerSpec read_vocab_and_merges(const std::filesystem::path& vocab_json,
                                    const std::filesystem::path& merges_txt) {
  VocabularyFile file = read_vocabulary_file(vocab_json, {});
  TokenizerSpec spec;
  spec.origin = vocab_json.string();
  spec.steps = {PretokenStep::gpt2};
  TokenizerFileObject(spec.origin, "", file.root);  // throws where it is no object
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
