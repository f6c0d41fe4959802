// SPDX-License-Identifier: Apache-2.0
#include "gnomon/charts/detail/chart_text.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "gnomon/text/markup.h"
#include "gnomon/text/utf8.h"

namespace gnomon::detail {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
constexpr std::string_view kEllipsis = "\xE2\x80\xA6";
constexpr std::string_view kMinus = "\xE2\x88\x92";

// Advance widths of DejaVu Sans 2.37 for U+0020 to U+007E, in thousandths of an em.
constexpr std::array<int, 95> kWidths = {
    318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361,  318, 337, 636, 636, 636,
    636, 636, 636, 636, 636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632,
    575, 775, 752, 295, 295, 656, 557, 863, 748, 787, 603, 787, 695, 635,  611, 732, 684, 989, 685,
    611, 685, 390, 337, 390, 838, 500, 500, 613, 635, 550, 635, 615, 352,  635, 634, 278, 278, 579,
    278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818, 592, 592,  525, 636, 337, 636, 838};
constexpr int kWidest = 1000;
// DejaVu Sans Bold is 9 % wider on average, 16 % for single letters.
constexpr double kBold = 1.13;

bool may_stand(char32_t c) {
  if (c < 0x20 || (c >= 0x7F && c <= 0x9F)) return false;
  if (c >= 0x202A && c <= 0x202E) return false;  // embeddings and overrides of the direction
  if (c >= 0x2066 && c <= 0x2069) return false;  // isolates
  if (c == 0x200E || c == 0x200F || c == 0x2028 || c == 0x2029) return false;
  return (c & 0xFFFE) != 0xFFFE;
}

int width_of(char32_t c) {
  if (c >= 0x20 && c <= 0x7E) return kWidths[c - 0x20];
  if (c >= 0xA0 && c <= 0x3FF) return 838;  // Latin and Greek letters, signs such as × and ±
  return c == 0x2212 ? 838 : kWidest;
}

double character_width(char32_t c, double size, bool bold) {
  return width_of(c) * size / 1000 * (bold ? kBold : 1.0);
}

std::string with_minus(std::string text) {
  std::string result;
  for (const char c : text) {
    if (c == '-')
      result.append(kMinus);
    else if (c != '+')
      result.push_back(c);
  }
  return result;
}

}  // namespace

std::string escape_xml(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const Utf8Character c = utf8_character_at(text, i);
    const std::string_view bytes = text.substr(i, c.n_bytes);
    i += c.n_bytes;
    const char32_t code_point = c.valid ? c.code_point : 0;
    if (const std::string_view entity = markup_entity(code_point); !entity.empty())
      escaped += entity;
    else if (code_point == '\n' || code_point == '\r' || code_point == '\t')
      escaped += ' ';
    else
      escaped += c.valid && may_stand(c.code_point) ? bytes : kReplacement;
  }
  return escaped;
}

std::string slug(std::string_view name) {
  std::string id;
  for (const char c : name) {
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
      id += c;
    else if (c >= 'A' && c <= 'Z')
      id += static_cast<char>(c - 'A' + 'a');
    else if (!id.empty() && id.back() != '-')
      id += '-';
  }
  while (!id.empty() && id.back() == '-') id.pop_back();
  return id.empty() ? "x" : id;
}

double text_width(std::string_view text, double size, bool bold) {
  double width = 0;
  for (std::size_t i = 0; i < text.size();) {
    const Utf8Character c = utf8_character_at(text, i);
    i += c.n_bytes;
    width += character_width(c.valid ? c.code_point : 0xFFFD, size, bold);
  }
  return width;
}

std::string elided(std::string_view text, double size, double width, bool bold) {
  const double ellipsis = text_width(kEllipsis, size, bold);
  double used = 0;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < text.size();) {
    const Utf8Character c = utf8_character_at(text, i);
    i += c.n_bytes;
    used += character_width(c.valid ? c.code_point : 0xFFFD, size, bold);
    if (used + ellipsis <= width) kept = i;
    if (used > width) return std::string(text.substr(0, kept)).append(kEllipsis);
  }
  return std::string(text);
}

std::vector<std::string> wrapped(std::string_view text, double size, double width,
                                 std::size_t most_lines) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    if (lines.size() + 1 == most_lines) {
      lines.push_back(elided(text, size, width));
      break;
    }
    double used = 0;
    std::size_t end = 0;
    std::size_t last_space = 0;
    while (end < text.size()) {
      const Utf8Character c = utf8_character_at(text, end);
      used += character_width(c.valid ? c.code_point : 0xFFFD, size, false);
      if (used > width && end > 0) break;
      if (c.code_point == ' ') last_space = end;
      end += c.n_bytes;
    }
    if (end < text.size() && last_space > 0) end = last_space;
    lines.emplace_back(text.substr(0, end));
    while (end < text.size() && text[end] == ' ') ++end;
    text.remove_prefix(end);
  }
  return lines;
}

std::string number_text(double value, int digits) {
  if (!std::isfinite(value)) return "none";
  const double size = std::fabs(value);
  if (size != 0 && (size < 1e-4 || size >= 1e6))
    return with_minus(fmt::format("{:.{}e}", value, digits - 1));
  const double power = std::pow(10.0, digits);
  if (size >= power) return with_minus(fmt::format("{:.0f}", value));
  return with_minus(fmt::format("{:.{}g}", value, digits));
}

std::string fixed_text(double value, int decimals) {
  if (!std::isfinite(value)) return "none";
  std::string text = fmt::format("{:.{}f}", value, decimals);
  if (text.find_first_of("123456789") == std::string::npos && text.front() == '-') text.erase(0, 1);
  return with_minus(text);
}

std::string signed_text(double value) {
  const std::string text = fixed_text(value, 2);
  return value >= 0.005 ? "+" + text : text;
}

std::string p_text(double p) {
  if (p < 1e-16) return "p < 1e" + std::string(kMinus) + "16";
  return "p = " + number_text(p, 2);
}

std::string interval_text(double low, double high) {
  return "[" + fixed_text(low, 2) + ", " + fixed_text(high, 2) + "]";
}

}  // namespace gnomon::detail
