// SPDX-License-Identifier: Apache-2.0
#include "cli/context.h"

#include <unistd.h>

namespace gnomon::cli {
namespace {

ProgressStyle progress_style(const GlobalOptions& options) {
  if (options.quiet || options.progress == ProgressMode::none) return ProgressStyle::silent;
  if (options.progress == ProgressMode::bar) return ProgressStyle::bar;
  if (options.progress == ProgressMode::plain) return ProgressStyle::plain;
  return can_redraw(is_terminal(STDERR_FILENO), environment_variable) ? ProgressStyle::bar
                                                                      : ProgressStyle::plain;
}

}  // namespace

void Context::message(std::string_view line) const {
  if (!options.quiet && !options.json) err << line << '\n';
}

TextStyle Context::text_style() const { return {speaks_utf8(environment_variable), 80}; }

Progress Context::progress(std::string stage, Index total, std::string unit) const {
  ProgressOutput output{.stream = &err,
                        .style = progress_style(options),
                        .utf8 = speaks_utf8(environment_variable),
                        .columns = [] { return terminal_columns(STDERR_FILENO); },
                        .listener = listener};
  return {std::move(output), std::move(stage), total, std::move(unit)};
}

}  // namespace gnomon::cli
