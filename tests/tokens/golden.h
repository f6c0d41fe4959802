// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "gnomon/base/file.h"
#include "gnomon/base/json.h"
#include "gnomon/tokens/detail/byte_alphabet.h"
#include "gnomon/tokens/detail/utf8.h"
#include "gnomon/tokens/tokenizer_json.h"
#include "gnomon/tokens/tokenizer_spec.h"

// What Hugging Face tokenizers gave: tools/make_tokenizer_golden.py.
namespace gnomon::test {

struct Sweep {
  std::string tokenizer;
  std::string context;              // "*" stands for the code point
  std::vector<std::string> blocks;  // hash of the ids of 4096 code points each
};

struct LongText {
  std::string unit;
  std::size_t length = 0;  // code points of the repeated unit; an "x" follows
  std::map<std::string, std::string> hashes;
};

struct Golden {
  std::vector<std::string> texts;
  std::map<std::string, std::vector<std::vector<TokenId>>> ids;  // gpt2 and smollm2
  std::map<std::string, std::string> hashes;                     // six digits for each text
  std::vector<Sweep> sweeps;
  std::string pretoken_context;
  std::map<std::string, std::vector<std::string>>
      pretoken_sweeps;  // hash of the ends of 4096 code points each
  std::vector<LongText> long_texts;
  std::map<std::string, std::string> newslines;  // hash of a line -> of gpt2's and smollm2's ids
  std::vector<AddedToken> custom_added;
  std::vector<std::string> smollm2_special;
  std::string smollm2_letters;  // the byte-level alphabet as far as the vocabulary has it
};

inline std::string golden_path(const std::string& name) {
  return std::string(GNOMON_TEST_DATA) + "/tokens/" + name;
}

// In the order of their ids.
inline std::vector<AddedToken> added_tokens(const Json& list) {
  std::vector<AddedToken> tokens;
  for (const Json& t : list) {
    tokens.push_back({t.at("id"), t.at("content"), t.at("special"), t.at("normalized"),
                      t.value("lstrip", false), t.value("rstrip", false),
                      t.value("single_word", false)});
  }
  std::ranges::sort(tokens, {}, &AddedToken::id);
  return tokens;
}

// Its piece is the last one, or there already.
inline void place_added_token(AddedToken token, TokenizerSpec& spec) {
  token.only_added = static_cast<std::size_t>(token.id) == spec.pieces.size();
  if (token.only_added) spec.pieces.push_back(token.content);
  spec.added.push_back(std::move(token));
}

inline Golden read_golden() {
  const Json file = read_json_file(golden_path("golden.json"));
  Golden g;
  g.texts = file.at("texts").get<std::vector<std::string>>();
  for (const char* name : {"gpt2", "smollm2"}) {
    g.ids[name] = file.at(name).get<std::vector<std::vector<TokenId>>>();
  }
  for (const auto& [name, digits] : file.at("hashes").items()) g.hashes[name] = digits;
  for (const Json& s : file.at("sweeps")) {
    g.sweeps.push_back({s.at("tokenizer"), s.at("context"), s.at("blocks")});
  }
  g.pretoken_context = file.at("pretoken_context");
  for (const auto& [name, blocks] : file.at("pretoken_sweeps").items()) {
    g.pretoken_sweeps[name] = blocks;
  }
  for (const Json& t : file.at("long")) {
    g.long_texts.push_back(
        {t.at("unit"), t.at("length"), {{"gpt2", t.at("gpt2")}, {"smollm2", t.at("smollm2")}}});
  }
  for (const auto& [line, ids] : file.at("newslines").items()) g.newslines[line] = ids;
  g.custom_added = added_tokens(file.at("custom_added"));
  g.smollm2_special = file.at("smollm2_special").get<std::vector<std::string>>();
  g.smollm2_letters = file.at("smollm2_letters");
  return g;
}

inline const Golden& golden() {
  static const Golden g = read_golden();
  return g;
}

inline AddedToken special_token(TokenId id, std::string content) {
  AddedToken token;
  token.id = id;
  token.content = std::move(content);
  token.special = true;
  return token;
}

inline void append_merges(const std::string& file, TokenizerSpec& spec) {
  const std::string text = read_text_file(golden_path(file));
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    const std::string line = text.substr(at, end - at);
    at = end + 1;
    if (line.starts_with("#version")) continue;
    const std::size_t space = line.find(' ');
    spec.merges.emplace_back(line.substr(0, space), line.substr(space + 1));
    spec.pieces.push_back(spec.merges.back().first + spec.merges.back().second);
  }
}

