// SPDX-License-Identifier: Apache-2.0
#include "gnomon/base/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "gnomon/base/error.h"
#include "support/temporary_folder.h"

namespace gnomon {
namespace {

using ::testing::HasSubstr;

std::string refusal(std::string_view text) {
  try {
    parse_json(text, "source");
  } catch (const FileError& e) {
    return e.what();
  }
  return "accepted";
}

TEST(Json, KeepsTheOrderOfKeys) {
  const Json value = parse_json(R"({"z":1,"a":{"y":2,"b":3}})", "source");
  EXPECT_EQ(dump_json(value), "{\n  \"z\": 1,\n  \"a\": {\n    \"y\": 2,\n    \"b\": 3\n  }\n}\n");
}

TEST(Json, NumbersReadBackTheSame) {
  for (const double number : {0.1, 1e-300, -0.0, 5e-324, 1.7976931348623157e308, 1.0 / 3}) {
    const Json value = parse_json(dump_json(Json{number}), "source")[0];
    EXPECT_EQ(value.get<double>(), number);
  }
  EXPECT_EQ(dump_json(Json{0.1}), "[\n  0.1\n]\n");
}

TEST(Json, SaysWhereTextIsNotJson) {
  EXPECT_EQ(refusal("{\"a\": 1,}"), "\"source\": not valid JSON at byte 9");
  EXPECT_THAT(refusal(""), HasSubstr("not valid JSON at byte 1"));
  EXPECT_THAT(refusal("[1] 2"), HasSubstr("not valid JSON"));
  EXPECT_THAT(refusal("[\"\xff\"]"), HasSubstr("not valid JSON"));
  EXPECT_THAT(refusal("[NaN]"), HasSubstr("not valid JSON"));
  EXPECT_THAT(refusal("[1e999]"), HasSubstr("not valid JSON"));
}

TEST(Json, LimitsNesting) {
  const auto nested = [](std::size_t n) { return std::string(n, '[') + std::string(n, ']'); };
  EXPECT_EQ(refusal(nested(64)), "accepted");
  EXPECT_EQ(refusal(nested(66)), "\"source\": JSON nests deeper than 64 levels");
  EXPECT_THAT(refusal(std::string(1'000'000, '[')), HasSubstr("deeper than 64 levels"));
}

TEST(Json, SurvivesEveryTruncationAndFlippedBit) {
  const std::string text = R"({"a":[1,2.5e3,"\u00e9\n",null,true],"b":{"c":{}}})";
  for (std::size_t n = 0; n < text.size(); ++n) {
    EXPECT_NE(refusal(text.substr(0, n)), "accepted") << n;
    for (int bit = 0; bit < 8; ++bit) {
      std::string changed = text;
      changed[n] = static_cast<char>(changed[n] ^ (1 << bit));
      refusal(changed);
    }
  }
}

TEST(Json, RefusesToWriteWhatIsNotANumber) {
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_THROW(dump_json(Json{{"r", std::nan("")}}), InternalError);
  EXPECT_THROW(dump_json(Json{1.0, {{"r", infinity}}}), InternalError);
  EXPECT_TRUE(number_or_null(infinity).is_null());
  EXPECT_TRUE(number_or_null(std::nan("")).is_null());
  EXPECT_EQ(number_or_null(0.5), Json(0.5));
}

TEST(Json, ReadsFiles) {
  const test::TemporaryFolder folder;
  EXPECT_EQ(read_json_file(folder.write("a.json", "{\"n\": 3}"))["n"], 3);
  EXPECT_THROW(read_json_file(folder / "absent.json"), FileError);
}

}  // namespace
}  // namespace gnomon
