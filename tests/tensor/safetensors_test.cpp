// SPDX-License-Identifier: Apache-2.0
#include "gnomon/tensor/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "gnomon/base/error.h"
#include "support/hostile_bytes.h"
#include "support/temporary_folder.h"

namespace gnomon {
namespace {

using test::MemoryFile;
using test::TemporaryFolder;
using ::testing::HasSubstr;

std::string file_bytes(std::string_view header, std::string_view data = {}) {
  const std::uint64_t length = header.size();
  std::string bytes(reinterpret_cast<const char*>(&length), sizeof(length));
  return bytes.append(header).append(data);
}

// Opens and touches every byte of every tensor.
void read_all(const std::filesystem::path& path) {
  const SafetensorsFile file(path);
  unsigned sum = 0;
  for (const StoredTensor& tensor : file.tensors()) {
    ASSERT_EQ(file.find(tensor.name), &tensor);
    for (const std::byte byte : tensor.bytes) sum += std::to_integer<unsigned>(byte);
  }
  volatile unsigned kept = sum;
  (void)kept;
}

std::string refusal(std::string_view bytes) {
  MemoryFile file;
  file.set(bytes);
  try {
    read_all(file.path());
  } catch (const FileError& e) {
    return e.what();
  } catch (const UnsupportedError& e) {
    return std::string("unsupported: ") + e.what();
  }
  return "accepted";
}

std::string header_refusal(std::string_view header, std::string_view data = {}) {
  return refusal(file_bytes(header, data));
}

// Written by safetensors 0.4 or later (Python):
//   safetensors.numpy.save({"w": arange(6, dtype=float32).reshape(2, 3), "empty": zeros((0, 4),
//   int64),
//                           "half": array([1.5, -2], float16), "flag": array([True, False, True])},
//                          metadata={"made": "by hand"})
std::string python_file() {
  using namespace std::string_literals;
  return file_bytes(
      R"({"__metadata__":{"made":"by hand"},"empty":{"dtype":"I64","shape":[0,4],)"
      R"("data_offsets":[0,0]},"w":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},)"
      R"("half":{"dtype":"F16","shape":[2],"data_offsets":[24,28]},)"
      R"("flag":{"dtype":"BOOL","shape":[3],"data_offsets":[28,31]}}     )",
      "\x00\x00\x00\x00\x00\x00\x80?\x00\x00\x00@\x00\x00@@\x00\x00\x80@\x00\x00\xa0@"
      "\x00>\x00\xc0\x01\x00\x01"s);
}

TEST(Safetensors, ReadsWhatPythonWrites) {
  MemoryFile memory;
  memory.set(python_file());
  const SafetensorsFile file(memory.path());
  ASSERT_EQ(file.tensors().size(), 4U);
  EXPECT_EQ(file.metadata(), (std::map<std::string, std::string>{{"made", "by hand"}}));

  const StoredTensor* w = file.find("w");
  ASSERT_NE(w, nullptr);
  EXPECT_EQ(w->dtype, Dtype::f32);
  EXPECT_EQ(w->shape, (std::vector<Index>{2, 3}));
  std::array<float, 6> values{};
  ASSERT_EQ(w->bytes.size(), sizeof(values));
  std::memcpy(values.data(), w->bytes.data(), sizeof(values));
  EXPECT_EQ(values, (std::array<float, 6>{0, 1, 2, 3, 4, 5}));

  EXPECT_EQ(file.find("empty")->bytes.size(), 0U);
  EXPECT_EQ(file.find("empty")->shape, (std::vector<Index>{0, 4}));
  EXPECT_EQ(file.find("half")->dtype, Dtype::f16);
  EXPECT_EQ(file.find("flag")->dtype, Dtype::boolean);
  EXPECT_EQ(file.find("flag")->bytes[2], std::byte{1});
  EXPECT_EQ(file.find("absent"), nullptr);
}

TEST(Safetensors, ReadsAnEmptyFileOfTensorsAndAScalar) {
  EXPECT_EQ(header_refusal("{}"), "accepted");
  EXPECT_EQ(header_refusal("{}      "), "accepted");
  EXPECT_EQ(header_refusal(R"({"s":{"dtype":"U8","shape":[],"data_offsets":[0,1]}})", "x"),
            "accepted");
}

TEST(Safetensors, KeepsTensorsInFileOrderWhateverTheHeadersOrder) {
  MemoryFile memory;
  memory.set(file_bytes(R"({"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]},)"
                        R"("a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
                        "xyz"));
  const SafetensorsFile file(memory.path());
  EXPECT_EQ(file.tensors()[0].name, "a");
  EXPECT_EQ(file.tensors()[1].name, "b");
}

