// SPDX-License-Identifier: Apache-2.0
#include "gnomon/tokens/tokenizer_json.h"

#include <gtest/gtest.h>

#include "gnomon/base/error.h"
#include "gnomon/tokens/detail/space_marks.h"
#include "gnomon/tokens/tokenizer.h"
#include "support/hostile_bytes.h"
#include "support/temporary_folder.h"
#include "tokens/golden.h"

namespace gnomon::test {
namespace {

// A small file with one of everything; each test changes a part.
Json small_json() {
  return Json::parse(R"({
    "version": "1.0", "truncation": null, "padding": null,
    "added_tokens": [
      {"id": 4, "content": "<end>", "single_word": false, "lstrip": false, "rstrip": false,
       "normalized": false, "special": true},
      {"id": 5, "content": "<x>", "single_word": false, "lstrip": true, "rstrip": false,
       "normalized": true, "special": false}],
    "normalizer": null,
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true,
                      "use_regex": true},
    "post_processor": null,
    "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true,
                "use_regex": true},
    "model": {"type": "BPE", "dropout": null, "unk_token": null,
              "continuing_subword_prefix": "", "end_of_word_suffix": "", "fuse_unk": false,
              "byte_fallback": false, "ignore_merges": false,
              "vocab": {"a": 0, "b": 1, "Ġ": 2, "ab": 3, "<end>": 4},
              "merges": ["a b"]}})");
}

std::vector<TokenId> encode(const Json& json, std::string_view text) {
  const TemporaryFolder folder;
  const auto path = folder.write("tokenizer.json", json.dump());
  return Tokenizer(read_tokenizer_json(path)).encode(text);
}

template <class ErrorType, class Change>
std::string message(Change change) {
  Json json = small_json();
  change(json);
  const TemporaryFolder folder;
  const auto path = folder.write("tokenizer.json", json.dump());
  try {
    const Tokenizer tokenizer(read_tokenizer_json(path));
  } catch (const ErrorType& e) {
    const std::string expected_start = "\"" + path.string() + "\": ";
    const std::string text = e.what();
    EXPECT_TRUE(text.starts_with(expected_start)) << text;
    return text.substr(std::min(expected_start.size(), text.size()));
  } catch (const std::exception& e) {
    return std::string("another error: ") + e.what();
  }
  return "no error";
}

template <class Change>
std::string unsupported(Change change) {
  return message<UnsupportedError>(change);
}
template <class Change>
std::string bad_file(Change change) {
  return message<FileError>(change);
}

TEST(TokenizerJson, ReadsBothWritingsOfMerges) {
  Json json = small_json();
  EXPECT_EQ(encode(json, "ab b <x><end>"), (std::vector<TokenId>{3, 2, 1, 5, 4}));
  json["model"]["merges"] = Json::parse(R"([["a", "b"]])");
  EXPECT_EQ(encode(json, "ab b <x><end>"), (std::vector<TokenId>{3, 2, 1, 5, 4}));
}

TEST(TokenizerJson, ReadsAGpt2File) {
  const TokenizerSpec spec = gpt2_spec();
  Json json = small_json();
  json["added_tokens"] = Json::parse(
      R"([{"id": 50256, "content": "<|endoftext|>", "special": true, "normalized": true}])");
  nlohmann::json vocabulary;
  for (std::size_t i = 0; i < spec.pieces.size(); ++i) vocabulary[spec.pieces[i]] = i;
  json["model"].erase("vocab");
  json["model"]["unk_token"] = "";
  json["model"]["merges"] = Json::array();
  std::string merges;
  for (const auto& [left, right] : spec.merges) {
    json["model"]["merges"].push_back(left + " " + right);
    merges += left + " " + right + "\r\n";
  }
  // Put in as text: Json would take quadratic time for so many keys.
  std::string text = json.dump();
  text.replace(text.find("\"type\":\"BPE\""), 0, "\"vocab\":" + vocabulary.dump() + ",");
  const TemporaryFolder folder;
  const Tokenizer from_one(read_tokenizer_json(folder.write("tokenizer.json", text)));
  const Tokenizer from_two(
      read_vocab_and_merges(folder.write("vocab.json", vocabulary.dump()),
                            folder.write("merges.txt", "#version: 0.2\n" + merges)));
  for (std::size_t i = 0; i < golden().texts.size(); ++i) {
    EXPECT_EQ(from_one.encode(golden().texts[i]), golden().ids.at("gpt2")[i]);
    EXPECT_EQ(from_two.encode(golden().texts[i]), golden().ids.at("gpt2")[i]);
  }
  EXPECT_EQ(from_two.eos(), 50256);
  EXPECT_EQ(from_two.bos(), 50256);
  EXPECT_TRUE(from_two.is_special(50256));
  EXPECT_EQ(from_one.eos(), std::nullopt);
}

