// SPDX-License-Identifier: Apache-2.0
#include "gnomon/charts/figure.h"

#include <fmt/format.h>

#include "gnomon/charts/detail/canvas.h"
#include "gnomon/charts/detail/chart_text.h"

namespace gnomon {
namespace {

using detail::escape_xml;
using detail::pixel;

constexpr std::string_view kFileFonts = "DejaVu Sans, Verdana, Arial, Helvetica, sans-serif";
constexpr std::string_view kPageFonts =
    "system-ui, -apple-system, Segoe UI, DejaVu Sans, Arial, sans-serif";

// A quote cannot stand in an escaped text, so this begins attribute values of ours only.
constexpr std::string_view kVariableStart = "=\"var(";
constexpr std::string_view kVariableEnd = ")\"";

std::string with_literal_colours(std::string_view body, Theme theme) {
  std::string text;
  text.reserve(body.size());
  for (;;) {
    const std::size_t start = body.find(kVariableStart);
    if (start == std::string_view::npos) return text.append(body);
    text.append(body.substr(0, start)).append("=\"");
    body.remove_prefix(start + kVariableStart.size());
    const std::size_t end = body.find(kVariableEnd);
    text.append(theme_variable(body.substr(0, end)).value(theme)).append("\"");
    body.remove_prefix(end + kVariableEnd.size());
  }
}

std::string root_start(const Figure& figure, std::string_view fonts) {
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"gn-figure\" data-figure=\"{}\" "
      "viewBox=\"0 0 {} {}\" width=\"{}\" height=\"{}\" font-family=\"{}\" font-size=\"12\" "
      "role=\"img\"",
      figure.id, pixel(figure.width), pixel(figure.height), pixel(figure.width),
      pixel(figure.height), fonts);
}

}  // namespace

std::string standalone_svg(const Figure& figure, Theme theme) {
  return fmt::format(
      "{} aria-labelledby=\"{}-title {}-desc\">\n<title id=\"{}-title\">{}</title>\n"
      "<desc id=\"{}-desc\">{}</desc>\n<rect width=\"{}\" height=\"{}\" fill=\"{}\"/>\n{}</svg>\n",
      root_start(figure, kFileFonts), figure.id, figure.id, figure.id, escape_xml(figure.title),
      figure.id, escape_xml(figure.description), pixel(figure.width), pixel(figure.height),
      theme_variable("--gn-paper").value(theme), with_literal_colours(figure.body, theme));
}

std::string embedded_svg(const Figure& figure) {
  return fmt::format(
      "{} aria-label=\"{}\" aria-describedby=\"{}-desc\">\n<desc "
      "id=\"{}-desc\">{}</desc>\n{}</svg>\n",
      root_start(figure, kPageFonts), escape_xml(figure.title), figure.id, figure.id,
      escape_xml(figure.description), figure.body);
}

}  // namespace gnomon
