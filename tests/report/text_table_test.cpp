// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/text_table.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <sstream>

#include "gnomon/base/error.h"

namespace gnomon {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr TextStyle kAscii{false, 80};

TEST(DisplayWidth, CountsTerminalColumns) {
  EXPECT_EQ(display_width(""), 0);
  EXPECT_EQ(display_width("R²(fit) – 1·σ"), 13);
  EXPECT_EQ(display_width("日本語"), 6);
  EXPECT_EQ(display_width("e\u0301"), 1);
  EXPECT_EQ(display_width("\U0001F600"), 2);
  EXPECT_EQ(display_width("\xff\xc3"), 2);
}

TEST(Padded, CountsColumnsNotBytes) {
  EXPECT_EQ(padded("²", 3, Align::right), "  ²");
  EXPECT_EQ(padded("日", 3, Align::left), "日 ");
  EXPECT_EQ(padded("long", 2, Align::left), "long");
}

TEST(Shortened, EndsInAnEllipsisWithinTheWidth) {
  EXPECT_EQ(shortened("abcdef", 6), "abcdef");
  EXPECT_EQ(shortened("abcdef", 4), "abc…");
  EXPECT_EQ(shortened("日本語", 4), "日…");
}

TEST(AsciiText, SpellsWhatWePrint) {
  EXPECT_EQ(ascii_text("R²(fit) ≥ – … β→σ · Δ"), "R2(fit) >= - ... beta->sigma . delta");
  EXPECT_EQ(ascii_text("日\xff"), "??");
}

TextTable directions() {
  TextTable table({{"direction"},
                   {"read at", Align::left, true},
                   {"r", Align::right},
                   {"95 % CI", Align::right},
                   {"R²(fit)", Align::right},
                   {"p", Align::right}});
  table.add_row({"head", "blocks.29.hook_resid_post", format_r(0.8881),
                 format_interval(0.859, 0.912), "0.789", format_p(-169.8)});
  table.add_row({"output", "blocks.12.hook_resid_post", format_r(-0.04),
                 format_interval(-0.11, 0.03), "0.002", format_p(-0.5)});
  table.add_row({"input", "blocks.12.ln2.hook_out",
                 TableCell::missing("the projection is constant"),
                 TableCell::missing("the projection is constant"),
                 TableCell::missing("a coordinate has no input weights"), "–"});
  return table;
}

TEST(TextTable, Golden) {
  EXPECT_EQ(directions().render({}),
            "  direction  read at                         r         95 % CI  R²(fit)        p\n"
            "  head       blocks.29.hook_resid_post  +0.888  [+0.86, +0.91]    0.789  < 1e-16\n"
            "  output     blocks.12.hook_resid_post  -0.040  [-0.11, +0.03]    0.002     0.32\n"
            "  input      blocks.12.ln2.hook_out       –[1]            –[1]     –[2]        –\n"
            "  –[1] the projection is constant\n"
            "  –[2] a coordinate has no input weights\n");
}

TEST(TextTable, GoldenAscii) {
  EXPECT_EQ(directions().render(kAscii),
            "  direction  read at                         r         95 % CI  R2(fit)        p\n"
            "  head       blocks.29.hook_resid_post  +0.888  [+0.86, +0.91]    0.789  < 1e-16\n"
            "  output     blocks.12.hook_resid_post  -0.040  [-0.11, +0.03]    0.002     0.32\n"
            "  input      blocks.12.ln2.hook_out       -[1]            -[1]     -[2]        -\n"
            "  -[1] the projection is constant\n"
            "  -[2] a coordinate has no input weights\n");
}

void expect_fits(const std::string& text, int width) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(display_width(line), width) << line;
    EXPECT_FALSE(line.ends_with(' ')) << line;
  }
}

TEST(TextTable, ShortensTheColumnThatMay) {
  const std::string unicode = directions().render({true, 72});
  EXPECT_NE(unicode.find("blocks.29.hook_r…  +0.888"), std::string::npos) << unicode;
  expect_fits(unicode, 72);
  const std::string ascii = directions().render({false, 72});
  EXPECT_NE(ascii.find("blocks.29.hook..."), std::string::npos) << ascii;
  expect_fits(ascii, 72);
}

TEST(TextTable, WrapsALongReason) {
  TextTable table({{"x"}});
  table.add_row({TableCell::missing("one two three four five six seven")});
  EXPECT_EQ(table.render({true, 24}),
            "  x\n"
            "  –[1]\n"
            "  –[1] one two three\n"
            "       four five six\n"
            "       seven\n");
}

