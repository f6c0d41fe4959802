// SPDX-License-Identifier: Apache-2.0
// The colours of every chart, by name. docs/formats/figures.md shows them.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace gnomon {

enum class Theme { light, dark };
std::string_view theme_name(Theme theme);

// A CSS custom property that figures use, with its value in both themes. Names are public: pages
// that hold figures may set their own values.
struct ThemeVariable {
  std::string_view name;  // "--gn-ink"
  std::string_view light;
  std::string_view dark;
  std::string_view use;

  std::string_view value(Theme theme) const { return theme == Theme::light ? light : dark; }
};

// Series colours are Okabe and Ito's, of which each theme takes those that reach a contrast of 3 :
// 1 with its paper. Text colours reach 4.5 : 1 on the paper or on the step of a scale that they are
// named after.
std::span<const ThemeVariable> theme_variables();

// The variable of that name. Throws InternalError where there is none.
const ThemeVariable& theme_variable(std::string_view name);

// "--gn-paper:#ffffff;--gn-ink:#1b1f24;..." for a style sheet, such as
// ":root{" + theme_declarations(Theme::light) + "}".
std::string theme_declarations(Theme theme);

// Paints, as attributes of a figure's body have them.
namespace paint {
inline constexpr std::string_view kNone = "none";
inline constexpr std::string_view kPaper = "var(--gn-paper)";
inline constexpr std::string_view kInk = "var(--gn-ink)";
inline constexpr std::string_view kMuted = "var(--gn-muted)";
inline constexpr std::string_view kAxis = "var(--gn-axis)";
inline constexpr std::string_view kGrid = "var(--gn-grid)";
inline constexpr std::string_view kNull = "var(--gn-null)";
inline constexpr std::string_view kWire = "var(--gn-wire)";
// Series: the result, what it is compared with, and two more.
inline constexpr std::string_view kSeries[] = {"var(--gn-series-1)", "var(--gn-series-2)",
                                               "var(--gn-series-3)", "var(--gn-series-4)"};
}  // namespace paint

// Steps of the diverging scale, -5 (most negative, red) to 5 (most positive, blue), and of the
// sequential one, 1 to 7.
inline constexpr int kDivergingSteps = 5;
inline constexpr int kSequentialSteps = 7;

// The step of `value` on a scale from -limit to limit: 0 for 0, ends for values beyond. `limit`
// must be positive.
int diverging_step(double value, double limit);

// "var(--gn-div-p3)" and the colour of text on it.
std::string_view diverging_paint(int step);
std::string_view diverging_ink(int step);
std::string_view sequential_paint(int step);

}  // namespace gnomon