TEST(TokenizerJson, ReadsPreTokenizers) {
  const auto steps = [](const char* pre_tokenizer) {
    Json json = small_json();
    json["pre_tokenizer"] = Json::parse(pre_tokenizer);
    const TemporaryFolder folder;
    return read_tokenizer_json(folder.write("tokenizer.json", json.dump())).steps;
  };
  using Steps = std::vector<PretokenStep>;
  EXPECT_EQ(steps(R"({"type": "Sequence", "pretokenizers": [
              {"type": "Digits", "individual_digits": true},
              {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true,
               "use_regex": true}]})"),
            (Steps{PretokenStep::digits, PretokenStep::gpt2}));
  // The expressions as the models' files have them.
  EXPECT_EQ(steps(R"({"type": "Sequence", "pretokenizers": [
              {"type": "Split", "pattern": {"Regex":
               "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"},
               "behavior": "Isolated", "invert": false},
              {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true,
               "use_regex": false}]})"),
            Steps{PretokenStep::llama3});
  EXPECT_EQ(steps(R"({"type": "Sequence", "pretokenizers": [
              {"type": "Digits", "individual_digits": false},
              {"type": "Split", "pattern": {"Regex":
               "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"},
               "behavior": "Isolated", "invert": false},
              {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false,
               "use_regex": false}]})"),
            (Steps{PretokenStep::digit_runs, PretokenStep::qwen2}));
}

TEST(TokenizerJson, NamesWhatItDoesNotSupport) {
  EXPECT_EQ(unsupported([](Json& j) {
              j["normalizer"] = {{"type", "Lowercase"}};
            }),
            "normalizer \"Lowercase\", expected \"NFC\" or none");
  EXPECT_EQ(unsupported([](Json& j) {
              j["normalizer"] = {{"type", "Sequence"},
                                 {"normalizers", {{{"type", "NFC"}}, {{"type", "Sequence"}}}}};
            }),
            "normalizer \"Sequence\", expected \"NFC\" or none");
  EXPECT_EQ(unsupported([](Json& j) {
              j["decoder"] = {{"type", "Metaspace"}};
            }),
            "decoder \"Metaspace\", expected \"ByteLevel\"");
  EXPECT_EQ(unsupported([](Json& j) { j["model"]["type"] = "Unigram"; }),
            "model \"Unigram\", expected \"BPE\"");
  EXPECT_EQ(unsupported([](Json& j) {
              j["pre_tokenizer"] = {{"type", "Whitespace"}};
            }),
            "pre-tokenizer \"Whitespace\", expected ByteLevel, Digits or Split");
  EXPECT_EQ(unsupported([](Json& j) { j["pre_tokenizer"]["add_prefix_space"] = true; }),
            "pre-tokenizer ByteLevel with add_prefix_space, expected without");
  EXPECT_EQ(unsupported([](Json& j) { j["pre_tokenizer"] = nullptr; }),
            "no pre-tokenizer, expected ByteLevel");
  EXPECT_EQ(unsupported([](Json& j) {
              j["pre_tokenizer"] = {{"type", "Digits"}};
            }),
            "a pre-tokenizer without ByteLevel, expected ByteLevel to be the last");
  EXPECT_EQ(unsupported([](Json& j) {
              j["pre_tokenizer"] = Json::parse(
                  R"({"type": "Sequence", "pretokenizers": [
                      {"type": "Split", "pattern": {"Regex": "\\w+"}, "behavior": "Isolated",
                       "invert": false}]})");
            }),
            "a Split by the expression \"\\w+\", expected that of GPT-2, Llama 3 or Qwen2");
  EXPECT_EQ(unsupported([](Json& j) {
              j["pre_tokenizer"] = Json::parse(
                  R"({"type": "Sequence", "pretokenizers": [
                      {"type": "ByteLevel", "add_prefix_space": false},
                      {"type": "Digits", "individual_digits": true}]})");
            }),
            "a pre-tokenizer after ByteLevel, expected ByteLevel to be the last");
  EXPECT_EQ(unsupported([](Json& j) { j["model"]["dropout"] = 0.1; }),
            "a model with dropout, whose ids are random, expected none");
  EXPECT_EQ(unsupported([](Json& j) { j["model"]["end_of_word_suffix"] = "</w>"; }),
            "end_of_word_suffix \"</w>\", expected none");
  EXPECT_EQ(unsupported([](Json& j) { j["model"]["continuing_subword_prefix"] = "##"; }),
            "continuing_subword_prefix \"##\", expected none");
}

