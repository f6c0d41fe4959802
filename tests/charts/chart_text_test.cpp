// SPDX-License-Identifier: Apache-2.0
#include "gnomon/charts/detail/chart_text.h"

#include <gtest/gtest.h>

#include <limits>

#include "gnomon/charts/detail/scale.h"

namespace gnomon::detail {
namespace {

TEST(ChartText, EscapesWhatXmlWouldRead) {
  EXPECT_EQ(escape_xml("a<b>&\"'"), "a&lt;b&gt;&amp;&quot;&#39;");
  EXPECT_EQ(escape_xml("a\nb\tc"), "a b c");
}

TEST(ChartText, ReplacesWhatMayNotStand) {
  const std::string replacement = "\xEF\xBF\xBD";
  EXPECT_EQ(escape_xml(std::string_view("a\0b", 3)), "a" + replacement + "b");
  EXPECT_EQ(escape_xml("\xFF"), replacement);
  EXPECT_EQ(escape_xml("\xE2\x80\xAE"), replacement);  // right-to-left override
  EXPECT_EQ(escape_xml("\xEF\xBF\xBF"), replacement);  // U+FFFF
  EXPECT_EQ(escape_xml("\xF0\x9F\x8C\x9E"), "\xF0\x9F\x8C\x9E");
}

TEST(ChartText, ElidedTextFits) {
  const std::string text = "blocks.2.mlp.hook_post[509]@last";
  for (double width = 12; width < 300; width += 7)
    EXPECT_LE(text_width(elided(text, 12, width), 12), width);
  EXPECT_EQ(elided(text, 12, 1000), text);
}

TEST(ChartText, ElidingKeepsCharactersWhole) {
  EXPECT_EQ(elided("\xE4\xB8\x96\xE4\xB8\x96\xE4\xB8\x96", 10, 25), "\xE4\xB8\x96\xE2\x80\xA6");
}

TEST(ChartText, NumbersForPeople) {
  EXPECT_EQ(number_text(0.12345), "0.123");
  EXPECT_EQ(number_text(-0.5),
            "\xE2\x88\x92"
            "0.5");
  EXPECT_EQ(number_text(-7061.2),
            "\xE2\x88\x92"
            "7061");
  EXPECT_EQ(number_text(1.2e-7, 2),
            "1.2e\xE2\x88\x92"
            "07");
  EXPECT_EQ(number_text(std::numeric_limits<double>::quiet_NaN()), "none");
  EXPECT_EQ(fixed_text(-0.001, 2), "0.00");
  EXPECT_EQ(signed_text(0.7), "+0.70");
  EXPECT_EQ(p_text(1e-30),
            "p < 1e\xE2\x88\x92"
            "16");
  EXPECT_EQ(p_text(0.0116), "p = 0.012");
}

TEST(ChartText, Slugs) {
  EXPECT_EQ(slug("Input_gate 2"), "input-gate-2");
  EXPECT_EQ(slug("../.."), "x");
}

TEST(Scale, TicksAreRoundAndInside) {
  const Scale scale{-0.31, 2.07, 0, 300};
  std::vector<std::string> labels;
  for (const Tick& tick : ticks_of(scale, 5)) {
    EXPECT_GE(tick.value, scale.low);
    EXPECT_LE(tick.value, scale.high);
    labels.push_back(tick.label);
  }
  EXPECT_EQ(labels, (std::vector<std::string>{"0.0", "0.5", "1.0", "1.5", "2.0"}));
}

TEST(Scale, LogTicksArePowersOfTen) {
  const Scale scale{2e-5, 3, 0, 300, ScaleKind::log};
  std::vector<std::string> labels;
  for (const Tick& tick : ticks_of(scale, 6)) labels.push_back(tick.label);
  EXPECT_EQ(labels, (std::vector<std::string>{"1e\xE2\x88\x92"
                                              "4",
                                              "0.001", "0.01", "0.1", "1"}));
  EXPECT_NEAR(scale(std::sqrt(2e-5 * 3)), 150, 1e-9);
}

TEST(Scale, WithinADecadeThereAreTicksToo) {
  EXPECT_GE(ticks_of({0.03, 0.7, 0, 300, ScaleKind::log}, 5).size(), 3u);
  EXPECT_GE(ticks_of({0.51, 0.59, 0, 300, ScaleKind::log}, 5).size(), 2u);
}

TEST(Scale, RangesOfNothingAndOfOneValue) {
  const std::vector<double> none = {std::numeric_limits<double>::quiet_NaN()};
  EXPECT_EQ(padded_range(none).low, 0);
  EXPECT_EQ(padded_range(none).high, 1);
  const std::vector<double> one = {5};
  EXPECT_LT(padded_range(one).low, 5);
  EXPECT_GT(padded_range(one).high, 5);
}

}  // namespace
}  // namespace gnomon::detail
