// SPDX-License-Identifier: Apache-2.0
#include "cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>

namespace gnomon::cli {
namespace {

bool is_on(const std::string& value) { return !value.empty() && value != "0" && value != "false"; }

std::string_view code(Paint paint) {
  switch (paint) {
    case Paint::bold:
      return "1";
    case Paint::red:
      return "1;31";
    case Paint::yellow:
      return "33";
    case Paint::green:
      return "32";
    case Paint::cyan:
      return "36";
    case Paint::faint:
      return "2";
  }
  return "0";
}

}  // namespace

std::string environment_variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

bool use_color(ColorMode mode, bool is_terminal, const Environment& environment) {
  if (mode != ColorMode::automatic) return mode == ColorMode::always;
  if (!environment("NO_COLOR").empty()) return false;
  if (is_on(environment("CLICOLOR_FORCE")) || is_on(environment("FORCE_COLOR"))) return true;
  if (environment("TERM") == "dumb" || environment("CLICOLOR") == "0") return false;
  return is_terminal;
}

bool can_redraw(bool is_terminal, const Environment& environment) {
  return is_terminal && environment("TERM") != "dumb" && environment("JPY_PARENT_PID").empty() &&
         environment("JPY_SESSION_NAME").empty();
}

bool speaks_utf8(const Environment& environment) {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const std::string value = environment(name);
    if (value.empty()) continue;
    return value.find("UTF-8") != std::string::npos || value.find("utf8") != std::string::npos;
  }
  return false;
}

bool is_terminal(int descriptor) { return ::isatty(descriptor) == 1; }

int terminal_columns(int descriptor) {
  winsize size = {};
  if (::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  const std::string given = environment_variable("COLUMNS");
  int columns = 0;
  const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), columns);
  if (error == std::errc() && end == given.data() + given.size() && columns > 0) return columns;
  return 80;
}

std::string painted(std::string_view text, Paint paint, bool color) {
  if (!color) return std::string(text);
  std::string result = "\x1b[";
  result += code(paint);
  result += 'm';
  result += text;
  result += "\x1b[0m";
  return result;
}

}  // namespace gnomon::cli
