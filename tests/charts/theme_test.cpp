// SPDX-License-Identifier: Apache-2.0
#include "gnomon/charts/theme.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "gnomon/base/error.h"

namespace gnomon {
namespace {

// Relative luminance and contrast of WCAG 2.2.
double luminance(std::string_view colour) {
  const auto channel = [&](std::size_t at) {
    const double value = std::stoi(std::string(colour.substr(at, 2)), nullptr, 16) / 255.0;
    return value <= 0.04045 ? value / 12.92 : std::pow((value + 0.055) / 1.055, 2.4);
  };
  return 0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5);
}

double contrast(std::string_view a, std::string_view b) {
  const double x = luminance(a);
  const double y = luminance(b);
  return (std::max(x, y) + 0.05) / (std::min(x, y) + 0.05);
}

std::string_view value_of(std::string_view paint, Theme theme) {
  return theme_variable(paint.substr(4, paint.size() - 5)).value(theme);
}

constexpr double kTextContrast = 4.5;
constexpr double kMarkContrast = 3;

TEST(Theme, TextCanBeRead) {
  for (const Theme theme : {Theme::light, Theme::dark}) {
    const std::string_view paper = theme_variable("--gn-paper").value(theme);
    for (const std::string_view ink : {paint::kInk, paint::kMuted})
      EXPECT_GE(contrast(value_of(ink, theme), paper), kTextContrast) << ink;
    for (int step = -kDivergingSteps; step <= kDivergingSteps; ++step)
      EXPECT_GE(
          contrast(value_of(diverging_ink(step), theme), value_of(diverging_paint(step), theme)),
          kTextContrast)
          << theme_name(theme) << " " << step;
  }
}

TEST(Theme, SeriesAreSeen) {
  for (const Theme theme : {Theme::light, Theme::dark})
    for (const std::string_view series : paint::kSeries)
      EXPECT_GE(contrast(value_of(series, theme), theme_variable("--gn-paper").value(theme)),
                kMarkContrast)
          << series;
}

TEST(Theme, ScalesGoOneWayFromThePaper) {
  for (const Theme theme : {Theme::light, Theme::dark}) {
    const std::string_view zero = value_of(diverging_paint(0), theme);
    for (int step = 1; step <= kDivergingSteps; ++step)
      for (const int sign : {-1, 1})
        EXPECT_GT(contrast(value_of(diverging_paint(sign * step), theme), zero),
                  contrast(value_of(diverging_paint(sign * (step - 1)), theme), zero));
    for (int step = 2; step <= kSequentialSteps; ++step)
      EXPECT_GT(contrast(value_of(sequential_paint(step), theme), zero),
                contrast(value_of(sequential_paint(step - 1), theme), zero));
  }
}

TEST(Theme, DivergingStepsAreSymmetric) {
  EXPECT_EQ(diverging_step(0, 1), 0);
  EXPECT_EQ(diverging_step(1, 1), kDivergingSteps);
  EXPECT_EQ(diverging_step(-7, 1), -kDivergingSteps);
  for (const double value : {0.05, 0.3, 0.77})
    EXPECT_EQ(diverging_step(value, 1), -diverging_step(-value, 1));
}

TEST(Theme, DeclarationsNameEveryVariable) {
  for (const ThemeVariable& variable : theme_variables())
    EXPECT_NE(theme_declarations(Theme::dark)
                  .find(std::string(variable.name) + ":" + std::string(variable.dark) + ";"),
              std::string::npos);
  EXPECT_THROW(theme_variable("--gn-none"), InternalError);
}

}  // namespace
}  // namespace gnomon
