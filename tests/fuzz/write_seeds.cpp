// SPDX-License-Identifier: Apache-2.0
// write_seeds TEST_FOLDER OUT: for each fuzz target a folder of small valid inputs, from the
// writers of tests/support and the files of tests/golden and tests/fuzz/seeds.
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "support/gguf_bytes.h"
#include "support/torch_archive_bytes.h"
#include "support/zip_bytes.h"

namespace {

namespace fs = std::filesystem;
using namespace gnomon::test;

void write(const fs::path& path, std::string_view content) {
  fs::create_directories(path.parent_path());
  std::ofstream file(path, std::ios::binary);
  file.write(content.data(), static_cast<std::streamsize>(content.size()));
  if (!file.flush()) throw std::runtime_error("cannot write " + path.string());
}

void copy_seed(const fs::path& from, const fs::path& to) {
  fs::create_directories(to.parent_path());
  fs::copy_file(from, to, fs::copy_options::overwrite_existing);
}

std::string safetensors(std::string_view header, std::size_t n_data) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>((header.size() >> (8 * i)) & 0xff);
  return bytes + std::string(header) + std::string(n_data, '\1');
}

void write_safetensors(const fs::path& folder) {
  write(folder / "two", safetensors(R"({"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},)"
                                    R"("b":{"dtype":"BF16","shape":[],"data_offsets":[24,26]},)"
                                    R"("__metadata__":{"format":"pt"}} )",
                                    26));
  write(folder / "empty",
        safetensors(R"({"a":{"dtype":"I64","shape":[0,7],"data_offsets":[0,0]}})", 0));
}

// The keys of a small Llama with its tokenizer, and tensors of three types.
std::string small_gguf() {
  using namespace gguf_types;
  GgufBytes b;
  b.header(4, 19);
  b.key("general.architecture", STRING).text("llama");
  b.key("general.alignment", U32).u32(32);
  b.key("llama.block_count", U32).u32(1);
  b.key("llama.context_length", U32).u32(64);
  b.key("llama.embedding_length", U32).u32(32);
  b.key("llama.feed_forward_length", U32).u32(64);
  b.key("llama.attention.head_count", ARRAY).u32(I32).u64(1).put<std::int32_t>(4);
  b.key("llama.attention.layer_norm_rms_epsilon", F32).put(1e-5F);
  b.key("llama.attention.causal", BOOL).put<std::uint8_t>(1);
  b.key("llama.rope.freq_base", F64).put(500.0);
  b.key("llama.rope.scaling.type", STRING).text("linear");
  b.key("llama.rope.scaling.factor", F32).put(2.0F);
  b.key("llama.vocab_size", U64).u64(4);
  b.key("tokenizer.ggml.model", STRING).text("gpt2");
  b.key("tokenizer.ggml.pre", STRING).text("llama-bpe");
  b.key("tokenizer.ggml.tokens", ARRAY)
      .u32(STRING)
      .u64(4)
      .text("a")
      .text("b")
      .text("ab")
      .text("<s>");
  b.key("tokenizer.ggml.token_type", ARRAY).u32(I32).u64(4);
  for (const int type : {1, 1, 1, 3}) b.put<std::int32_t>(type);
  b.key("tokenizer.ggml.merges", ARRAY).u32(STRING).u64(1).text("a b");
  b.key("tokenizer.ggml.bos_token_id", U16).put<std::uint16_t>(3);
  b.tensor("token_embd.weight", {32, 4}, 8, 0);
  b.tensor("rope_freqs.weight", {4}, 0, 160);
  b.tensor("blk.0.attn_norm.weight", {32}, 30, 192);
  b.tensor("blk.0.ffn_up.weight", {256, 1}, 14, 256);
  b.pad().raw(std::string(160, '\x3c'));
  for (const float factor : {1.0F, 1.0F, 2.0F, 8.0F}) b.put(factor);
  b.pad().raw(std::string(64, '\x3f')).pad().raw(std::string(210, '\x11'));
  return b.str();
}

std::string sentencepiece_gguf() {
  using namespace gguf_types;
  constexpr std::uint64_t kNToken = 260;
  std::vector<std::string> pieces = {"a", "ab", "b", "\u2581"};
  std::vector<std::int32_t> types(pieces.size(), 1);
  for (int byte = 0; byte < 256; ++byte) {
    std::array<char, 8> piece = {};
    std::snprintf(piece.data(), piece.size(), "<0x%02X>", static_cast<unsigned>(byte));
    pieces.emplace_back(piece.data());
    types.push_back(6);
  }
  GgufBytes b;
  b.header(0, 6);
  b.key("general.architecture", STRING).text("llama");
  b.key("tokenizer.ggml.model", STRING).text("llama");
  b.key("tokenizer.ggml.add_space_prefix", BOOL).put<std::uint8_t>(1);
  b.key("tokenizer.ggml.tokens", ARRAY).u32(STRING).u64(kNToken);
  for (const std::string& piece : pieces) b.text(piece);
  b.key("tokenizer.ggml.token_type", ARRAY).u32(I32).u64(kNToken);
  for (const std::int32_t type : types) b.put(type);
  b.key("tokenizer.ggml.scores", ARRAY).u32(F32).u64(kNToken);
  for (std::uint64_t i = 0; i < kNToken; ++i) b.put(-static_cast<float>(i));
  return b.str();
}

void write_archives(const fs::path& out) {
  ZipBytes zip;
  ZipBytes::Options stored;
  stored.deflate = false;
  stored.data_descriptor = true;
  zip.add("folder/a.txt", "the same, the same, the same")
      .add("b", "as it is", stored)
      .add("c/", "");
  write(out / "zip" / "three", zip.str());
  write(out / "torch_archive" / "head", torch_head({0.5F, -2, 3}, 7));
  PickleBytes pickle;
  pickle.ordered_dict().raw("(");
  pickle.text("transposed").tensor("0", 6, 0, {3, 2}, {1, 3});
  pickle.text("tail").tensor("0", 6, 4, {2}, {1}).raw("u");
  write(out / "torch_archive" / "pickle", pickle.str());
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 3) throw std::runtime_error("usage: write_seeds TEST_FOLDER OUT");
  const fs::path tests = argv[1];
  const fs::path out = argv[2];
  write_safetensors(out / "safetensors");
  write(out / "gguf" / "llama", small_gguf());
  write(out / "gguf" / "sentencepiece", sentencepiece_gguf());
  write_archives(out);
  for (const fs::directory_entry& model : fs::directory_iterator(tests / "golden" / "models")) {
    const std::string name = model.path().filename().string();
    if (fs::exists(model.path() / "config.json"))
      copy_seed(model.path() / "config.json", out / "config_json" / name);
  }
  for (const char* name : {"tiny", "tiny_metaspace"}) {
    copy_seed(tests / "golden" / "tokens" / (std::string(name) + "_tokenizer.json"),
              out / "tokenizer_json" / name);
  }
  for (const fs::directory_entry& format : fs::directory_iterator(tests / "fuzz" / "seeds")) {
    for (const fs::directory_entry& seed : fs::directory_iterator(format.path()))
      copy_seed(seed.path(), out / format.path().filename() / seed.path().filename());
  }
  return 0;
} catch (const std::exception& e) {
  std::cerr << "write_seeds: " << e.what() << "\n";
  return 1;
}