TEST(Safetensors, WritesWhatItReads) {
  const TemporaryFolder folder;
  const Tensor<float> narrow({3}, {1.5F, -2, 3});
  const Tensor<double> wide({2, 2}, {1, 2, 3, 4e-300});
  const Tensor<float> none({0, 7});
  const std::array<std::byte, 3> flags{std::byte{1}, std::byte{0}, std::byte{1}};
  const std::vector<StoredTensor> tensors = {
      {"flags", Dtype::boolean, {3}, flags},
      stored("narrow", narrow),
      stored("wide \"quoted\"", wide),
      stored("none", none),
  };
  write_safetensors(folder / "sub/a.safetensors", tensors, {{"seed", "7"}});

  const SafetensorsFile file(folder / "sub/a.safetensors");
  EXPECT_EQ(file.metadata(), (std::map<std::string, std::string>{{"format", "pt"}, {"seed", "7"}}));
  ASSERT_EQ(file.tensors().size(), tensors.size());
  for (const StoredTensor& expected : tensors) {
    const StoredTensor* actual = file.find(expected.name);
    ASSERT_NE(actual, nullptr) << expected.name;
    EXPECT_EQ(actual->dtype, expected.dtype);
    EXPECT_EQ(actual->shape, expected.shape);
    EXPECT_TRUE(std::equal(actual->bytes.begin(), actual->bytes.end(), expected.bytes.begin(),
                           expected.bytes.end()));
    const auto address = reinterpret_cast<std::uintptr_t>(actual->bytes.data());
    EXPECT_EQ(address % static_cast<std::uintptr_t>(dtype_info(actual->dtype).block_bytes), 0U);
  }
  EXPECT_EQ(test::names_in(folder / "sub"), (std::vector<std::string>{"a.safetensors"}));
}