// A small file with byte fallback: every byte, "a", "b", "ab", a mark, and "<end>".
Json fallback_json() {
  Json json = small_json();
  Json vocabulary = Json::object();
  for (unsigned byte = 0; byte < 256; ++byte)
    vocabulary[detail::byte_piece(static_cast<unsigned char>(byte))] = byte;
  vocabulary["a"] = 256;
  vocabulary["b"] = 257;
  vocabulary["ab"] = 258;
  vocabulary["\u2581"] = 259;
  vocabulary["<end>"] = 260;
  json["model"]["vocab"] = vocabulary;
  json["model"]["byte_fallback"] = true;
  json["added_tokens"] =
      Json::parse(R"([{"id": 260, "content": "<end>", "special": true, "normalized": false}])");
  json["normalizer"] = Json::parse(R"({"type": "Sequence", "normalizers": [
      {"type": "Prepend", "prepend": "\u2581"},
      {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}]})");
  json["pre_tokenizer"] = nullptr;
  json["decoder"] = Json::parse(R"({"type": "Sequence", "decoders": [
      {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "},
      {"type": "ByteFallback"}, {"type": "Fuse"},
      {"type": "Strip", "content": " ", "start": 1, "stop": 0}]})");
  return json;
}

void set_metaspace(Json& json, const char* pre_tokenizer) {
  json["normalizer"] = nullptr;
  json["pre_tokenizer"] = Json::parse(pre_tokenizer);
}

TEST(TokenizerJson, ReadsByteFallbackWithMarksFromTheNormalizer) {
  using Ids = std::vector<TokenId>;
  Json json = fallback_json();
  EXPECT_EQ(encode(json, " ab<end>ab\n"), (Ids{259, 259, 258, 260, 259, 258, 10}));
  json["normalizer"]["normalizers"].erase(0);
  EXPECT_EQ(encode(json, " ab<end>ab\n"), (Ids{259, 258, 260, 258, 10}));
  json["normalizer"] = Json(json["normalizer"]["normalizers"][0]);
  EXPECT_EQ(encode(json, " ab<end>ab\n"), (Ids{259, 258, 260, 258, 10}));
}

TEST(TokenizerJson, ByteFallbackNeedsNoUnknownToken) {
  Json json = fallback_json();
  json["model"]["vocab"].erase("<end>");
  json["model"]["unk_token"] = "<end>";
  EXPECT_EQ(encode(json, "a<end>"), (std::vector<TokenId>{259, 256, 260}));
}

// tokenizers gives " <end> ab" too: its token is "\u2581<end>" there.
TEST(TokenizerJson, DecodesNormalizedTokensWithTheSpaceBeforeThem) {
  Json json = fallback_json();
  json["added_tokens"][0]["normalized"] = true;
  json["decoder"]["decoders"].erase(3);
  const TemporaryFolder folder;
  const Tokenizer tokenizer(read_tokenizer_json(folder.write("tokenizer.json", json.dump())));
  const std::vector<TokenId> ids = tokenizer.encode("<end> ab");
  EXPECT_EQ(ids, (std::vector<TokenId>{260, 259, 258}));
  EXPECT_EQ(tokenizer.decode(ids), " <end> ab");
}

