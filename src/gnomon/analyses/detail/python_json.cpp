// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/detail/python_json.h"

#include <array>
#include <string>

namespace gnomon::detail {

PythonJson parse_python_json(std::string_view text, std::string_view origin) {
  // The longer word first: -Infinity holds Infinity.
  constexpr std::array<std::string_view, 3> kWords = {"-Infinity", "Infinity", "NaN"};
  PythonJson read;
  std::string strict;
  strict.reserve(text.size());
  bool inside_string = false;
  for (std::size_t i = 0; i < text.size();) {
    const std::string_view rest = text.substr(i);
    if (inside_string) {
      const std::size_t n = rest[0] == '\\' && rest.size() > 1 ? 2 : 1;
      if (rest[0] == '"') inside_string = false;
      strict += rest.substr(0, n);
      i += n;
      continue;
    }
    std::string_view word;
    for (const std::string_view candidate : kWords) {
      if (word.empty() && rest.starts_with(candidate)) word = candidate;
    }
    if (!word.empty()) {
      if (read.n_not_finite++ == 0) read.first_not_finite = i;
      strict += "null";
      i += word.size();
      continue;
    }
    inside_string = rest[0] == '"';
    strict += rest[0];
    ++i;
  }
  read.value = parse_json(strict, origin);
  return read;
}

}  // namespace gnomon::detail
