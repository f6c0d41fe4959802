// SPDX-License-Identifier: Apache-2.0
#include "gnomon/charts/detail/marks.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <unordered_map>

#include "gnomon/charts/detail/chart_text.h"

namespace gnomon::detail {
namespace {

constexpr double kRadius = 2.4;
constexpr double kLargestRadius = 9;

struct Place {
  double x = 0;
  double y = 0;
  std::string_view part;
  bool hollow = false;
  bool operator==(const Place&) const = default;
};

struct PlaceHash {
  std::size_t operator()(const Place& place) const {
    std::uint64_t h = std::bit_cast<std::uint64_t>(place.x) * 0x9E3779B97F4A7C15u;
    h ^= (h >> 29) ^ (std::bit_cast<std::uint64_t>(place.y) * 0xBF58476D1CE4E5B9u);
    return static_cast<std::size_t>(h ^ (h >> 32) ^ (place.hollow ? 1u : 0u));
  }
};

struct DotGroup {
  Place place;
  std::string rows;
  int count = 0;
};

std::vector<DotGroup> groups_of(std::span<const Dot> dots) {
  std::vector<DotGroup> groups;
  std::unordered_map<Place, std::size_t, PlaceHash> index;
  for (const Dot& dot : dots) {
    if (!std::isfinite(dot.x) || !std::isfinite(dot.y)) continue;
    const Place place{dot.x, dot.y, dot.part, dot.hollow};
    const auto [found, is_new] = index.try_emplace(place, groups.size());
    if (is_new) groups.push_back({place, {}, 0});
    DotGroup& group = groups[found->second];
    if (!group.rows.empty()) group.rows += ' ';
    group.rows += std::to_string(dot.row);
    ++group.count;
  }
  return groups;
}

void draw_group(Canvas& canvas, const Panel& panel, const DotGroup& group) {
  canvas.leaf("circle", {{"data-row", group.rows},
                         {"cx", panel.x.clamped(group.place.x)},
                         {"cy", panel.y.clamped(group.place.y)},
                         {"r", group.count == 1 ? std::string("2.4")
                                                : pixel(std::min(kRadius * std::sqrt(group.count),
                                                                 kLargestRadius))}});
}

int class_of(std::int64_t count, std::int64_t largest) {
  if (largest <= 1) return 1;
  const double share =
      std::log(static_cast<double>(count)) / std::log(static_cast<double>(largest));
  return 1 + static_cast<int>(std::lround(share * (kSequentialSteps - 1)));
}

std::int64_t largest_count(std::span<const Bin> bins) {
  std::int64_t largest = 0;
  for (const Bin& bin : bins) largest = std::max(largest, bin.count);
  return largest;
}

}  // namespace

void draw_dots(Canvas& canvas, const Panel& panel, std::span<const Dot> dots,
               std::string_view fill) {
  const std::vector<DotGroup> groups = groups_of(dots);
  // Hollow first, then by part in the order of appearance: what all dots of a look share stands at
  // their group, since a page has thousands of them.
  std::vector<std::pair<bool, std::string_view>> looks;
  for (const bool hollow : {true, false})
    for (const DotGroup& group : groups) {
      const std::pair look{hollow, group.place.part};
      if (group.place.hollow == hollow && std::ranges::find(looks, look) == looks.end())
        looks.push_back(look);
    }
  for (const auto& [hollow, part] : looks) {
    canvas.open("g", {{"class", "gn-marks"},
                      {"data-part", part},
                      {"fill", hollow ? paint::kNone : fill},
                      {"fill-opacity", hollow ? "" : "0.55"},
                      {"stroke", hollow ? paint::kAxis : std::string_view()},
                      {"stroke-opacity", hollow ? "0.5" : ""}});
    for (const DotGroup& group : groups)
      if (group.place.hollow == hollow && group.place.part == part)
        draw_group(canvas, panel, group);
    canvas.close();
  }
}

std::vector<Bin> bins_of(const Panel& panel, std::span<const Dot> dots) {
  const auto cells = [](double from, double to) {
    return std::max(1, static_cast<int>(std::fabs(to - from) / kBinPixels));
  };
  const int n_x = cells(panel.left(), panel.right());
  const int n_y = cells(panel.top(), panel.bottom());
  std::vector<std::int64_t> counts(static_cast<std::size_t>(n_x) * static_cast<std::size_t>(n_y));
  const auto cell = [](double pixel, int n) {
    return std::clamp(static_cast<int>(pixel / kBinPixels), 0, n - 1);
  };
  for (const Dot& dot : dots) {
    if (!std::isfinite(dot.x) || !std::isfinite(dot.y)) continue;
    const int i = cell(panel.x.clamped(dot.x) - panel.left(), n_x);
    const int j = cell(panel.y.clamped(dot.y) - panel.top(), n_y);
    ++counts[static_cast<std::size_t>(j * n_x + i)];
  }
  std::vector<Bin> bins;
  for (int j = 0; j < n_y; ++j)
    for (int i = 0; i < n_x; ++i)
      if (const std::int64_t count = counts[static_cast<std::size_t>(j * n_x + i)])
        bins.push_back({panel.x.value_at(panel.left() + (i + 0.5) * kBinPixels),
                        panel.y.value_at(panel.top() + (j + 0.5) * kBinPixels), count});
  return bins;
}

void draw_bins(Canvas& canvas, const Panel& panel, std::span<const Bin> bins) {
  const std::int64_t largest = largest_count(bins);
  for (const Bin& bin : bins)
    canvas.leaf("rect", {{"class", "gn-bin"},
                         {"data-count", std::to_string(bin.count)},
                         {"x", panel.x(bin.x) - kBinPixels / 2},
                         {"y", panel.y(bin.y) - kBinPixels / 2},
                         {"width", kBinPixels},
                         {"height", kBinPixels},
                         {"fill", sequential_paint(class_of(bin.count, largest))}});
}

void draw_bin_legend(Canvas& canvas, double x, double y, std::span<const Bin> bins) {
  const std::int64_t largest = largest_count(bins);
  if (largest == 0) return;
  const std::string most = fmt::format("{} rows", largest);
  const double end = x - text_width(most, kTickSize) - 5;
  canvas.text(x, y, most, {.size = kTickSize, .anchor = Anchor::end, .fill = paint::kMuted});
  for (int step = 1; step <= kSequentialSteps; ++step)
    canvas.rect({end - (kSequentialSteps + 1 - step) * 12, y - 9}, 12, 10, sequential_paint(step));
  canvas.text(end - kSequentialSteps * 12 - 5, y, "1",
              {.size = kTickSize, .anchor = Anchor::end, .fill = paint::kMuted});
}

std::vector<std::int64_t> bin_counts(const Scale& scale, std::span<const double> values,
                                     int n_bin) {
  std::vector<std::int64_t> counts(static_cast<std::size_t>(n_bin));
  const double width = scale.pixel_high - scale.pixel_low;
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    const double share = (scale.clamped(value) - scale.pixel_low) / width;
    ++counts[static_cast<std::size_t>(std::clamp(static_cast<int>(share * n_bin), 0, n_bin - 1))];
  }
  return counts;
}