TEST(TokenizerJson, ADecoderMayLeaveOutASpace) {
  const auto decoded = [](const Json& json) {
    const TemporaryFolder folder;
    const Tokenizer tokenizer(read_tokenizer_json(folder.write("tokenizer.json", json.dump())));
    return tokenizer.decode(std::vector<TokenId>{259, 258, 259, 257});
  };
  Json json = fallback_json();
  EXPECT_EQ(decoded(json), "ab b");
  json["decoder"]["decoders"].erase(3);
  EXPECT_EQ(decoded(json), " ab b");
}

TEST(TokenizerJson, NothingIsMergedIntoATokenThatIsOnlyAdded) {
  using Ids = std::vector<TokenId>;
  Json json = fallback_json();
  set_metaspace(json,
                R"({"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "never"})");
  json["added_tokens"].push_back(
      {{"id", 261}, {"content", "x"}, {"special", false}, {"single_word", true}});
  EXPECT_EQ(encode(json, "axb"), (Ids{256, 'x', 257}));
  EXPECT_EQ(encode(json, "a x b"), (Ids{256, 259, 261, 259, 257}));
  json["added_tokens"].push_back({{"id", 262}, {"content", "ba"}, {"special", false}});
  json["model"]["merges"].push_back("b a");
  EXPECT_EQ(bad_file([&](Json& j) { j = json; }),
            "merge 1 is \"b\" \"a\", but \"ba\" is not in the vocabulary");
}

TEST(TokenizerJson, ReadsByteFallbackWithMetaspace) {
  using Ids = std::vector<TokenId>;
  Json json = fallback_json();
  const auto ids = [&](const char* pre_tokenizer) {
    set_metaspace(json, pre_tokenizer);
    return encode(json, "ab<end>ab<end> b");
  };
  EXPECT_EQ(ids(R"({"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "first",
                    "split": false})"),
            (Ids{259, 258, 260, 258, 260, 259, 257}));
  EXPECT_EQ(ids(R"({"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always"})"),
            (Ids{259, 258, 260, 259, 258, 260, 259, 257}));
  EXPECT_EQ(ids(R"({"type": "Metaspace", "replacement": "\u2581", "add_prefix_space": true})"),
            (Ids{259, 258, 260, 259, 258, 260, 259, 257}));
  EXPECT_EQ(ids(R"({"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "never"})"),
            (Ids{258, 260, 258, 260, 259, 257}));
}

