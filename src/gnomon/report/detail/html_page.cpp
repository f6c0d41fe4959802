// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/detail/html_page.h"

#include <fmt/format.h>

#include <cstdint>

#include "gnomon/base/file.h"
#include "gnomon/charts/theme.h"
#include "gnomon/report/detail/report_assets.h"
#include "gnomon/report/html_text.h"

namespace gnomon::detail {
namespace {

// RFC 4648, section 4, of the bytes that are given in hexadecimal.
std::string base64_of_hex(std::string_view hex) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const auto byte = [&](std::size_t i) {
    return static_cast<std::uint32_t>(std::stoul(std::string(hex.substr(2 * i, 2)), nullptr, 16));
  };
  const std::size_t n = hex.size() / 2;
  std::string text;
  for (std::size_t i = 0; i < n; i += 3) {
    const std::uint32_t bits =
        (byte(i) << 16U) | ((i + 1 < n ? byte(i + 1) : 0) << 8U) | (i + 2 < n ? byte(i + 2) : 0);
    text += kDigits[bits >> 18U];
    text += kDigits[(bits >> 12U) & 63U];
    text += i + 1 < n ? kDigits[(bits >> 6U) & 63U] : '=';
    text += i + 2 < n ? kDigits[bits & 63U] : '=';
  }
  return text;
}

std::string policy(std::string_view style, std::string_view script) {
  return fmt::format(
      "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; img-src data:; "
      "base-uri 'none'; form-action 'none'",
      base64_of_hex(sha256_hex(style)), base64_of_hex(sha256_hex(script)));
}

// Charts take their colours from here: by the system's preference, unless the reader chose, and
// light on paper.
std::string style_sheet() {
  const std::string light = theme_declarations(Theme::light);
  const std::string dark = theme_declarations(Theme::dark);
  return fmt::format(
      ":root{{color-scheme:light;{0}}}\n"
      "@media screen and (prefers-color-scheme:dark){{:root:not([data-theme=light]){{color-scheme:"
      "dark;{1}}}}}\n"
      "@media screen{{:root[data-theme=dark]{{color-scheme:dark;{1}}}}}\n{2}",
      light, dark, embedded_text(report_assets(), "report.css"));
}

}  // namespace

std::string render_page(const HtmlPage& page) {
  const std::string style = style_sheet();
  std::string navigation;
  std::string sections;
  for (const ReportSection& section : page.sections) {
    if (section.body.markup.empty()) continue;
    navigation +=
        fmt::format("<li><a href=\"#{}\">{}</a></li>\n", section.id, html_text(section.title));
    sections += fmt::format(
        "<section id=\"{0}\" aria-labelledby=\"{0}-title\">\n<h2 "
        "id=\"{0}-title\">{1}</h2>\n{2}</section>\n",
        section.id, html_text(section.title), section.body.markup);
  }
  std::string document = fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"referrer\" content=\"no-referrer\">\n<title>{}</title>\n<style>",
      policy(style, embedded_text(report_assets(), "report.js")), html_text(page.title));
  document += style;
  document += fmt::format(
      "</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">Skip to the answer</a>\n"
      "<header><h1>{}</h1>\n<p>{}</p>\n<div id=\"page-tools\"></div></header>\n"
      "<nav aria-label=\"Sections\"><ul>\n{}</ul></nav>\n<main id=\"main\" tabindex=\"-1\">\n{}",
      html_text(page.title), html_text(page.subtitle), navigation, page.lead.markup);
  document += sections;
  document += "</main>\n<script type=\"application/json\" id=\"page-data\">";
  document += html_json(page.data);
  document += "</script>\n<script>";
  document += embedded_text(report_assets(), "report.js");
  document += "</script>\n</body>\n</html>\n";
  return document;
}

}  // namespace gnomon::detail
