// SPDX-License-Identifier: Apache-2.0
#include "gnomon/kernels/dequantize.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/base/json.h"
#include "gnomon/base/threads.h"

namespace gnomon {
namespace {

namespace fs = std::filesystem;

// tests/golden/dequantize is made by tools/make_dequantize_golden.py with the Python package gguf.
fs::path golden(const std::string& name) {
  return fs::path(GNOMON_TEST_DATA) / "dequantize" / name;
}

constexpr Dtype kBlockTypes[] = {Dtype::q4_0, Dtype::q4_1, Dtype::q5_0, Dtype::q5_1,
                                 Dtype::q8_0, Dtype::q4_k, Dtype::q5_k, Dtype::q6_k};

// Bits, with every NaN as one: which payload survives an operation is the processor's choice.
std::uint32_t bits(float value) {
  return std::isnan(value) ? 0x7fc00000U : std::bit_cast<std::uint32_t>(value);
}

std::vector<float> floats(std::span<const std::byte> bytes) {
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

template <class T>
std::vector<T> decoded(Dtype dtype, std::span<const std::byte> bytes) {
  const DtypeInfo& info = dtype_info(dtype);
  std::vector<T> values(bytes.size() / static_cast<std::size_t>(info.block_bytes) *
                        static_cast<std::size_t>(info.block_size));
  dequantize<T>(values, dtype, bytes);
  return values;
}

class BlockTypes : public ::testing::TestWithParam<Dtype> {};

TEST_P(BlockTypes, AreGgmlsBitForBitAndWidenExactly) {
  const std::string name(dtype_info(GetParam()).name);
  const MappedFile stored(golden(name + ".bin"));
  const std::vector<float> expected = floats(MappedFile(golden(name + ".f32")).bytes());
  const std::vector<float> actual = decoded<float>(GetParam(), stored.bytes());
  const std::vector<double> wide = decoded<double>(GetParam(), stored.bytes());
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    ASSERT_EQ(bits(actual[i]), bits(expected[i]))
        << name << " element " << i << ": " << actual[i] << ", expected " << expected[i];
    ASSERT_EQ(bits(static_cast<float>(wide[i])), bits(expected[i])) << name << " element " << i;
    if (!std::isnan(wide[i])) {
      ASSERT_EQ(wide[i], static_cast<double>(actual[i]));
    }
  }
}

TEST_P(BlockTypes, NeedNoAlignment) {
  const std::string name(dtype_info(GetParam()).name);
  const MappedFile stored(golden(name + ".bin"));
  const std::vector<float> expected = decoded<float>(GetParam(), stored.bytes());
  for (std::size_t shift = 1; shift < 8; ++shift) {
    std::vector<std::byte> moved(shift);
    moved.insert(moved.end(), stored.bytes().begin(), stored.bytes().end());
    const std::vector<float> actual = decoded<float>(GetParam(), std::span(moved).subspan(shift));
    for (std::size_t i = 0; i < expected.size(); ++i) ASSERT_EQ(bits(actual[i]), bits(expected[i]));
  }
}

TEST_P(BlockTypes, DoNotDependOnThreads) {
  const std::string name(dtype_info(GetParam()).name);
  const MappedFile stored(golden(name + ".bin"));
  std::vector<std::byte> many;
  while (many.size() < 2'000'000)
    many.insert(many.end(), stored.bytes().begin(), stored.bytes().end());
  set_threads(1);
  const std::vector<float> one = decoded<float>(GetParam(), many);
  set_threads(3);
  const std::vector<float> three = decoded<float>(GetParam(), many);
  set_threads(0);
  ASSERT_EQ(one.size(), three.size());
  for (std::size_t i = 0; i < one.size(); ++i) ASSERT_EQ(bits(one[i]), bits(three[i]));
}

INSTANTIATE_TEST_SUITE_P(Dequantize, BlockTypes, ::testing::ValuesIn(kBlockTypes),
                         [](const auto& param) {
                           return std::string(dtype_info(param.param).name);
                         });

// The SHA-256 of the values of all 65536 patterns, each NaN as 0x7fc00000.
std::string hash_of_every(Dtype dtype) {
  std::vector<std::uint16_t> patterns(65536);
  for (std::size_t i = 0; i < patterns.size(); ++i) patterns[i] = static_cast<std::uint16_t>(i);
  std::vector<std::uint32_t> values;
  for (const float value : decoded<float>(dtype, std::as_bytes(std::span(patterns)))) {
    values.push_back(bits(value));
  }
  return sha256_hex(std::as_bytes(std::span(values)));
}

TEST(Dequantize, EveryHalfAndBfloatIsGgmls) {
  const Json every = read_json_file(golden("every.json"));
  EXPECT_EQ(hash_of_every(Dtype::f16), every["F16"].get<std::string>());
  EXPECT_EQ(hash_of_every(Dtype::bf16), every["BF16"].get<std::string>());
}

// The compiler's own binary16, where it has one, agrees with ours on all patterns.
TEST(Dequantize, EveryHalfIsTheCompilers) {
#ifdef __FLT16_MAX__
  std::vector<std::uint16_t> patterns(65536);
  for (std::size_t i = 0; i < patterns.size(); ++i) patterns[i] = static_cast<std::uint16_t>(i);
  const std::vector<float> values = decoded<float>(Dtype::f16, std::as_bytes(std::span(patterns)));
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    const auto expected = static_cast<float>(std::bit_cast<_Float16>(patterns[i]));
    ASSERT_EQ(bits(values[i]), bits(expected)) << "pattern " << i;
  }
#else
  GTEST_SKIP() << "this compiler has no _Float16";
#endif
}

TEST(Dequantize, PlainTypesAreCopiedWidenedOrRoundedToNearest) {
  const std::vector<double> stored = {1, 0.1, 1e300, -1e-300, std::nextafter(1.0, 2.0)};
  const auto bytes = std::as_bytes(std::span(stored));
  EXPECT_EQ(decoded<double>(Dtype::f64, bytes), stored);
  const std::vector<float> rounded = decoded<float>(Dtype::f64, bytes);
  EXPECT_EQ(rounded[1], 0.1F);
  EXPECT_EQ(rounded[2], std::numeric_limits<float>::infinity());
  EXPECT_TRUE(rounded[3] == 0 && std::signbit(rounded[3]));
  EXPECT_EQ(rounded[4], 1.0F);

  const std::vector<float> narrow = {0.1F, -0.0F, std::numeric_limits<float>::denorm_min(), 3e38F};
  const auto narrow_bytes = std::as_bytes(std::span(narrow));
  const std::vector<float> copied = decoded<float>(Dtype::f32, narrow_bytes);
  const std::vector<double> widened = decoded<double>(Dtype::f32, narrow_bytes);
  for (std::size_t i = 0; i < narrow.size(); ++i) {
    EXPECT_EQ(bits(copied[i]), bits(narrow[i]));
    EXPECT_EQ(widened[i], static_cast<double>(narrow[i]));
  }
}

// By hand: scale 0.5 and minimum -1 in binary16, then nibbles of which the first byte has 3 and 15.
TEST(Dequantize, OneBlockOfQ4_1ByHand) {
  std::vector<std::byte> block(20);
  block[1] = std::byte{0x38};
  block[3] = std::byte{0xbc};
  block[4] = std::byte{0xf3};
  const std::vector<double> values = decoded<double>(Dtype::q4_1, block);
  EXPECT_EQ(values[0], 0.5);
  EXPECT_EQ(values[16], 6.5);
  EXPECT_EQ(values[1], -1.0);
  EXPECT_EQ(values[31], -1.0);
}

TEST(Dequantize, OfNothingIsNothing) {
  EXPECT_TRUE(decoded<float>(Dtype::q4_1, {}).empty());
  EXPECT_TRUE(decoded<double>(Dtype::f32, {}).empty());
}

TEST(Dequantize, RefusesSizesThatDoNotMatch) {
  std::vector<std::byte> bytes(40);
  std::vector<float> values(64);
  dequantize<float>(values, Dtype::q4_1, bytes);
  EXPECT_THROW(dequantize<float>(std::span(values).first(63), Dtype::q4_1, bytes), ShapeError);
  EXPECT_THROW(dequantize<float>(std::span(values).first(32), Dtype::q4_1, bytes), ShapeError);
  EXPECT_THROW(dequantize<float>(values, Dtype::q4_1, std::span(bytes).first(39)), ShapeError);
  EXPECT_THROW(dequantize<float>(values, Dtype::f32, bytes), ShapeError);
  EXPECT_THROW(dequantize<float>(values, Dtype::q6_k, bytes), ShapeError);
}

TEST(Dequantize, RefusesIntegersByName) {
  std::vector<std::byte> bytes(8);
  std::vector<float> values(8);
  try {
    dequantize<float>(values, Dtype::i8, bytes);
    FAIL();
  } catch (const UnsupportedError& e) {
    EXPECT_NE(std::string(e.what()).find("I8"), std::string::npos);
  }
}

}  // namespace
}  // namespace gnomon