TEST(TokenizerJson, NamesWhatItDoesNotSupportBesideByteFallback) {
  const auto refused = [](auto change) {
    return unsupported([&](Json& json) {
      json = fallback_json();
      change(json);
    });
  };
  const std::string decoder =
      "another decoder beside byte_fallback, expected Replace of \"\u2581\" by \" \", "
      "ByteFallback, "
      "Fuse, and Strip of one \" \" at the start or not";
  EXPECT_EQ(refused([](Json& j) { j["decoder"] = {{"type", "ByteLevel"}}; }), decoder);
  EXPECT_EQ(refused([](Json& j) { j["decoder"]["decoders"][3]["start"] = 3; }), decoder);
  EXPECT_EQ(refused([](Json& j) { j["decoder"]["decoders"][3]["content"] = "a"; }), decoder);
  EXPECT_EQ(refused([](Json& j) { j["decoder"]["decoders"].erase(1); }), decoder);
  EXPECT_EQ(
      refused([](Json& j) { j["normalizer"] = nullptr; }),
      "byte_fallback without one step that marks spaces, or with several, expected Replace as "
      "the normalizer or Metaspace as the pre-tokenizer");
  EXPECT_EQ(
      refused([](Json& j) {
        j["pre_tokenizer"] = {{"type", "Metaspace"}, {"replacement", "\u2581"}};
      }),
      "byte_fallback without one step that marks spaces, or with several, expected Replace as "
      "the normalizer or Metaspace as the pre-tokenizer");
  EXPECT_EQ(refused([](Json& j) {
              j["normalizer"] = {{"type", "NFC"}};
            }),
            "another normalizer beside byte_fallback, expected Prepend of \"\u2581\" or not, then "
            "Replace of \" \" by it");
  EXPECT_EQ(refused([](Json& j) { j["normalizer"]["normalizers"][0]["prepend"] = "_"; }),
            "another normalizer beside byte_fallback, expected Prepend of \"\u2581\" or not, then "
            "Replace of \" \" by it");
  EXPECT_EQ(refused([](Json& j) { j["normalizer"]["normalizers"].erase(1); }),
            "another normalizer beside byte_fallback, expected Prepend of \"\u2581\" or not, then "
            "Replace of \" \" by it");
  EXPECT_EQ(
      refused([](Json& j) { set_metaspace(j, R"({"type": "Metaspace", "replacement": "_"})"); }),
      "Metaspace with \"_\", expected \"\u2581\"");
  EXPECT_EQ(refused([](Json& j) { set_metaspace(j, R"({"type": "Digits"})"); }),
            "pre-tokenizer \"Digits\" beside byte_fallback, expected Metaspace");
  const auto damaged = [](const char* options) {
    return bad_file([&](Json& json) {
      json = fallback_json();
      set_metaspace(json, options);
    });
  };
  EXPECT_EQ(damaged(R"({"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "last"})"),
            "\"pre_tokenizer.prepend_scheme\" is not \"always\", \"first\" or \"never\"");
  EXPECT_EQ(damaged(R"({"type": "Metaspace", "replacement": "\u2581", "add_prefix_space": false})"),
            "\"pre_tokenizer.add_prefix_space\" is not in accord with prepend_scheme");
  EXPECT_EQ(bad_file([](Json& j) {
              j = fallback_json();
              j["model"]["vocab"].erase("<0x0A>");
              j["model"]["vocab"]["x"] = 10;
            }),
            "no token \"<0x0A>\", expected one for each byte");
}

TEST(TokenizerJson, RefusesTablesThatDoNotFit) {
  EXPECT_EQ(bad_file([](Json& j) { j["model"]["merges"].push_back("ab c"); }),
            "merge 1 is \"ab\" \"c\", but \"c\" is not in the vocabulary");
  EXPECT_EQ(bad_file([](Json& j) { j["model"]["merges"].push_back("a b c"); }),
            "merge 1 is \"a b c\", expected two pieces and one space");
  EXPECT_EQ(bad_file([](Json& j) { j["model"]["merges"].push_back(3); }),
            "merge 1 is neither \"left right\" nor a list of two strings");
  EXPECT_EQ(bad_file([](Json& j) { j["model"]["vocab"]["b"] = 0; }),
            "6 tokens and none has id 1, expected ids 0 to 5, each once");
  EXPECT_EQ(bad_file([](Json& j) { j["model"]["vocab"]["b"] = 900000; }),
            "6 tokens and none has id 1, expected ids 0 to 5, each once");
  EXPECT_EQ(bad_file([](Json& j) { j["model"]["vocab"]["b"] = -1; }),
            "\"model.vocab.b\" is not a token id");
  EXPECT_EQ(bad_file([](Json& j) { j["model"]["vocab"]["b"] = 1e300; }),
            "\"model.vocab.b\" is not a token id");
  EXPECT_EQ(
      bad_file([](Json& j) { j["added_tokens"][0]["id"] = 3; }),
      "\"added_tokens[0].id\" is not 5, the next number of a token that is not in the vocabulary");
  EXPECT_EQ(bad_file([](Json& j) { j["added_tokens"][1]["content"] = "ab"; }),
            "token 5 is \"ab\" as is token 3, expected each piece once");
  EXPECT_EQ(
      bad_file([](Json& j) {
        j["added_tokens"][1]["id"] = 6;
        j["added_tokens"].push_back({{"id", 5}, {"content", "<y>"}});
      }),
      "\"added_tokens[1].id\" is not 5, the next number of a token that is not in the vocabulary");
  EXPECT_EQ(
      bad_file([](Json& j) {  // a hole in the vocabulary, which Hugging Face leaves
        j["model"]["vocab"]["<end>"] = 5;
        j["added_tokens"] = Json::parse(R"([{"id": 4, "content": "<x>"}])");
      }),
      "\"added_tokens[0].id\" is not 5, the next number of a token that is not in the vocabulary");
  EXPECT_EQ(bad_file([](Json& j) { j["added_tokens"][1]["content"] = ""; }),
            "\"added_tokens[1].content\" is not a string with characters");
  EXPECT_EQ(bad_file([](Json& j) { j["model"]["unk_token"] = "<unk>"; }),
            "unk_token \"<unk>\" is not in the vocabulary");
  EXPECT_EQ(bad_file([](Json& j) { j["model"].erase("vocab"); }), "\"model.vocab\" is missing");
  EXPECT_EQ(bad_file([](Json& j) { j["model"] = 3; }), "\"model\" is not an object");
  EXPECT_EQ(bad_file([](Json& j) { j["model"]["merges"] = "x"; }),
            "\"model.merges\" is not a list");
  EXPECT_EQ(bad_file([](Json& j) { j["model"]["ignore_merges"] = 1; }),
            "\"model.ignore_merges\" is not true or false");
}

