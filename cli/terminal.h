// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace gnomon::cli {

enum class ColorMode { automatic, always, never };

// The value of an environment variable; empty where it is unset.
using Environment = std::function<std::string(const char* name)>;
std::string environment_variable(const char* name);

// --color decides; then NO_COLOR, then CLICOLOR_FORCE and FORCE_COLOR, then TERM=dumb and
// CLICOLOR=0, then whether the stream is a terminal (no-color.org, bixense.com/clicolors).
bool use_color(ColorMode mode, bool is_terminal, const Environment& environment);

// Whether a line may be drawn again and again: a decision apart from colour. Jupyter's cells are no
// terminal, whatever the stream says.
bool can_redraw(bool is_terminal, const Environment& environment);

bool speaks_utf8(const Environment& environment);
bool is_terminal(int descriptor);
// Of the terminal behind `descriptor`, else $COLUMNS, else 80.
int terminal_columns(int descriptor);

enum class Paint { bold, red, yellow, green, cyan, faint };
// `text` in the terminal's colour where `color` is set, else as it is.
std::string painted(std::string_view text, Paint paint, bool color);

}  // namespace gnomon::cli