TEST(TextTable, RefusesARowOfAnotherLength) {
  TextTable table({{"x"}, {"y"}});
  EXPECT_THROW(table.add_row({"1"}), InternalError);
}

TEST(FormatR, HasASignUnlessItRoundsToZero) {
  EXPECT_EQ(format_r(0.8884), "+0.888");
  EXPECT_EQ(format_r(-0.36, 2), "-0.36");
  EXPECT_EQ(format_r(-0.0004), "0.000");
  EXPECT_EQ(format_r(0), "0.000");
  EXPECT_EQ(format_r(1), "+1.000");
  EXPECT_EQ(format_r(kNan), "–");
}

TEST(FormatInterval, ShowsBothEnds) {
  EXPECT_EQ(format_interval(0.859, 0.912), "[+0.86, +0.91]");
  EXPECT_EQ(format_interval(-0.12345, 0.001, 3), "[-0.123, +0.001]");
  EXPECT_EQ(format_interval(kNan, 1), "–");
}

TEST(FormatP, HasAFloorForReaders) {
  EXPECT_EQ(format_p(0), "1");
  EXPECT_EQ(format_p(1e-17), "1");
  EXPECT_EQ(format_p(std::log10(0.011)), "0.011");
  EXPECT_EQ(format_p(std::log10(3e-5)), "3e-05");
  EXPECT_EQ(format_p(-16), "1e-16");
  EXPECT_EQ(format_p(-16.01), "< 1e-16");
  EXPECT_EQ(format_p(-700), "< 1e-16");
  EXPECT_EQ(format_p(-std::numeric_limits<double>::infinity()), "< 1e-16");
  EXPECT_EQ(format_p(kNan), "–");
}

TEST(FormatPercentile, ClaimsNoMoreThanTheNullsShow) {
  EXPECT_EQ(format_percentile(97, 1000), "97 %");
  EXPECT_EQ(format_percentile(99.4, 1000), "99.4 %");
  EXPECT_EQ(format_percentile(100, 1000), ">99.9 %");
  EXPECT_EQ(format_percentile(100, 200), ">99.5 %");
  EXPECT_EQ(format_percentile(100, 20), ">95 %");
  EXPECT_EQ(format_percentile(0, 100), "< 1 %");
  EXPECT_EQ(format_percentile(100, 1535), ">99.9 %");
  EXPECT_EQ(format_percentile(99.97, 5000), "99.9 %");
  EXPECT_EQ(format_percentile(0.02, 5000), "0.1 %");
  EXPECT_EQ(format_percentile(50, 0), "–");
  EXPECT_EQ(format_percentile(kNan, 10), "–");
}

TEST(FormatNumbers, PercentAndValue) {
  EXPECT_EQ(format_percent(0.974), "97 %");
  EXPECT_EQ(format_percent(0.974, 1), "97.4 %");
  EXPECT_EQ(format_value(3.14159e-13), "3.14e-13");
  EXPECT_EQ(format_value(0), "0");
  EXPECT_EQ(format_value(kNan), "–");
}

TEST(RenderLadder, Golden) {
  const std::vector<LadderRow> rows = {
      {"resid_pre·w", -0.25, -0.5, 0.0, std::nullopt, false},
      {"+ attention", 0.5, 0.25, 0.625, 0.75, false},
      {"+ norm bias", 0.5, 0.25, 0.625, 0.0, true},
      {"activation function", 1.0, 1.0, 1.0, 0.5, false},
  };
  EXPECT_EQ(render_ladder(rows, {}),
            "  step                      r     change   -1          0           1\n"
            "  resid_pre·w          -0.250             |      ---o---            |\n"
            "  + attention          +0.500     +0.750  |            .  ---o--    |\n"
            "  + norm bias          +0.500  0 exactly  |            .  ---o--    |\n"
            "  activation function  +1.000     +0.500  |            .           o|\n");
}

TEST(RenderLadder, StartsAtZeroWhereNothingIsNegative) {
  const std::string text =
      render_ladder({{"a", 0.5, 0.25, 0.75, std::nullopt, false},
                     {"b", std::nullopt, std::nullopt, std::nullopt, kNan, false}},
                    kAscii);
  EXPECT_EQ(text,
            "  step       r  change   0                       1\n"
            "  a     +0.500          |.     ------o------      |\n"
            "  b          -       -  |.                        |\n");
}

TEST(RenderLadder, FitsEightyColumns) {
  const std::vector<LadderRow> rows = {{std::string(90, 'n'), -0.5, -0.6, -0.4, -0.5, false}};
  expect_fits(render_ladder(rows, {}), 80);
  expect_fits(render_ladder(rows, kAscii), 80);
}

}  // namespace
}  // namespace gnomon
