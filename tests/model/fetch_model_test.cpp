// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <map>

#include "gnomon/base/file.h"
#include "gnomon/base/json.h"
#include "gnomon/kernels/dequantize.h"
#include "gnomon/tensor/gguf.h"
#include "support/real_model.h"

namespace gnomon {
namespace {

// tests/golden/dequantize/every.json: tools/make_dequantize_golden.py --model.
TEST(SmolLm2, DecodesToGgmlsValuesBitForBit) {
  const auto path = test::smollm2_path();
  if (!path) GTEST_SKIP() << test::kNoRealModel;
  const Json every =
      read_json_file(std::filesystem::path(GNOMON_TEST_DATA) / "dequantize" / "every.json");
  ASSERT_EQ(sha256_file(*path), every["model"]["sha256"].get<std::string>());
  const GgufFile file(*path);
  std::string hashes;
  for (const StoredTensor& tensor : file.tensors()) {
    std::size_t n = 1;
    for (const Index axis : tensor.shape) n *= static_cast<std::size_t>(axis);
    std::vector<float> values(n);
    dequantize<float>(values, tensor.dtype, tensor.bytes);
    for (float& value : values) {
      if (std::isnan(value)) value = std::bit_cast<float>(0x7fc00000U);
    }
    hashes += sha256_hex(std::as_bytes(std::span(values)));
  }
  EXPECT_EQ(sha256_hex(hashes), every["model"]["values"].get<std::string>());
}

TEST(SmolLm2, HasTheFactsOfItsFamily) {
  const auto path = test::smollm2_path();
  if (!path) GTEST_SKIP() << test::kNoRealModel;
  const GgufFile file(*path);
  EXPECT_EQ(*file.find_string("general.architecture"), "llama");
  EXPECT_EQ(file.integer("llama.block_count"), 30);
  EXPECT_EQ(file.integer("llama.embedding_length"), 576);
  EXPECT_EQ(file.integer("llama.attention.head_count"), 9);
  EXPECT_EQ(file.integer("llama.attention.head_count_kv"), 3);
  EXPECT_EQ(file.number_or("llama.rope.freq_base", 0), 100000);
  EXPECT_EQ(file.find_array("tokenizer.ggml.tokens")->size(), 49152U);
  EXPECT_EQ(file.find_array("tokenizer.ggml.merges")->size(), 48900U);
  EXPECT_FALSE(file.boolean_or("tokenizer.ggml.add_bos_token", true));
  std::map<Dtype, int> n_tensor;
  for (const StoredTensor& tensor : file.tensors()) ++n_tensor[tensor.dtype];
  EXPECT_EQ(n_tensor,
            (std::map<Dtype, int>{{Dtype::f32, 61}, {Dtype::q4_1, 210}, {Dtype::q8_0, 1}}));
  EXPECT_EQ(file.find("blk.0.attn_k.weight")->shape, (std::vector<Index>{192, 576}));
  EXPECT_EQ(file.find("blk.29.ffn_down.weight")->shape, (std::vector<Index>{576, 1536}));
}

}  // namespace
}  // namespace gnomon
