// SPDX-License-Identifier: Apache-2.0
#include "gnomon/charts/theme.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "gnomon/base/error.h"

namespace gnomon {
namespace {

// Diverging, light: ColorBrewer RdBu (11 classes). Sequential, light: ColorBrewer Blues. In the
// dark both run from the paper to bright ends.
constexpr ThemeVariable kVariables[] = {
    {"--gn-paper", "#ffffff", "#16181c", "background"},
    {"--gn-ink", "#1b1f24", "#e6e8eb", "text and main lines"},
    {"--gn-muted", "#59636e", "#a3abb5", "notes, tick labels, reference lines"},
    {"--gn-axis", "#8c959f", "#6b747e", "axis lines and ticks"},
    {"--gn-grid", "#e4e7eb", "#2b3037", "grid lines and zero lines"},
    {"--gn-null", "#d3d9df", "#3a4149", "null bands and null distributions"},
    {"--gn-wire", "#b4bcc5", "#525b66", "wires of the block diagram"},
    {"--gn-series-1", "#0072b2", "#56b4e9", "the result"},
    {"--gn-series-2", "#d55e00", "#e69f00", "what it is compared with; controls"},
    {"--gn-series-3", "#008a64", "#009e73", "third series"},
    {"--gn-series-4", "#b65d91", "#cc79a7", "fourth series"},
    {"--gn-div-n5", "#67001f", "#f7b58c", "diverging, most negative"},
    {"--gn-div-n4", "#b2182b", "#dd7f47", "diverging"},
    {"--gn-div-n3", "#d6604d", "#a5502a", "diverging"},
    {"--gn-div-n2", "#f4a582", "#7a3e25", "diverging"},
    {"--gn-div-n1", "#fddbc7", "#4a2c22", "diverging"},
    {"--gn-div-0", "#f7f7f7", "#23272d", "diverging, zero"},
    {"--gn-div-p1", "#d1e5f0", "#1f3a50", "diverging"},
    {"--gn-div-p2", "#92c5de", "#24587f", "diverging"},
    {"--gn-div-p3", "#4393c3", "#2a71a5", "diverging"},
    {"--gn-div-p4", "#2166ac", "#56a3d9", "diverging"},
    {"--gn-div-p5", "#053061", "#9bd0f5", "diverging, most positive"},
    {"--gn-on-inner", "#000000", "#ffffff", "text on the diverging steps -3 to 3"},
    {"--gn-on-outer", "#ffffff", "#000000", "text on the diverging steps beyond"},
    {"--gn-seq-1", "#deebf7", "#1b2a3a", "sequential, least"},
    {"--gn-seq-2", "#c6dbef", "#1f3e5c", "sequential"},
    {"--gn-seq-3", "#9ecae1", "#245580", "sequential"},
    {"--gn-seq-4", "#6baed6", "#2e6ea6", "sequential"},
    {"--gn-seq-5", "#4292c6", "#4a8cc4", "sequential"},
    {"--gn-seq-6", "#2171b5", "#7fb2de", "sequential"},
    {"--gn-seq-7", "#084594", "#c2dff5", "sequential, most"},
};

constexpr std::array<std::string_view, 11> kDiverging = {
    "var(--gn-div-n5)", "var(--gn-div-n4)", "var(--gn-div-n3)", "var(--gn-div-n2)",
    "var(--gn-div-n1)", "var(--gn-div-0)",  "var(--gn-div-p1)", "var(--gn-div-p2)",
    "var(--gn-div-p3)", "var(--gn-div-p4)", "var(--gn-div-p5)"};
constexpr std::array<std::string_view, 7> kSequential = {
    "var(--gn-seq-1)", "var(--gn-seq-2)", "var(--gn-seq-3)", "var(--gn-seq-4)",
    "var(--gn-seq-5)", "var(--gn-seq-6)", "var(--gn-seq-7)"};
constexpr int kInnerSteps = 3;

}  // namespace

std::string_view theme_name(Theme theme) { return theme == Theme::light ? "light" : "dark"; }

std::span<const ThemeVariable> theme_variables() { return kVariables; }

const ThemeVariable& theme_variable(std::string_view name) {
  const auto* found = std::ranges::find(kVariables, name, &ThemeVariable::name);
  if (found == std::end(kVariables))
    throw InternalError("theme_variable: no variable " + std::string(name));
  return *found;
}

std::string theme_declarations(Theme theme) {
  std::string text;
  for (const ThemeVariable& variable : kVariables)
    text.append(variable.name).append(":").append(variable.value(theme)).append(";");
  return text;
}

int diverging_step(double value, double limit) {
  const double share = std::clamp(value / limit, -1.0, 1.0);
  return static_cast<int>(std::lround(share * kDivergingSteps));
}

std::string_view diverging_paint(int step) {
  return kDiverging.at(static_cast<std::size_t>(step + kDivergingSteps));
}

std::string_view diverging_ink(int step) {
  return std::abs(step) <= kInnerSteps ? "var(--gn-on-inner)" : "var(--gn-on-outer)";
}

std::string_view sequential_paint(int step) {
  return kSequential.at(static_cast<std::size_t>(step - 1));
}

}  // namespace gnomon
