// SPDX-License-Identifier: Apache-2.0
// in: a chart's marks   out: an SVG for a file or for a page, with its table
//
// A chart is a function from a plain struct of numbers to a Figure. It leaves the library in two
// ways: standalone_svg() for files and documents, with literal colours, and embedded_svg() for an
// HTML page, with CSS custom properties.
//
// What a script may rely on in either:
//   svg.gn-figure[data-figure]   the figure's id
//   g.gn-panel                   one pair of axes. data-panel is its name; data-x0, data-x1 the
//                                values at the pixels data-px0, data-px1, the same with y. Pixels
//                                are those of the element's own coordinates, getScreenCTM();
//                                data-xscale and data-yscale are "linear" or "log": on a log axis
//                                the values lie linearly by their logarithm
//   .gn-marks                    a group of marks of rows. data-part is the part of all of them,
//                                train, val or test, where the chart knows it
//   [data-row="12"]              a mark, of one row of the run's data; of several rows with the
//   same
//                                place "12 40 41": select it by [data-row~="12"]
//   .gn-line .gn-band            lines fitted to marks; bands
//   .gn-bin[data-count]          a bin of rows, in place of marks where a panel has more than
//                                kMostMarks of them
//   rect[data-brush]             the plotting area of a panel, below its marks, for a brush
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "gnomon/charts/theme.h"

namespace gnomon {

// More points than this in one panel are drawn as bins.
inline constexpr std::size_t kMostMarks = 5000;

// Nothing is null, as a double that is not finite.
using FigureCell = std::variant<std::monostate, std::int64_t, double, std::string>;

// The numbers of a figure, for those who do not see it, and for reuse.
struct FigureTable {
  std::vector<std::string> columns;
  std::vector<std::vector<FigureCell>> rows;  // one cell for each column
};

struct Figure {
  std::string id;  // a-z, 0-9 and "-"; names files and prefixes the ids inside the SVG
  std::string title;
  std::string description;  // what is seen, in sentences: the <desc>
  double width = 0;         // of the viewBox, in CSS pixels
  double height = 0;
  // SVG elements without the root. Colours are attributes such as fill="var(--gn-ink)"; there is no
  // style attribute, style sheet, script or reference to anything outside. Texts are escaped.
  std::string body;
  FigureTable table;
  std::string vega_lite;  // the same chart as a Vega-Lite v5 specification, data included
};

// A document of its own: <svg> with <title> and <desc>, colours of `theme` as literal attributes, a
// background, fonts that most systems have.
std::string standalone_svg(const Figure& figure, Theme theme);

// An element for an HTML page whose style sheet sets theme_declarations(), for instance by
// prefers-color-scheme. Its accessible name is an aria-label and not a <title>, which browsers
// would show as a tooltip over every mark. It has a viewBox, width and height: with
// "svg.gn-figure{max-width:100%;height:auto}" it shrinks with the page; user-select:none keeps a
// brush from selecting its texts. Needs no permission of a content security policy.
std::string embedded_svg(const Figure& figure);

}  // namespace gnomon
