// SPDX-License-Identifier: Apache-2.0
// in: texts with a number for each token   out: the texts with coloured tokens
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gnomon/charts/figure.h"

namespace gnomon {

struct MappedToken {
  std::string text;             // its bytes
  std::optional<double> value;  // empty: no background
  std::int64_t row = -1;        // of the run's data; -1 where it is none
  bool marked = false;          // such as the position that is reported
};

struct MappedText {
  std::string label;  // "text 12, test"
  std::vector<MappedToken> tokens;
};

struct TokenMapChart {
  std::string id;
  std::string title;
  std::string description;
  std::string value_label;   // "activation"
  std::string mark_meaning;  // "the position that is read"; may be empty
  std::vector<MappedText> texts;
};

// Tokens beyond this many of a text are not drawn, which its last line says; the table has them.
inline constexpr std::size_t kMostMapTokens = 300;

// All texts share one scale, symmetric about 0, which has no colour. Spaces, tabs and line ends are
// shown as ␣ ⇥ ⏎, and characters that control or reorder text as \xNN.
Figure token_map_figure(const TokenMapChart& chart);

}  // namespace gnomon
