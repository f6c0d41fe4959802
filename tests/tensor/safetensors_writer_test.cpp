// SPDX-License-Identifier: Apache-2.0
#include "gnomon/tensor/safetensors_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "gnomon/base/error.h"
#include "gnomon/tensor/safetensors.h"
#include "support/temporary_folder.h"

namespace gnomon::test {
namespace {

using ::testing::HasSubstr;

template <class T>
std::span<const std::byte> bytes(const std::vector<T>& values) {
  return std::as_bytes(std::span(values));
}

TEST(SafetensorsInParts, AreTheBytesOfWholeTensors) {
  const std::vector<float> wide = {1, 2, 3, 4, 5, 6};
  const std::vector<std::int64_t> ids = {7, 8, 9};
  const std::vector<double> none;
  const std::map<std::string, std::string> metadata = {{"model", "tiny"}};
  const TemporaryFolder folder;
  write_safetensors(folder / "whole",
                    {{"wide", Dtype::f32, {2, 3}, bytes(wide)},
                     {"none", Dtype::f64, {0, 4}, bytes(none)},
                     {"ids", Dtype::i64, {3}, bytes(ids)}},
                    metadata);
  write_safetensors_in_parts(
      folder / "parts",
      {{"wide", Dtype::f32, {2, 3}}, {"none", Dtype::f64, {0, 4}}, {"ids", Dtype::i64, {3}}},
      metadata, [&](TensorParts& parts) {
        parts.append(0, bytes(wide).first(4));
        parts.append(2, bytes(ids).first(16));
        parts.append(0, bytes(wide).subspan(4, 12));
        parts.append(1, {});
        parts.append(0, bytes(wide).subspan(16));
        parts.append(2, bytes(ids).subspan(16));
      });
  const MappedFile whole(folder / "whole"), parts(folder / "parts");
  ASSERT_EQ(whole.bytes().size(), parts.bytes().size());
  EXPECT_EQ(std::memcmp(whole.bytes().data(), parts.bytes().data(), whole.bytes().size()), 0);
}

TEST(SafetensorsInParts, TooFewAndTooManyBytesLeaveNoFile) {
  const std::vector<float> values = {1, 2, 3};
  const TemporaryFolder folder;
  const auto message = [&](const std::function<void(TensorParts&)>& fill) -> std::string {
    try {
      write_safetensors_in_parts(folder / "file", {{"x", Dtype::f32, {3}}}, {}, fill);
    } catch (const ArgumentError& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_THAT(message([&](TensorParts& parts) { parts.append(0, bytes(values).first(8)); }),
              HasSubstr("tensor \"x\" lacks 4 bytes"));
  EXPECT_THAT(message([&](TensorParts& parts) {
                parts.append(0, bytes(values));
                parts.append(0, bytes(values).first(4));
              }),
              HasSubstr("4 bytes more of planned tensor 0, which lacks 0"));
  EXPECT_EQ(names_in(folder.path()), std::vector<std::string>{});
}

}  // namespace
}  // namespace gnomon::test