TEST(TokenizerJson, OfTwoVocabulariesTheSecondCounts) {
  const TemporaryFolder folder;
  std::string text = small_json().dump();
  const std::string name = "\"vocab\":";
  const std::size_t at = text.find(name);
  ASSERT_NE(at, std::string::npos);
  text.insert(at, name + R"({"x": 0, "y": 1, "z": 2, "xy": 3},)");
  EXPECT_EQ(Tokenizer(read_tokenizer_json(folder.write("tokenizer.json", text))).encode("ab"),
            std::vector<TokenId>{3});
  // A vocabulary elsewhere is none.
  text = small_json().dump();
  text.insert(1, name + R"({"x": 0},)");
  EXPECT_EQ(Tokenizer(read_tokenizer_json(folder.write("tokenizer.json", text))).encode("ab"),
            std::vector<TokenId>{3});
}

TEST(TokenizerJson, RefusesAVocabularyWithinTheVocabulary) {
  EXPECT_EQ(bad_file([](Json& j) {
              j["model"]["vocab"]["b"] = {{"vocab", 1}};
            }),
            "\"model.vocab.b\" is not a token id");
  EXPECT_EQ(bad_file([](Json& j) {
              j["model"]["vocab"] = {1, 2};
            }),
            "\"model.vocab\" is not an object");
}

TEST(TokenizerJson, RefusesDeepNesting) {
  const TemporaryFolder folder;
  const auto path = folder.write("tokenizer.json", std::string(100000, '['));
  EXPECT_THROW(read_tokenizer_json(path), FileError);
  EXPECT_THROW(read_tokenizer_json(folder / "absent.json"), FileError);
}

TEST(TokenizerJson, SurvivesAnyBytes) {
  const auto read = [](const std::filesystem::path& path) {
    Tokenizer(read_tokenizer_json(path)).encode("ab <x> <end>\xFF");
  };
  const std::string content = small_json().dump();
  const HostileCounts cut = try_truncations(content, read);
  EXPECT_EQ(cut.accepted, 0);
  const HostileCounts changed = try_changed_bytes(content, content.size(), read);
  EXPECT_GT(changed.refused, 0);
}

TEST(VocabAndMerges, RefusesOtherLines) {
  const TemporaryFolder folder;
  const auto vocab = folder.write("vocab.json", R"({"a": 0, "b": 1, "ab": 2})");
  for (const char* merges : {"#version: 0.2\na b\n\n", "a b c\n", "ab\n"}) {
    const auto path = folder.write("merges.txt", merges);
    EXPECT_THROW(read_vocab_and_merges(vocab, path), FileError) << merges;
  }
  const Tokenizer tokenizer(
      read_vocab_and_merges(vocab, folder.write("merges.txt", "#version: 0.2\na b")));
  EXPECT_EQ(tokenizer.encode("ab"), std::vector<TokenId>{2});
  EXPECT_EQ(tokenizer.eos(), std::nullopt);
}

}  // namespace
}  // namespace gnomon::test
