// SPDX-License-Identifier: Apache-2.0
#include "cli/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <mutex>
#include <utility>

#include "cli/number_text.h"
#include "gnomon/report/text_table.h"
#include "gnomon/report/wrapped_text.h"

namespace gnomon::cli {
namespace {

constexpr double kRedrawSeconds = 0.1;
constexpr double kPlainSeconds = 30;

std::string rate_text(double per_second, const std::string& unit) {
  if (per_second >= 100) return fmt::format("{:.0f} {}/s", per_second, unit);
  if (per_second >= 1) return fmt::format("{:.1f} {}/s", per_second, unit);
  return fmt::format("{:.1f} s/{}", 1 / per_second, unit);
}

std::string bar_text(double fraction, int width, bool utf8) {
  const int full = std::clamp(static_cast<int>(fraction * width), 0, width);
  std::string bar;
  for (int i = 0; i < width; ++i) {
    if (utf8) {
      bar += i < full ? "█" : "░";
    } else {
      bar += i < full ? '#' : '.';
    }
  }
  return bar;
}

}  // namespace

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string duration_text(double seconds) {
  const auto whole = static_cast<std::int64_t>(std::clamp(seconds, 0.0, 1e9) + 0.5);
  if (whole >= 3600) {
    return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  }
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

struct Progress::State {
  ProgressOutput output;
  std::string stage;
  Index total = 0;
  std::string unit;
  std::mutex mutex;
  Index done = 0;
  double start = 0;
  double last_shown = 0;
  bool bar_open = false;
  bool finished = false;

  ~State() {
    if (bar_open) *output.stream << '\n' << std::flush;
  }

  std::string counts() const {
    return total > 0 ? fmt::format("{}/{} {}", grouped_number(done), grouped_number(total), unit)
                     : fmt::format("{} {}", grouped_number(done), unit);
  }

  std::string timing(double elapsed) const {
    if (done <= 0 || elapsed <= 0) return {};
    const double per_second = static_cast<double>(done) / elapsed;
    std::string text = "  " + rate_text(per_second, unit);
    if (total > done) {
      text += "  left ~" + duration_text(static_cast<double>(total - done) / per_second);
    }
    return text;
  }

  void draw(double elapsed) {
    const int columns = output.columns();
    const std::string head = fmt::format("{:<10} ", stage);
    const std::string tail = counts() + timing(elapsed);
    const int room = columns - 1 - display_width(head) - display_width(tail) - 1;
    std::string line = head;
    // A bar of fewer signs says nothing.
    if (total > 0 && room >= 5) {
      const double fraction = static_cast<double>(done) / static_cast<double>(total);
      line += bar_text(fraction, std::min(room, 32), output.utf8) + " ";
    }
    line = cut_to_width(line + tail, columns - 1);
    // The rest of an earlier, longer line is erased.
    *output.stream << '\r' << line << "\x1b[K" << std::flush;
    bar_open = true;
  }

  void show(double now) {
    if (output.style == ProgressStyle::bar) {
      if (now - last_shown < kRedrawSeconds && done != total) return;
      draw(now - start);
    } else {
      if (now - last_shown < kPlainSeconds) return;
      *output.stream << stage << "  " << counts() << timing(now - start) << '\n' << std::flush;
    }
    last_shown = now;
  }
};

Progress::Progress(ProgressOutput output, std::string stage, Index total, std::string unit)
    : state_(std::make_shared<State>()) {
  state_->output = std::move(output);
  state_->stage = std::move(stage);
  state_->total = total;
  state_->unit = std::move(unit);
  state_->start = state_->output.seconds();
  // The first update of a bar is drawn; a log waits for its first 30 seconds.
  state_->last_shown = state_->output.style == ProgressStyle::bar
                           ? -std::numeric_limits<double>::infinity()
                           : state_->start;
}

void Progress::update(Index done, Index total) {
  if (state_->output.listener) state_->output.listener(state_->stage, done, total);
  const std::lock_guard lock(state_->mutex);
  if (state_->output.style == ProgressStyle::silent || state_->finished) return;
  state_->done = done;
  state_->total = total;
  state_->show(state_->output.seconds());
}

std::function<void(Index, Index)> Progress::callback() const {
  return [copy = *this](Index done, Index total) mutable { copy.update(done, total); };
}

void Progress::finish(const std::string& result) {
  const std::lock_guard lock(state_->mutex);
  State& state = *state_;
  if (state.output.style == ProgressStyle::silent || state.finished) return;
  state.finished = true;
  std::string line = fmt::format("{:<10} done in {}", state.stage,
                                 duration_text(state.output.seconds() - state.start));
  if (state.done > 0) line += "  " + state.counts();
  if (!result.empty()) line += "  " + result;
  if (state.output.style == ProgressStyle::bar) *state.output.stream << "\r\x1b[K";
  *state.output.stream << line << '\n' << std::flush;
  state.bar_open = false;
}

}  // namespace gnomon::cli
