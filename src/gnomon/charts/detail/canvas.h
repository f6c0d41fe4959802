// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gnomon/charts/theme.h"

namespace gnomon::detail {

// A coordinate to a tenth of a pixel: "12.5", "7", never "-0". Same numbers, same bytes.
std::string pixel(double value);

struct Point {
  double x = 0;
  double y = 0;
};

// The value of an attribute: text, which is escaped, or a coordinate.
class AttributeValue {
 public:
  AttributeValue(std::string_view text);    // NOLINT(google-explicit-constructor)
  AttributeValue(const std::string& text);  // NOLINT(google-explicit-constructor)
  AttributeValue(const char* text);         // NOLINT(google-explicit-constructor)
  AttributeValue(double coordinate);        // NOLINT(google-explicit-constructor)
  const std::string& escaped() const { return escaped_; }

 private:
  std::string escaped_;
};
using Attributes = std::initializer_list<std::pair<std::string_view, AttributeValue>>;

enum class Anchor { start, middle, end };

struct TextStyle {
  double size = 12;
  Anchor anchor = Anchor::start;
  std::string_view fill = paint::kInk;
  bool bold = false;
  double turn = 0;        // degrees, about the point
  double most_width = 0;  // elided beyond; 0 for no limit
};

// Writes SVG elements one after another.
class Canvas {
 public:
  void open(std::string_view tag, Attributes attributes = {});
  void close();
  void leaf(std::string_view tag, Attributes attributes);

  // The baseline of the text is at y. An empty text draws nothing.
  void text(double x, double y, std::string_view text, const TextStyle& style = {});
  void line(Point from, Point to, std::string_view stroke, double width = 1,
            std::string_view dash = {}, std::string_view css_class = {});
  void rect(Point corner, double width, double height, std::string_view fill,
            std::string_view css_class = {});
  void polyline(std::span<const Point> points, std::string_view stroke, double width,
                std::string_view dash = {}, std::string_view css_class = {});
  void polygon(std::span<const Point> points, std::string_view fill, double opacity,
               std::string_view css_class = {});

  // Everything so far. Throws InternalError where an element is open.
  std::string finish();

 private:
  void start(std::string_view tag, Attributes attributes);
  std::string body_;
  std::vector<std::string> open_;
};

}  // namespace gnomon::detail
