// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "gnomon/tokens/sentencepiece_vocabulary.h"
#include "tokens/golden.h"

// What Hugging Face tokenizers gave for tokenizers with byte fallback:
// tools/make_sentencepiece_golden.py.
namespace gnomon::test {

struct SentencePieceGolden {
  SentencePieceVocabulary vocabulary;  // of Mistral 7B v0.1, as GGUF has it
  std::string merges_hash;
  std::vector<std::string> texts;             // those of golden.json, then its own
  std::map<std::string, std::string> hashes;  // six digits for each text
  std::string decoded_hashes;                 // of what tiny_metaspace's ids decode to
  Sweep sweep;
  std::vector<AddedToken> custom_added;
};

inline SentencePieceGolden read_sentencepiece_golden() {
  const Json file = read_json_file(golden_path("sentencepiece.json"));
  SentencePieceGolden g;
  SentencePieceVocabulary& vocabulary = g.vocabulary;
  vocabulary.origin = "sentencepiece.json";
  vocabulary.pieces = file.at("pieces").get<std::vector<std::string>>();
  const auto first = file.at("first_scored").get<std::size_t>();
  for (std::size_t i = 0; i < vocabulary.pieces.size(); ++i) {
    vocabulary.scores.push_back(i < first ? 0 : -static_cast<double>(i - first));
    // Unknown, control, bytes, normal.
    vocabulary.token_types.push_back(i == 0 ? 2 : i < 3 ? 3 : i < first ? 6 : 1);
  }
  for (const Json& id : file.at("low_scored")) vocabulary.scores[id.get<std::size_t>()] = -1e9;
  vocabulary.bos = 1;
  vocabulary.eos = 2;
  g.merges_hash = file.at("merges_hash");
  g.texts = golden().texts;
  for (const Json& text : file.at("texts")) g.texts.push_back(text);
  for (const auto& [name, digits] : file.at("hashes").items()) g.hashes[name] = digits;
  g.decoded_hashes = file.at("decoded").at("tiny_metaspace");
  g.sweep = {"prepend", file.at("sweep").at("context"), file.at("sweep").at("blocks")};
  g.custom_added = added_tokens(file.at("custom_added"));
  return g;
}

inline const SentencePieceGolden& sentencepiece_golden() {
  static const SentencePieceGolden g = read_sentencepiece_golden();
  return g;
}

// The tokenizers of the golden file by name.
inline TokenizerSpec sentencepiece_spec(const std::string& name) {
  if (name == "tiny_metaspace")
    return read_tokenizer_json(golden_path("tiny_metaspace_tokenizer.json"));
  TokenizerSpec spec = tokenizer_spec_from_sentencepiece(sentencepiece_golden().vocabulary);
  const auto add_custom = [&] {
    for (const AddedToken& token : sentencepiece_golden().custom_added)
      place_added_token(token, spec);
  };
  const auto mark_when_cut = [&](SpacePrefix prefix, bool split) {
    spec.normalizer = TextNormalizer::none;
    spec.merge_ranks.clear();  // as Hugging Face has them
    spec.space_marks = SpaceMarks{prefix, split, prefix != SpacePrefix::none};
  };
  const auto normalize_special = [&] {
    for (AddedToken& token : spec.added) token.normalized = true;
  };
  if (name == "prepend_normalized") {
    normalize_special();
    add_custom();
  } else if (name == "replace") {
    spec.space_marks->prefix = SpacePrefix::none;
    add_custom();
  } else if (name == "first") {
    mark_when_cut(SpacePrefix::first_unless_there, false);
  } else if (name == "first_added") {
    mark_when_cut(SpacePrefix::first_unless_there, false);
    normalize_special();
    add_custom();
  } else if (name == "always_split") {
    mark_when_cut(SpacePrefix::unless_there, true);
    add_custom();
  } else if (name == "never") {
    mark_when_cut(SpacePrefix::none, false);
  } else if (name == "never_split_whole") {
    mark_when_cut(SpacePrefix::none, true);
    spec.ignore_merges = true;
  } else if (name != "prepend") {
    throw std::runtime_error("no golden tokenizer " + name);
  }
  return spec;
}

}  // namespace gnomon::test
