// SPDX-License-Identifier: Apache-2.0
#include "gnomon/charts/detail/canvas.h"

#include <fmt/format.h>

#include <cmath>

#include "gnomon/base/error.h"
#include "gnomon/charts/detail/chart_text.h"

namespace gnomon::detail {
namespace {

// Two decimals, for widths and opacities.
std::string fine(double value) { return fmt::format("{:g}", std::round(value * 100) / 100); }

std::string path_data(std::span<const Point> points, bool closed) {
  std::string data;
  for (const Point& point : points) {
    data += data.empty() ? 'M' : 'L';
    data += pixel(point.x);
    data += ' ';
    data += pixel(point.y);
  }
  if (closed) data += 'Z';
  return data;
}

}  // namespace

std::string pixel(double value) {
  const double tenths = std::round(value * 10);
  if (tenths == 0) return "0";
  const double whole = std::trunc(tenths / 10);
  if (whole * 10 == tenths) return fmt::format("{:.0f}", whole);
  return fmt::format("{:.1f}", tenths / 10);
}

AttributeValue::AttributeValue(std::string_view text) : escaped_(escape_xml(text)) {}
AttributeValue::AttributeValue(const std::string& text) : escaped_(escape_xml(text)) {}
AttributeValue::AttributeValue(const char* text) : escaped_(escape_xml(text)) {}
AttributeValue::AttributeValue(double coordinate) : escaped_(pixel(coordinate)) {}

void Canvas::start(std::string_view tag, Attributes attributes) {
  body_.append("<").append(tag);
  for (const auto& [name, value] : attributes) {
    if (value.escaped().empty()) continue;
    body_.append(" ").append(name).append("=\"").append(value.escaped()).append("\"");
  }
}

void Canvas::open(std::string_view tag, Attributes attributes) {
  start(tag, attributes);
  body_ += ">\n";
  open_.emplace_back(tag);
}

void Canvas::close() {
  if (open_.empty()) throw InternalError("Canvas: closed more elements than were opened");
  body_.append("</").append(open_.back()).append(">\n");
  open_.pop_back();
}

void Canvas::leaf(std::string_view tag, Attributes attributes) {
  start(tag, attributes);
  body_ += "/>\n";
}

void Canvas::text(double x, double y, std::string_view text, const TextStyle& style) {
  if (text.empty()) return;
  const char* anchor = style.anchor == Anchor::start    ? ""
                       : style.anchor == Anchor::middle ? "middle"
                                                        : "end";
  start("text", {{"x", x},
                 {"y", y},
                 {"font-size", style.size == 12 ? "" : fine(style.size)},
                 {"text-anchor", anchor},
                 {"font-weight", style.bold ? "bold" : ""},
                 {"fill", style.fill},
                 {"transform", style.turn == 0 ? std::string()
                                               : fmt::format("rotate({} {} {})", fine(style.turn),
                                                             pixel(x), pixel(y))}});
  body_ += ">";
  body_ += escape_xml(style.most_width > 0 ? elided(text, style.size, style.most_width, style.bold)
                                           : std::string(text));
  body_ += "</text>\n";
}

void Canvas::line(Point from, Point to, std::string_view stroke, double width,
                  std::string_view dash, std::string_view css_class) {
  leaf("line", {{"class", css_class},
                {"x1", from.x},
                {"y1", from.y},
                {"x2", to.x},
                {"y2", to.y},
                {"stroke", stroke},
                {"stroke-width", width == 1 ? std::string() : fine(width)},
                {"stroke-dasharray", dash}});
}

void Canvas::rect(Point corner, double width, double height, std::string_view fill,
                  std::string_view css_class) {
  leaf("rect", {{"class", css_class},
                {"x", corner.x},
                {"y", corner.y},
                {"width", width},
                {"height", height},
                {"fill", fill}});
}

void Canvas::polyline(std::span<const Point> points, std::string_view stroke, double width,
                      std::string_view dash, std::string_view css_class) {
  if (points.size() < 2) return;
  leaf("path", {{"class", css_class},
                {"d", path_data(points, false)},
                {"fill", paint::kNone},
                {"stroke", stroke},
                {"stroke-width", fine(width)},
                {"stroke-dasharray", dash},
                {"stroke-linejoin", "round"}});
}

void Canvas::polygon(std::span<const Point> points, std::string_view fill, double opacity,
                     std::string_view css_class) {
  if (points.size() < 3) return;
  leaf("path", {{"class", css_class},
                {"d", path_data(points, true)},
                {"fill", fill},
                {"fill-opacity", opacity == 1 ? std::string() : fine(opacity)}});
}

std::string Canvas::finish() {
  if (!open_.empty()) throw InternalError("Canvas: <" + open_.back() + "> is still open");
  return std::move(body_);
}

}  // namespace gnomon::detail