void draw_histogram_x(Canvas& canvas, const Scale& x, std::span<const double> values, double base,
                      double height, std::string_view fill, int n_bin) {
  const std::vector<std::int64_t> counts = bin_counts(x, values, n_bin);
  const double largest = static_cast<double>(std::max<std::int64_t>(1, std::ranges::max(counts)));
  const double width = (x.pixel_high - x.pixel_low) / n_bin;
  std::vector<Point> outline = {{x.pixel_low, base}};
  for (int i = 0; i < n_bin; ++i) {
    const double top =
        base - height * static_cast<double>(counts[static_cast<std::size_t>(i)]) / largest;
    outline.push_back({x.pixel_low + i * width, top});
    outline.push_back({x.pixel_low + (i + 1) * width, top});
  }
  outline.push_back({x.pixel_high, base});
  canvas.polygon(outline, fill, 0.5, "gn-histogram");
}

void draw_histogram_y(Canvas& canvas, const Scale& y, std::span<const double> values, double base,
                      double width, std::string_view fill, int n_bin) {
  const std::vector<std::int64_t> counts = bin_counts(y, values, n_bin);
  const double largest = static_cast<double>(std::max<std::int64_t>(1, std::ranges::max(counts)));
  const double height = (y.pixel_high - y.pixel_low) / n_bin;
  std::vector<Point> outline = {{base, y.pixel_low}};
  for (int i = 0; i < n_bin; ++i) {
    const double end =
        base + width * static_cast<double>(counts[static_cast<std::size_t>(i)]) / largest;
    outline.push_back({end, y.pixel_low + i * height});
    outline.push_back({end, y.pixel_low + (i + 1) * height});
  }
  outline.push_back({base, y.pixel_high});
  canvas.polygon(outline, fill, 0.5, "gn-histogram");
}

}  // namespace gnomon::detail