TEST(Safetensors, RefusesToWriteWhatItCouldNotRead) {
  const TemporaryFolder folder;
  const auto path = folder / "a.safetensors";
  const Tensor<float> tensor({2}, {1, 2});
  const auto refuse = [&](const std::vector<StoredTensor>& tensors) -> std::string {
    try {
      write_safetensors(path, tensors, {});
    } catch (const ArgumentError& e) {
      return e.what();
    }
    return "written";
  };
  EXPECT_THAT(refuse({stored("a", tensor), stored("a", tensor)}), HasSubstr("repeated"));
  EXPECT_THAT(refuse({stored("__metadata__", tensor)}), HasSubstr("reserved"));
  EXPECT_THAT(refuse({stored("\xff", tensor)}), HasSubstr("UTF-8"));
  StoredTensor wrong = stored("a", tensor);
  wrong.shape = {3};
  EXPECT_THAT(refuse({wrong}), HasSubstr("has 8 bytes, expected 12 for F32 of shape [3]"));
  wrong.shape = {-1, -2};
  EXPECT_THAT(refuse({wrong}), HasSubstr("which has no size"));
  wrong.dtype = Dtype::q4_1;
  EXPECT_THAT(refuse({wrong}), HasSubstr("element type Q4_1"));
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(Safetensors, NamesAMissingFile) {
  try {
    const SafetensorsFile file("/nonexistent/a.safetensors");
    FAIL();
  } catch (const FileError& e) {
    EXPECT_EQ(e.code(), ErrorCode::not_found);
  }
}

TEST(Safetensors, ChecksTheLengthOfTheHeader) {
  EXPECT_THAT(refusal(""), HasSubstr("has 0 bytes, expected at least the 8"));
  EXPECT_THAT(refusal("1234567"), HasSubstr("has 7 bytes"));
  EXPECT_THAT(refusal(std::string(8, '\0')), HasSubstr("does not begin with '{'"));
  EXPECT_THAT(refusal(std::string(8, '\xff') + "{}"), HasSubstr("expected at most 100000000"));
  EXPECT_THAT(refusal(std::string("\x03\0\0\0\0\0\0\0{}", 10)),
              HasSubstr("states a header of 3 bytes, but 2 follow"));
  EXPECT_THAT(header_refusal(" {}"), HasSubstr("does not begin with '{'"));
}

TEST(Safetensors, RefusesABrokenHeader) {
  EXPECT_THAT(header_refusal("{"), HasSubstr("not valid JSON at byte"));
  EXPECT_THAT(header_refusal("{}x"), HasSubstr("not valid JSON at byte"));
  EXPECT_THAT(header_refusal(std::string("{}\0", 3)), HasSubstr("not valid JSON at byte"));
  EXPECT_THAT(header_refusal("{\"\xff\":{}}"), HasSubstr("not valid JSON at byte"));
  EXPECT_THAT(header_refusal(R"({"a":3})"),
              HasSubstr("header entry \"a\" is 3, expected an object"));
  EXPECT_THAT(header_refusal(R"({"a":[]})"), HasSubstr("is an array"));
  EXPECT_THAT(header_refusal(R"({"a":{}})"), HasSubstr("lacks one of"));
  EXPECT_THAT(header_refusal(R"({"a":{"dtype":"F32","shape":[1]}})"), HasSubstr("lacks one of"));
  EXPECT_THAT(header_refusal(R"({"a":{"dtype":"F32","extra":1}})"),
              HasSubstr("unsupported: \"/proc/self/fd/"));
  EXPECT_THAT(header_refusal(R"({"a":{"dtype":{}}})"),
              HasSubstr("\"dtype\" of tensor \"a\" is an object"));
  EXPECT_THAT(header_refusal(R"({"__metadata__":{"k":1}})"),
              HasSubstr("metadata \"k\" is 1, expected text"));
  EXPECT_THAT(header_refusal(R"({"__metadata__":null})"), HasSubstr("is null"));
  EXPECT_THAT(header_refusal("{\"a\":" + std::string(100'000, '[')), HasSubstr("is an array"));
  EXPECT_THAT(header_refusal("{\"\\u001b[31m\":1}"), HasSubstr("\"\\x1b[31m\""));
}

TEST(Safetensors, RefusesRepeatedKeys) {
  const std::string tensor = R"({"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
  EXPECT_THAT(header_refusal("{\"a\":" + tensor + ",\"a\":" + tensor + "}"),
              HasSubstr("header entry \"a\" stands twice"));
  EXPECT_THAT(header_refusal(R"({"__metadata__":{},"__metadata__":{}})"),
              HasSubstr("stands twice"));
  EXPECT_THAT(header_refusal(R"({"__metadata__":{"k":"","k":""}})"), HasSubstr("stands twice"));
  for (const char* field : {R"("dtype":"U8")", R"("shape":[0])", R"("data_offsets":[0,0])"}) {
    EXPECT_THAT(header_refusal(std::string("{\"a\":{") + field + "," + field + "}}"),
                HasSubstr("stands twice"));
  }
}

TEST(Safetensors, RefusesUnknownElementTypesByName) {
  for (const char* name : {"F8_E4M3", "U16", "C64", "f32", ""}) {
    const std::string found = header_refusal(std::string(R"({"a":{"dtype":")") + name + R"("}})");
    EXPECT_THAT(found, HasSubstr("unsupported"));
    EXPECT_THAT(found,
                HasSubstr(std::string("element type \"") + name + "\", expected one of F64"));
  }
}

std::string tensor_refusal(const std::string& shape, const std::string& offsets) {
  return header_refusal(
      R"({"a":{"dtype":"F32","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}",
      "12345678");
}

TEST(Safetensors, ChecksShapesAndOffsets) {
  EXPECT_EQ(tensor_refusal("[2]", "[0,8]"), "accepted");
  EXPECT_THAT(tensor_refusal("[-2]", "[0,8]"), HasSubstr("\"shape\" of tensor \"a\" is -2"));
  EXPECT_THAT(tensor_refusal("[2.0]", "[0,8]"), HasSubstr("is 2.0"));
  EXPECT_THAT(tensor_refusal("[18446744073709551616]", "[0,8]"),
              HasSubstr("is 18446744073709551616"));
  EXPECT_THAT(tensor_refusal("[18446744073709551615]", "[0,8]"), HasSubstr("fit 63 bits"));
  EXPECT_THAT(tensor_refusal("[1e400]", "[0,8]"), HasSubstr("not valid JSON"));
  EXPECT_THAT(tensor_refusal("[[2]]", "[0,8]"), HasSubstr("is an array"));
  EXPECT_THAT(tensor_refusal("[4611686018427387904,4]", "[0,8]"), HasSubstr("has no size"));
  EXPECT_THAT(tensor_refusal("[4294967296,4294967296]", "[0,8]"), HasSubstr("has no size"));
  EXPECT_THAT(tensor_refusal("[3]", "[0,8]"),
              HasSubstr("has 8 bytes, expected 12 for F32 of shape [3]"));
  EXPECT_THAT(tensor_refusal("[2]", "[8,0]"), HasSubstr("data_offsets [8, 0], expected a range"));
  EXPECT_THAT(tensor_refusal("[2]", "[0,9]"), HasSubstr("within the 8 bytes"));
  EXPECT_THAT(tensor_refusal("[2]", "[0,18446744073709551615]"), HasSubstr("within the 8 bytes"));
  EXPECT_THAT(tensor_refusal("[2]", "[0]"), HasSubstr("has 1 values, expected 2"));
  EXPECT_THAT(tensor_refusal("[2]", "[0,8,8]"), HasSubstr("is 8, expected"));
  EXPECT_THAT(tensor_refusal("[1]", "[4,8]"), HasSubstr("begins at 4, expected 0"));
  EXPECT_THAT(tensor_refusal("[1]", "[0,4]"), HasSubstr("has 8 bytes of data, expected 4"));
}

TEST(Safetensors, RefusesOverlapsAndHoles) {
  const auto two = [](const std::string& a, const std::string& b) {
    return header_refusal(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":)" + a +
                              R"(},"b":{"dtype":"U8","shape":[4],"data_offsets":)" + b + "}}",
                          "12345678");
  };
  EXPECT_EQ(two("[0,4]", "[4,8]"), "accepted");
  EXPECT_EQ(two("[4,8]", "[0,4]"), "accepted");
  EXPECT_THAT(two("[0,4]", "[0,4]"), HasSubstr("without overlap or hole"));
  EXPECT_THAT(two("[0,4]", "[3,7]"), HasSubstr("tensor \"b\" begins at 3, expected 4"));
  EXPECT_THAT(two("[0,4]", "[5,9]"), HasSubstr("within the 8 bytes"));
}

TEST(Safetensors, SurvivesEveryTruncation) {
  const std::string bytes = python_file();
  const test::HostileCounts counts = test::try_truncations(bytes, read_all);
  EXPECT_EQ(counts.accepted, 0);
  EXPECT_EQ(counts.refused, static_cast<int>(bytes.size()));
}

TEST(Safetensors, SurvivesEveryChangedByteOfTheHeader) {
  const std::string bytes = python_file();
  const test::HostileCounts counts = test::try_changed_bytes(bytes, bytes.size() - 31, read_all);
  // Letters of names and metadata may change without harm.
  EXPECT_GT(counts.refused, counts.accepted);
}

}  // namespace
}  // namespace gnomon
