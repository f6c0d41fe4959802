// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <ostream>
#include <string>

#include "gnomon/tensor/view.h"

namespace gnomon::cli {

enum class ProgressMode { automatic, bar, plain, none };

enum class ProgressStyle {
  bar,    // one line, drawn again at most 10 times a second
  plain,  // one line at most every 30 seconds, for logs
  silent,
};

double steady_seconds();

// A program's own ear for how far a stage is.
using ProgressListener = std::function<void(const std::string& stage, Index done, Index total)>;

struct ProgressOutput {
  std::ostream* stream = nullptr;
  ProgressStyle style = ProgressStyle::silent;
  bool utf8 = false;  // blocks instead of signs
  std::function<int()> columns = [] { return 80; };
  std::function<double()> seconds = steady_seconds;
  // Called with every update, whatever the style; may throw, which ends the stage.
  ProgressListener listener = {};
};

// How far a stage is, with rate and remaining time. Copies share one line, so callback() may be
// handed to the library and outlive this object; it may be called from several threads.
class Progress {
 public:
  // `total` is 0 where it is not known yet.
  Progress(ProgressOutput output, std::string stage, Index total, std::string unit);

  void update(Index done, Index total);
  std::function<void(Index done, Index total)> callback() const;

  // Ends the line: the last words of the stage, with its time. Without it the line ends as it
  // stands when the last copy goes, so that an error message starts on a line of its own.
  void finish(const std::string& result = "");

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// "0:07", "2:05", "1:02:05"
std::string duration_text(double seconds);

}  // namespace gnomon::cli
