// SPDX-License-Identifier: Apache-2.0
#include "gnomon/tensor/gguf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <functional>

#include "gnomon/base/error.h"
#include "support/gguf_bytes.h"
#include "support/hostile_bytes.h"

namespace gnomon {
namespace {

using namespace test::gguf_types;
using test::MemoryFile;
using Bytes = test::GgufBytes;
using ::testing::HasSubstr;

void touch(const GgufValue& value) {
  if (const auto* array = std::get_if<GgufValue::Array>(&value.value)) {
    for (const GgufValue& element : *array) touch(element);
  }
}

void read_all(const std::filesystem::path& path) {
  const GgufFile file(path);
  unsigned sum = 0;
  for (const auto& [key, value] : file.metadata()) touch(value);
  for (const StoredTensor& tensor : file.tensors()) {
    ASSERT_EQ(file.find(tensor.name), &tensor);
    for (const std::byte byte : tensor.bytes) sum += std::to_integer<unsigned>(byte);
  }
  volatile unsigned kept = sum;
  (void)kept;
}

std::string refusal(const Bytes& bytes) {
  MemoryFile file;
  file.set(bytes.str());
  try {
    read_all(file.path());
  } catch (const FileError& e) {
    return e.what();
  } catch (const UnsupportedError& e) {
    return std::string("unsupported: ") + e.what();
  }
  return "accepted";
}

// Every value type, nested arrays, two tensors.
std::string small_file(std::uint32_t version = 3) {
  Bytes b;
  b.header(2, 15, version);
  b.key("u8", U8).put<std::uint8_t>(200);
  b.key("i8", I8).put<std::int8_t>(-100);
  b.key("u16", U16).put<std::uint16_t>(60000);
  b.key("i16", I16).put<std::int16_t>(-30000);
  b.key("u32", U32).put<std::uint32_t>(4000000000U);
  b.key("i32", I32).put<std::int32_t>(-2000000000);
  b.key("f32", F32).put<float>(1.5F);
  b.key("yes", BOOL).put<std::uint8_t>(1);
  b.key("text", STRING).text("naïve");
  b.key("u64", U64).u64(std::uint64_t{1} << 63);
  b.key("i64", I64).put<std::int64_t>(-5);
  b.key("f64", F64).put<double>(0.1);
  b.key("words", ARRAY).u32(STRING).u64(2).text("a").text("");
  b.key("nested", ARRAY).u32(ARRAY).u64(2);
  b.u32(U8).u64(3).raw("\x01\x02\x03");
  b.u32(I32).u64(0);
  b.key("general.alignment", U32).u32(16);
  b.tensor("plain", {3, 2}, 0, 0);
  b.tensor("block", {32, 1}, 3, 32);
  b.pad(16);
  for (int i = 0; i < 6; ++i) b.put<float>(static_cast<float>(i));
  b.raw(std::string(8, '\0'));
  b.raw(std::string(20, '\x11'));
  return b.str();
}

TEST(Gguf, ReadsEveryTypeOfValueInBothVersions) {
  for (const std::uint32_t version : {2U, 3U}) {
    MemoryFile memory;
    memory.set(small_file(version));
    const GgufFile file(memory.path());
    EXPECT_EQ(file.metadata().size(), 15U);
    EXPECT_EQ(file.integer("u8"), 200);
    EXPECT_EQ(file.integer("i8"), -100);
    EXPECT_EQ(file.integer("u16"), 60000);
    EXPECT_EQ(file.integer("i16"), -30000);
    EXPECT_EQ(file.integer("u32"), 4000000000);
    EXPECT_EQ(file.integer("i32"), -2000000000);
    EXPECT_EQ(file.number_or("f32", 0), 1.5);
    EXPECT_TRUE(file.boolean_or("yes", false));
    EXPECT_EQ(*file.find_string("text"), "naïve");
    EXPECT_EQ(std::get<std::uint64_t>(file.metadata().at("u64").value), std::uint64_t{1} << 63);
    EXPECT_EQ(file.integer("i64"), -5);
    EXPECT_EQ(file.number_or("f64", 0), 0.1);
    const GgufValue::Array& words = *file.find_array("words");
    ASSERT_EQ(words.size(), 2U);
    EXPECT_EQ(std::get<std::string>(words[0].value), "a");
    const GgufValue::Array& nested = *file.find_array("nested");
    ASSERT_EQ(nested.size(), 2U);
    const auto& inner = std::get<GgufValue::Array>(nested[0].value);
    ASSERT_EQ(inner.size(), 3U);
    EXPECT_EQ(std::get<std::uint64_t>(inner[2].value), 3U);
    EXPECT_TRUE(std::get<GgufValue::Array>(nested[1].value).empty());
  }
}

TEST(Gguf, ReadsTensorsWithTheirAxesRowMajor) {
  MemoryFile memory;
  memory.set(small_file());
  const GgufFile file(memory.path());
  ASSERT_EQ(file.tensors().size(), 2U);
  const StoredTensor& plain = *file.find("plain");
  EXPECT_EQ(plain.dtype, Dtype::f32);
  EXPECT_EQ(plain.shape, (std::vector<Index>{2, 3}));
  float last = 0;
  ASSERT_EQ(plain.bytes.size(), 24U);
  std::memcpy(&last, plain.bytes.data() + 20, 4);
  EXPECT_EQ(last, 5.0F);
  const StoredTensor& block = *file.find("block");
  EXPECT_EQ(block.dtype, Dtype::q4_1);
  EXPECT_EQ(block.shape, (std::vector<Index>{1, 32}));
  EXPECT_EQ(block.bytes.size(), 20U);
  EXPECT_EQ(block.bytes[19], std::byte{0x11});
  EXPECT_EQ(file.find("absent"), nullptr);
}

TEST(Gguf, LooksUpByType) {
  MemoryFile memory;
  memory.set(small_file());
  const GgufFile file(memory.path());
  EXPECT_TRUE(file.has("u8"));
  EXPECT_FALSE(file.has("absent"));
  EXPECT_EQ(file.find_string("absent"), nullptr);
  EXPECT_EQ(file.find_array("absent"), nullptr);
  EXPECT_EQ(file.integer_or("absent", 7), 7);
  EXPECT_EQ(file.number_or("absent", 0.5), 0.5);
  EXPECT_EQ(file.number_or("i8", 0), -100.0);
  EXPECT_TRUE(file.boolean_or("absent", true));
  EXPECT_THROW(file.integer("absent"), FileError);
  EXPECT_THROW(file.integer("u64"), FileError);
  EXPECT_THROW(file.integer("text"), FileError);
  EXPECT_THROW(file.integer("f32"), FileError);
  EXPECT_THROW(file.number_or("text", 0), FileError);
  EXPECT_THROW(file.boolean_or("u8", true), FileError);
  EXPECT_THROW(file.find_array("text"), FileError);
  try {
    file.find_string("u8");
    FAIL();
  } catch (const FileError& e) {
    EXPECT_THAT(e.what(), HasSubstr("key \"u8\" is not text"));
  }
}

TEST(Gguf, RefusesOtherFormatsAndVersions) {
  EXPECT_THAT(refusal(Bytes().raw("GGML").u32(3).u64(0).u64(0)),
              HasSubstr("begins with \"GGML\", expected \"GGUF\""));
  EXPECT_THAT(refusal(Bytes().header(0, 0, 1)), HasSubstr("unsupported"));
  EXPECT_THAT(refusal(Bytes().header(0, 0, 4)), HasSubstr("has GGUF version 4, expected 2 or 3"));
  EXPECT_THAT(refusal(Bytes().header(0, 0, 0)), HasSubstr("has GGUF version 0"));
  EXPECT_THAT(refusal(Bytes().header(0, 0, 0x03000000)), HasSubstr("big-endian"));
  EXPECT_EQ(refusal(Bytes().header(0, 0)), "accepted");
}

TEST(Gguf, BoundsEveryCountByTheBytesThatFollow) {
  constexpr std::uint64_t kHuge = ~std::uint64_t{0};
  EXPECT_THAT(refusal(Bytes().header(kHuge, 0)),
              HasSubstr("18446744073709551615 tensors, but 8 bytes"));
  EXPECT_THAT(refusal(Bytes().header(0, kHuge)), HasSubstr("metadata pairs, but 0 bytes"));
  EXPECT_THAT(refusal(Bytes().header(0, 1).u64(kHuge).raw("0123456789")),
              HasSubstr("needs 18446744073"));
  EXPECT_THAT(refusal(Bytes().header(0, 1).key("k", STRING).u64(kHuge)), HasSubstr("key \"k\""));
  for (const std::uint32_t type : {U8, STRING, ARRAY, F64}) {
    EXPECT_THAT(refusal(Bytes().header(0, 1).key("k", ARRAY).u32(type).u64(kHuge)),
                HasSubstr("array elements, but 0 bytes follow"));
    EXPECT_THAT(refusal(Bytes().header(0, 1).key("k", ARRAY).u32(type).u64(9).u64(0)),
                HasSubstr("9 array elements, but 8 bytes follow"));
  }
}

TEST(Gguf, BoundsTheMemoryOfArrays) {
  const std::uint64_t n = (std::uint64_t{1} << 24) + 1;
  Bytes b;
  b.header(0, 1).key("k", ARRAY).u32(U8).u64(n).raw(std::string(n, '\0'));
  EXPECT_THAT(refusal(b), HasSubstr("to 16777217, expected at most 16777216"));
}

TEST(Gguf, RefusesDeepNesting) {
  const auto nested = [](int depth) {
    Bytes b;
    b.header(0, 1).key("k", ARRAY);
    for (int i = 1; i < depth; ++i) b.u32(ARRAY).u64(1);
    b.u32(U8).u64(0);
    return refusal(b);
  };
  EXPECT_EQ(nested(8), "accepted");
  EXPECT_THAT(nested(9), HasSubstr("nests arrays deeper than 8 levels"));
  EXPECT_THAT(nested(10'000), HasSubstr("nests arrays deeper than 8 levels"));
}

TEST(Gguf, RefusesBadMetadata) {
  EXPECT_THAT(refusal(Bytes().header(0, 1).key("k", 13).u64(0)),
              HasSubstr("key \"k\" (at byte 37) has value type 13, expected 0 to 12"));
  EXPECT_THAT(refusal(Bytes().header(0, 1).key("k", BOOL).put<std::uint8_t>(2)),
              HasSubstr("is the boolean 2"));
  EXPECT_THAT(refusal(Bytes().header(0, 1).key("", U8).put<std::uint8_t>(2)),
              HasSubstr("has 0 bytes"));
  EXPECT_THAT(refusal(Bytes().header(0, 1).key(std::string(65536, 'k'), U8).put<std::uint8_t>(2)),
              HasSubstr("has 65536 bytes, expected 1 to 65535"));
  EXPECT_THAT(refusal(Bytes().header(0, 2).key("k", U64).u64(1).key("k", U64).u64(1)),
              HasSubstr("key \"k\" (at byte 54) stands twice"));
  for (const std::uint32_t alignment : {0U, 3U, 48U}) {
    EXPECT_THAT(refusal(Bytes().header(0, 1).key("general.alignment", U32).u32(alignment)),
                HasSubstr("expected a power of two"));
  }
  EXPECT_THAT(refusal(Bytes().header(0, 1).key("general.alignment", I32).put<std::int32_t>(-32)),
              HasSubstr("is -32"));
  EXPECT_THAT(refusal(Bytes().header(0, 1).key("general.alignment", STRING).text("32")),
              HasSubstr("is not a whole number"));
}

// One tensor, then `data_bytes` bytes of data.
std::string tensor_refusal(const std::vector<std::uint64_t>& axes, std::uint32_t type,
                           std::uint64_t offset, std::size_t data_bytes) {
  Bytes b;
  b.header(1, 0).tensor("t", axes, type, offset).pad().raw(std::string(data_bytes, 'x'));
  return refusal(b);
}

TEST(Gguf, ChecksTensors) {
  constexpr std::uint64_t kBig = std::uint64_t{1} << 32;
  EXPECT_EQ(tensor_refusal({2, 3}, 0, 0, 24), "accepted");
  EXPECT_EQ(tensor_refusal({2, 3}, 0, 32, 56), "accepted");
  EXPECT_EQ(tensor_refusal({}, 0, 0, 4), "accepted");
  EXPECT_EQ(tensor_refusal({0, 3}, 0, 0, 0), "accepted");
  EXPECT_EQ(tensor_refusal({1, 1, 1, 1}, 28, 0, 8), "accepted");
  EXPECT_THAT(tensor_refusal({2, 3}, 0, 0, 23),
              HasSubstr("takes 24 bytes from 0, expected a range"));
  EXPECT_THAT(tensor_refusal({2, 3}, 0, 32, 55), HasSubstr("within the 55 bytes"));
  EXPECT_THAT(tensor_refusal({2}, 0, ~std::uint64_t{31}, 64), HasSubstr("within the 64 bytes"));
  EXPECT_THAT(tensor_refusal({2}, 0, 8, 64), HasSubstr("begins at 8, expected a multiple of 32"));
  EXPECT_THAT(tensor_refusal({1, 1, 1, 1, 1}, 0, 0, 64),
              HasSubstr("has 5 axes, expected at most 4"));
  EXPECT_THAT(tensor_refusal({kBig, kBig}, 0, 0, 64), HasSubstr("does not fit 63 bits"));
  EXPECT_THAT(tensor_refusal({std::uint64_t{1} << 63}, 0, 0, 64),
              HasSubstr("does not fit 63 bits"));
  EXPECT_THAT(tensor_refusal({kBig, kBig / 4}, 28, 0, 64), HasSubstr("cannot be counted"));
  EXPECT_THAT(tensor_refusal({~std::uint64_t{0}}, 0, 0, 64), HasSubstr("does not fit 63 bits"));
  EXPECT_THAT(tensor_refusal({33}, 3, 0, 64), HasSubstr("expected a multiple of 32 for Q4_1"));
  EXPECT_THAT(tensor_refusal({16, 2}, 3, 0, 64), HasSubstr("rows of 16 elements"));
  EXPECT_THAT(tensor_refusal({128, 2}, 14, 0, 512), HasSubstr("multiple of 256 for Q6_K"));
}

TEST(Gguf, RefusesElementTypesByName) {
  EXPECT_THAT(tensor_refusal({256}, 10, 0, 512),
              HasSubstr("element type Q2_K, which is not decoded"));
  EXPECT_THAT(tensor_refusal({256}, 39, 0, 512), HasSubstr("element type MXFP4"));
  EXPECT_THAT(tensor_refusal({256}, 4, 0, 512),
              HasSubstr("element type number 4, which is not known"));
  EXPECT_THAT(tensor_refusal({256}, 4000000000U, 0, 512), HasSubstr("number 4000000000"));
  EXPECT_THAT(tensor_refusal({256}, 10, 0, 512), HasSubstr("unsupported"));
}

TEST(Gguf, RefusesRepeatedAndOverlappingTensors) {
  Bytes twice;
  twice.header(2, 0).tensor("t", {2}, 0, 0).tensor("t", {2}, 0, 32).pad().raw(std::string(64, 'x'));
  EXPECT_THAT(refusal(twice), HasSubstr("tensor \"t\" (at byte 66) stands twice"));
  Bytes overlap;
  overlap.header(2, 0)
      .tensor("b", {2}, 0, 32)
      .tensor("a", {9}, 0, 0)
      .pad()
      .raw(std::string(64, 'x'));
  EXPECT_THAT(refusal(overlap), HasSubstr("begins at 32, inside tensor \"a\", which ends at 36"));
  Bytes same;
  same.header(2, 0).tensor("b", {2}, 0, 0).tensor("a", {2}, 0, 0).pad().raw(std::string(64, 'x'));
  EXPECT_THAT(refusal(same), HasSubstr("begins at 0, inside"));
}

TEST(Gguf, SurvivesEveryTruncation) {
  const std::string bytes = small_file();
  const test::HostileCounts counts = test::try_truncations(bytes, read_all);
  EXPECT_EQ(counts.accepted, 0);
  EXPECT_EQ(counts.refused, static_cast<int>(bytes.size()));
}

TEST(Gguf, SurvivesEveryChangedByteOfTheHeader) {
  const std::string bytes = small_file();
  const test::HostileCounts counts = test::try_changed_bytes(bytes, bytes.size() - 52, read_all);
  EXPECT_GT(counts.refused, 1000);
}

}  // namespace
}  // namespace gnomon
