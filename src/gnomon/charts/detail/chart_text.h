// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gnomon::detail {

// `text` for an element or a quoted attribute of XML: & < > " ' escaped; bytes that are not UTF-8,
// characters that XML forbids, and those that reorder text become U+FFFD. Line ends and tabs become
// spaces.
std::string escape_xml(std::string_view text);

// The name with only a-z, 0-9 and single "-", for ids and file names; "x" where nothing is left.
std::string slug(std::string_view name);

// Width in pixels at `size` in DejaVu Sans, which is wider than the usual sans-serif fonts: what
// fits by this measure fits in those. Characters outside ASCII count as wide as the widest of them
// here, 1 em.
double text_width(std::string_view text, double size, bool bold = false);

// The text, or its beginning and "…" where it is wider than `width`.
std::string elided(std::string_view text, double size, double width, bool bold = false);

// The text in lines of at most `width`, broken at spaces, and inside words that are wider than a
// line. At most `most_lines`; the last one is elided.
std::vector<std::string> wrapped(std::string_view text, double size, double width,
                                 std::size_t most_lines);

// A number for people: `digits` significant digits, a true minus sign, exponents beyond 1e-4 and
// 1e6 as "1.2e−5"; "none" where it is not finite.
std::string number_text(double value, int digits = 3);
// With two decimals and its sign, as correlations are written: "+0.87".
std::string signed_text(double value);
std::string fixed_text(double value, int decimals);
// "p = 0.011", "p < 1e−16".
std::string p_text(double p);
// "[0.41, 0.83]".
std::string interval_text(double low, double high);

}  // namespace gnomon::detail
