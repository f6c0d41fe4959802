// SPDX-License-Identifier: Apache-2.0
#include "gnomon/tensor/torch_archive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "gnomon/base/error.h"
#include "gnomon/tensor/detail/pickle.h"
#include "support/hostile_bytes.h"
#include "support/torch_archive_bytes.h"

namespace gnomon {
namespace {

using test::MemoryFile;
using test::PickleBytes;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<TorchTensor> read_bytes(const std::string& content) {
  MemoryFile file;
  file.set(content);
  return read_torch_archive(file.path());
}

std::string message_of(const std::string& content) {
  try {
    read_bytes(content);
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

std::string pickle_message(const PickleBytes& pickle) {
  return message_of(test::torch_archive(pickle.str(), {test::float_bytes({1, 2, 3, 4, 5, 6})}));
}

TEST(TorchArchive, ReadsAHead) {
  const auto tensors = read_bytes(test::torch_head({0.5F, -2, 3}, 7));
  ASSERT_EQ(tensors.size(), 2U);
  EXPECT_EQ(tensors[0].name, "output.weight");
  EXPECT_THAT(tensors[0].tensor.shape(), ElementsAre(1, 3));
  EXPECT_THAT(tensors[0].tensor.values(), ElementsAre(0.5F, -2, 3));
  EXPECT_EQ(tensors[1].name, "output.bias");
  EXPECT_THAT(tensors[1].tensor.shape(), ElementsAre(1));
  EXPECT_THAT(tensors[1].tensor.values(), ElementsAre(7));
}

TEST(TorchArchive, FollowsOffsetsAndStrides) {
  PickleBytes pickle;
  pickle.ordered_dict().raw("(");
  pickle.text("rows").tensor("0", 6, 0, {2, 3}, {3, 1});
  pickle.text("transposed").tensor("0", 6, 0, {3, 2}, {1, 3});
  pickle.text("tail").tensor("0", 6, 4, {2}, {1});
  pickle.text("scalar").tensor("0", 6, 5, {}, {});
  pickle.text("empty").tensor("0", 6, 6, {0, 3}, {3, 1});
  pickle.raw("u");
  const auto tensors =
      read_bytes(test::torch_archive(pickle.str(), {test::float_bytes({1, 2, 3, 4, 5, 6})}));
  ASSERT_EQ(tensors.size(), 5U);
  EXPECT_THAT(tensors[0].tensor.values(), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(tensors[1].tensor.values(), ElementsAre(1, 4, 2, 5, 3, 6));
  EXPECT_THAT(tensors[2].tensor.values(), ElementsAre(5, 6));
  EXPECT_THAT(tensors[3].tensor.values(), ElementsAre(6));
  EXPECT_THAT(tensors[4].tensor.shape(), ElementsAre(0, 3));
  EXPECT_EQ(tensors[4].tensor.size(), 0);
}

TEST(TorchArchive, AnEmptyDictionaryHasNoTensors) {
  PickleBytes pickle;
  pickle.ordered_dict();
  EXPECT_TRUE(read_bytes(test::torch_archive(pickle.str(), {})).empty());
}

// The classic attack: a pickle that calls os.system when it is loaded.
TEST(TorchArchive, RefusesForeignGlobalsWithTheirPlace) {
  PickleBytes pickle;
  pickle.global("posix", "system").text("touch pwned").raw("\x85R");
  EXPECT_THAT(pickle_message(pickle),
              HasSubstr("data.pkl\": byte 2: global \"posix system\", expected "
                        "collections OrderedDict, torch._utils _rebuild_tensor_v2 or torch"));
  PickleBytes half;
  half.global("torch", "HalfStorage");
  EXPECT_THAT(pickle_message(half), HasSubstr("byte 2: global \"torch HalfStorage\""));
  PickleBytes endless;
  endless.raw("c").raw(std::string(5000, 'a'));
  EXPECT_THAT(pickle_message(endless), HasSubstr("that goes on, expected at most 200 bytes"));
}

TEST(TorchArchive, RefusesForeignOpcodesWithTheirPlace) {
  // INST, OBJ, STACK_GLOBAL, NEWOBJ, EXT1, PERSID, INT: each could name or make an object.
  for (const char opcode : std::string_view("io\x93\x81\x82PI")) {
    PickleBytes pickle;
    pickle.raw("}").raw(std::string_view(&opcode, 1));
    EXPECT_THAT(pickle_message(pickle), HasSubstr("byte 3: opcode 0x"))
        << static_cast<unsigned char>(opcode);
  }
  const std::string none = test::torch_archive("(.", {});
  EXPECT_THAT(message_of(none), HasSubstr("byte 0: opcode 0x28, expected a pickle of protocol 2"));
  EXPECT_THAT(message_of(test::torch_archive("\x80\x04.", {})),
              HasSubstr("protocol 4, expected 2"));
}

TEST(TorchArchive, RefusesTensorsOutsideTheirStorage) {
  const auto of = [](std::int32_t storage, std::int32_t offset,
                     const std::vector<std::int32_t>& shape,
                     const std::vector<std::int32_t>& strides, const std::string& key = "0") {
    PickleBytes pickle;
    pickle.ordered_dict().text("w").tensor(key, storage, offset, shape, strides).raw("s");
    return pickle_message(pickle);
  };
  EXPECT_EQ(of(6, 0, {6}, {1}), "no error");
  EXPECT_THAT(of(6, 1, {6}, {1}), HasSubstr("reaches element 6 of a storage of 6"));
  EXPECT_THAT(of(6, 7, {0}, {1}), HasSubstr("begins at element 7 of a storage of 6"));
  EXPECT_THAT(of(6, -1, {1}, {1}), HasSubstr("begins at element -1"));
  EXPECT_THAT(of(6, 0, {2}, {6}), HasSubstr("reaches element 6"));
  EXPECT_THAT(of(6, 0, {2}, {2147483647}), HasSubstr("reaches element 2147483647"));
  EXPECT_THAT(of(6, 0, {2147483647, 2147483647}, {0, 0}), HasSubstr("a tensor of at least"));
  EXPECT_THAT(of(6, 0, {7}, {0}), HasSubstr("a tensor of at least 7 elements in a storage of 6"));
  EXPECT_THAT(of(6, 0, {-1}, {1}), HasSubstr("a tensor's shape has -1"));
  EXPECT_THAT(of(6, 0, {1}, {-1}), HasSubstr("a tensor's strides has -1"));
  EXPECT_THAT(of(6, 0, {1, 1}, {1}), HasSubstr("2 axes has 1 strides"));
  EXPECT_THAT(of(-6, 0, {1}, {1}), HasSubstr("a storage of -6 elements"));
  EXPECT_THAT(of(7, 0, {6}, {1}), HasSubstr("has 24 bytes, expected 28 for 7 float32"));
  EXPECT_THAT(of(2147483647, 0, {1}, {1}), HasSubstr("has 24 bytes, expected"));
  EXPECT_THAT(of(6, 0, {6}, {1}, "1"), HasSubstr("no member \"head/data/1\""));
  EXPECT_THAT(of(6, 0, {6}, {1}, "../../etc/passwd"), HasSubstr("expected decimal digits"));
  EXPECT_THAT(of(6, 0, {6}, {1}, ""), HasSubstr("expected decimal digits"));
}

TEST(TorchArchive, RefusesStacksThatDoNotAddUp) {
  EXPECT_THAT(pickle_message(PickleBytes()), HasSubstr("0 values are left"));
  EXPECT_THAT(pickle_message(PickleBytes().raw("}}")), HasSubstr("2 values are left"));
  EXPECT_THAT(pickle_message(PickleBytes().raw(")")), HasSubstr("the content is a tuple"));
  EXPECT_THAT(pickle_message(PickleBytes().raw("t")), HasSubstr("no mark on the stack"));
  EXPECT_THAT(pickle_message(PickleBytes().raw("\x85")), HasSubstr("nothing on the stack"));
  EXPECT_THAT(pickle_message(PickleBytes().raw("}(\x85")), HasSubstr("nothing on the stack"));
  EXPECT_THAT(pickle_message(PickleBytes().raw("h\x05")), HasSubstr("memo 5 is empty"));
  EXPECT_THAT(pickle_message(PickleBytes().raw("}.")), HasSubstr("1 bytes before its end"));
  EXPECT_THAT(pickle_message(PickleBytes().raw("}(").text("a").raw("u")),
              HasSubstr("a key without a value"));
  EXPECT_THAT(pickle_message(PickleBytes().raw("}NNs")), HasSubstr("a key is None"));
  EXPECT_THAT(pickle_message(PickleBytes().raw("}").text("a").raw("Ns")),
              HasSubstr("\"a\" is None, expected a tensor"));
  EXPECT_THAT(pickle_message(PickleBytes().raw("})R")), HasSubstr("a call of something else"));
  EXPECT_THAT(pickle_message(PickleBytes().raw("NNb")), HasSubstr("what gets attributes is None"));
  EXPECT_THAT(pickle_message(PickleBytes().raw("NQ")), HasSubstr("a persistent id is None"));
  PickleBytes twice;
  twice.raw("}(");
  for (int i = 0; i < 2; ++i) twice.text("w").tensor("0", 6, 0, {6}, {1});
  EXPECT_THAT(pickle_message(twice.raw("u")), HasSubstr("the key \"w\" stands twice"));
  // A dictionary that holds itself.
  EXPECT_THAT(pickle_message(PickleBytes().raw("}q\x01").text("a").raw("h\x01s")),
              HasSubstr("\"a\" is a dictionary, expected a tensor"));
}

TEST(TorchArchive, RefusesTooMuch) {
  EXPECT_THAT(pickle_message(PickleBytes().raw(std::string(200000, 'N'))),
              HasSubstr("more than 131072 values"));
  EXPECT_THAT(pickle_message(PickleBytes().raw(std::string(detail::kLargestPickle, 'N'))),
              HasSubstr("expected at most 1048576"));
  EXPECT_THAT(pickle_message(PickleBytes().raw("X\xff\xff\xff\xff")),
              HasSubstr("bytes are left of the pickle, expected 4294967295"));
}

TEST(TorchArchive, RefusesOtherArchives) {
  test::ZipBytes none;
  none.add("weights.npy", "x");
  EXPECT_THAT(message_of(none.str()), HasSubstr("no member NAME/data.pkl"));
  test::ZipBytes two;
  two.add("a/data.pkl", "x").add("b/data.pkl", "x");
  EXPECT_THAT(message_of(two.str()), HasSubstr("hold a pickle, expected one"));
  PickleBytes pickle;
  pickle.ordered_dict();
  EXPECT_THAT(message_of(test::torch_archive(pickle.str(), {}, "big")),
              HasSubstr("byte order \"big\", expected \"little\""));
  EXPECT_THAT(message_of("\x80\x02}."), HasSubstr("no end record of a zip archive"));
  // A name with a path in it is compared, not followed.
  test::ZipBytes path;
  path.add("../../head/data.pkl", "x");
  EXPECT_THAT(message_of(path.str()), HasSubstr("no member NAME/data.pkl"));
}

TEST(TorchArchive, SurvivesEveryTruncation) {
  const std::string content = test::torch_head({1, 2, 3}, 4);
  const auto counts = test::try_truncations(content, [](const auto& p) { read_torch_archive(p); });
  EXPECT_EQ(counts.accepted, 0);
  EXPECT_EQ(counts.refused, static_cast<int>(content.size()));
}

TEST(TorchArchive, SurvivesEveryChangedByte) {
  const std::string content = test::torch_head({1, 2, 3}, 4);
  const auto counts = test::try_changed_bytes(content, content.size(),
                                              [](const auto& p) { read_torch_archive(p); });
  EXPECT_GT(counts.refused, 1000);
}

// Without a checksum in the way.
TEST(TorchArchive, SurvivesEveryChangedByteOfThePickle) {
  PickleBytes pickle;
  pickle.ordered_dict().raw("q\x01(");
  pickle.text("w").tensor("0", 6, 0, {2, 3}, {3, 1});
  pickle.raw("u}").text("_metadata").ordered_dict().raw("sb");
  const std::string right = pickle.str();
  int refused = 0;
  const auto try_bytes = [&](std::string_view bytes) {
    try {
      for (const detail::PickledTensor& tensor :
           detail::read_pickled_tensors(std::as_bytes(std::span(bytes)), "x")) {
        for (std::size_t axis = 0; axis < tensor.shape.size(); ++axis)
          ASSERT_GE(tensor.shape[axis], 0);
      }
    } catch (const FileError&) {
      ++refused;
    }
  };
  for (std::size_t n = 0; n < right.size(); ++n) try_bytes(std::string_view(right).substr(0, n));
  EXPECT_EQ(refused, static_cast<int>(right.size()));
  for (std::size_t i = 0; i < right.size(); ++i) {
    std::string changed = right;
    for (int value = 0; value < 256; ++value) {
      changed[i] = static_cast<char>(value);
      try_bytes(changed);
    }
  }
  EXPECT_GT(refused, 10000);
}

}  // namespace
}  // namespace gnomon
