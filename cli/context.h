// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "cli/progress.h"
#include "cli/terminal.h"
#include "gnomon/kernels/matmul.h"
#include "gnomon/report/text_table.h"

namespace gnomon::cli {

struct GlobalOptions {
  bool json = false;
  bool quiet = false;
  ColorMode color = ColorMode::automatic;
  ProgressMode progress = ProgressMode::automatic;
  int threads = 0;  // 0: the machine's
  Backend backend = Backend::packed;
  std::uint64_t seed = 0;
};

// What every command gets: the global options and where to write. Data goes to `out`, all else to
// `err`.
struct Context {
  GlobalOptions options;
  std::ostream& out;
  std::ostream& err;
  bool color_out = false;  // decided once the options are known
  bool color_err = false;
  // The command line as typed, the program first.
  std::vector<std::string> arguments = {};
  // The chosen command. Set while the command line is read, called when all options are known.
  std::function<void()> command = {};
  // Hears of all progress; for programs that run commands without a terminal.
  ProgressListener listener = {};

  // A line for the reader on `err`, unless --quiet or --json.
  void message(std::string_view line) const;
  // How tables for `out` are laid out.
  TextStyle text_style() const;
  // A progress line on `err`, as --progress says; silent with --quiet.
  Progress progress(std::string stage, Index total, std::string unit) const;
};

}  // namespace gnomon::cli