// GPT-2's ids follow from its merges: the printable bytes, the other bytes, one token for each
// merge, and the end of a text.
inline TokenizerSpec gpt2_spec() {
  TokenizerSpec spec;
  spec.origin = "gpt2_merges.txt";
  spec.steps = {PretokenStep::gpt2};
  for (const bool printable : {true, false}) {
    for (unsigned byte = 0; byte < 256; ++byte) {
      std::string itself;
      detail::append_utf8(itself, byte);
      const std::string& letter = detail::alphabet_character(static_cast<unsigned char>(byte));
      if ((letter == itself) == printable) spec.pieces.push_back(letter);
    }
  }
  append_merges("gpt2_merges.txt", spec);
  spec.added = {special_token(50256, "<|endoftext|>")};
  spec.pieces.push_back("<|endoftext|>");
  spec.bos = spec.eos = 50256;
  return spec;
}

// SmolLM2's likewise: special tokens, the bytes that it has in the order of their letters, merges.
inline TokenizerSpec smollm2_spec() {
  TokenizerSpec spec;
  spec.origin = "smollm2_merges.txt";
  spec.steps = {PretokenStep::digits, PretokenStep::gpt2};
  for (const std::string& content : golden().smollm2_special) {
    spec.added.push_back(special_token(static_cast<TokenId>(spec.pieces.size()), content));
    spec.pieces.push_back(content);
  }
  const std::string& letters = golden().smollm2_letters;
  for (std::size_t at = 0; at < letters.size();) {
    const std::size_t n = static_cast<unsigned char>(letters[at]) < 0x80 ? 1 : 2;
    spec.pieces.push_back(letters.substr(at, n));
    at += n;
  }
  append_merges("smollm2_merges.txt", spec);
  spec.bos = 1;
  spec.eos = 2;
  return spec;
}

inline TokenizerSpec custom_added_spec() {
  TokenizerSpec spec = gpt2_spec();
  for (const AddedToken& token : golden().custom_added) place_added_token(token, spec);
  return spec;
}

// The tokenizers of the golden file by name.
inline TokenizerSpec golden_spec(const std::string& name) {
  if (name == "tiny") return read_tokenizer_json(golden_path("tiny_tokenizer.json"));
  if (name == "custom_added") return custom_added_spec();
  if (name == "composed") {
    TokenizerSpec spec = custom_added_spec();
    spec.normalizer = TextNormalizer::form_c;
    return spec;
  }
  TokenizerSpec spec = name == "smollm2" || name == "unknown" || name == "fused_unknown"
                           ? smollm2_spec()
                           : gpt2_spec();
  if (name == "llama3") {
    spec.steps = {PretokenStep::llama3};
    spec.ignore_merges = true;
  } else if (name == "qwen2") {
    spec.steps = {PretokenStep::qwen2};
  } else if (name == "digit_runs") {
    spec.steps = {PretokenStep::digit_runs, PretokenStep::gpt2};
  } else if (name == "unknown" || name == "fused_unknown") {
    spec.steps = {PretokenStep::gpt2};
    spec.added.clear();
    spec.unknown = 0;
    spec.fuse_unknown = name == "fused_unknown";
  } else if (name != "gpt2" && name != "smollm2") {
    throw std::runtime_error("no golden tokenizer " + name);
  }
  return spec;
}

inline std::string ids_text(const std::vector<TokenId>& ids) {
  std::string text;
  for (const TokenId id : ids) text += (text.empty() ? "" : " ") + std::to_string(id);
  return text;
}

inline std::string short_hash(std::string_view text, std::size_t n_digits) {
  return sha256_hex(text).substr(0, n_digits);
}

}  // namespace gnomon::test
