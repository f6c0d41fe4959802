// SPDX-License-Identifier: Apache-2.0
#include "gnomon/charts/block_diagram.h"

#include <algorithm>

#include "gnomon/charts/detail/canvas.h"
#include "gnomon/charts/detail/chart_text.h"
#include "gnomon/charts/detail/vega_lite.h"

namespace gnomon {
namespace {

using detail::Anchor;
using detail::Canvas;

constexpr double kWidth = 860;
constexpr double kMargin = 12;
constexpr double kStream = 40;
constexpr double kLater = 62;  // the wire of what is added later
constexpr double kBoxLeft = 84;
constexpr double kBoxWidth = 140;
constexpr double kBranch = kBoxLeft + kBoxWidth / 2;
constexpr double kHook = 248;
constexpr double kReading = 510;
constexpr double kTop = 44;
constexpr double kLine = 21;
constexpr double kGap = 14;  // between operations

// Lines that a hook point takes: one for each reading.
std::size_t n_lines(const DiagramHook& hook) {
  return std::max<std::size_t>(1, hook.readings.size());
}

double height_of(const DiagramOperation& operation) {
  std::size_t lines = 0;
  for (const DiagramHook& hook : operation.hooks) lines += n_lines(hook);
  return kLine * static_cast<double>(std::max<std::size_t>(1, lines));
}

double full_height(const BlockDiagram& diagram) {
  double height = kTop;
  for (const DiagramOperation& operation : diagram.operations)
    height += height_of(operation) + kGap;
  return height + 10;
}

// The dot lies on the wire at wire_x, the name at name_x.
double draw_hook(Canvas& canvas, const DiagramHook& hook, double wire_x, double name_x, double y) {
  const double middle = y + kLine / 2;
  canvas.line({wire_x, middle}, {name_x - 6, middle}, paint::kWire, 1, "2 3");
  canvas.leaf("circle", {{"class", "gn-hook"},
                         {"data-hook", hook.name},
                         {"cx", wire_x},
                         {"cy", middle},
                         {"r", hook.is_target ? "6" : "4"},
                         {"fill", hook.is_target          ? paint::kSeries[1]
                                  : hook.readings.empty() ? paint::kPaper
                                                          : paint::kSeries[0]},
                         {"stroke", hook.is_target          ? paint::kSeries[1]
                                    : hook.readings.empty() ? paint::kMuted
                                                            : paint::kSeries[0]},
                         {"stroke-width", "1.5"}});
  canvas.text(name_x, middle + 4, hook.name,
              {.size = 12,
               .fill = hook.is_target || !hook.readings.empty() ? paint::kInk : paint::kMuted,
               .bold = hook.is_target || !hook.readings.empty(),
               .most_width = kReading - name_x - 8});
  for (std::size_t i = 0; i < hook.readings.size(); ++i)
    canvas.text(kReading, middle + 4 + kLine * static_cast<double>(i), hook.readings[i],
                {.size = 12, .most_width = kWidth - kMargin - kReading});
  return y + kLine * static_cast<double>(n_lines(hook));
}

void draw_box(Canvas& canvas, const DiagramOperation& operation, double y, double height) {
  canvas.leaf("rect", {{"class", "gn-operation"},
                       {"x", kBoxLeft},
                       {"y", y},
                       {"width", kBoxWidth},
                       {"height", height},
                       {"rx", "4"},
                       {"fill", paint::kPaper},
                       {"stroke", paint::kAxis}});
  canvas.text(kBranch, y + height / 2 + 4, operation.label,
              {.anchor = Anchor::middle, .most_width = kBoxWidth - 8});
}

// Wires to and from the operation: from the stream where a branch begins, from the operation above
// within a branch, and back to the stream. `later` is the height from which something waits to be
// added, 0 for none.
void draw_wires(Canvas& canvas, const DiagramOperation& operation, bool begins, double y,
                double height, double& later) {
  if (begins && !operation.reads_tokens)
    canvas.line({kStream, y + 10}, {kBoxLeft, y + 10}, paint::kWire, 2);
  if (!begins) canvas.line({kBranch, y - kGap}, {kBranch, y}, paint::kWire, 2);
  const double back = y + height - 8;
  if (operation.added_with_next) {
    canvas.line({kBoxLeft, back}, {kLater, back}, paint::kWire, 2);
    later = back;
  }
  if (!operation.added_to_stream) return;
  if (later > 0) canvas.line({kLater, later}, {kLater, back}, paint::kWire, 2);
  later = 0;
  canvas.line({kBoxLeft, back}, {kStream, back}, paint::kWire, 2);
  canvas.leaf("circle", {{"cx", kStream},
                         {"cy", back},
                         {"r", "8"},
                         {"fill", paint::kPaper},
                         {"stroke", paint::kMuted},
                         {"stroke-width", "1.5"}});
  canvas.line({kStream - 5, back}, {kStream + 5, back}, paint::kMuted, 1.5);
  canvas.line({kStream, back - 5}, {kStream, back + 5}, paint::kMuted, 1.5);
}

}  // namespace

Figure block_diagram_figure(const BlockDiagram& diagram) {
  Figure figure{
      diagram.id, diagram.title, diagram.description, kWidth, full_height(diagram), {}, {}, {}};
  figure.table.columns = {"operation", "hook", "target", "reading"};
  Canvas canvas;
  canvas.text(kMargin, 20, diagram.title,
              {.size = 14, .bold = true, .most_width = kWidth - 2 * kMargin});
  canvas.line({kStream, kTop - 8}, {kStream, figure.height - 10}, paint::kWire, 4);
  double y = kTop;
  double later = 0;
  bool on_branch = false;
  for (const DiagramOperation& operation : diagram.operations) {
    const double height = height_of(operation);
    if (operation.is_gap) {
      canvas.line({kStream, y}, {kStream, y + height}, paint::kPaper, 6, "4 4");
      canvas.text(kStream + 20, y + height / 2 + 4, operation.label,
                  {.fill = paint::kMuted, .most_width = kReading - kStream - 30});
    } else if (!operation.on_stream) {
      draw_wires(canvas, operation, !on_branch, y, height, later);
      draw_box(canvas, operation, y, height);
    }
    double hook_y = y;
    for (const DiagramHook& hook : operation.hooks) {
      hook_y = draw_hook(canvas, hook, operation.on_stream ? kStream : kBoxLeft + kBoxWidth,
                         operation.on_stream ? kStream + 20 : kHook, hook_y);
      const std::int64_t target = hook.is_target;
      if (hook.readings.empty())
        figure.table.rows.push_back({operation.label, hook.name, target, {}});
      for (const std::string& reading : hook.readings)
        figure.table.rows.push_back({operation.label, hook.name, target, reading});
    }
    on_branch = !operation.on_stream && !operation.is_gap && !operation.added_to_stream &&
                !operation.added_with_next;
    y += height + kGap;
  }
  figure.body = canvas.finish();
  Json specification = detail::vega_lite_of(figure);
  specification["mark"] = {{"type", "text"}, {"align", "left"}};
  Json order = detail::vega_lite_channel("hook", "ordinal", "");
  order["sort"] = nullptr;
  specification["encoding"] = {{"y", order},
                               {"text", detail::vega_lite_channel("reading", "nominal")}};
  figure.vega_lite = detail::vega_lite_text(specification, figure.table);
  return figure;
}

}  // namespace gnomon
