// SPDX-License-Identifier: Apache-2.0
#include "cli/option_values.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>

#include "gnomon/base/error.h"
#include "gnomon/base/nearest_name.h"
#include "gnomon/base/quote.h"

namespace gnomon::cli {

void throw_unknown_choice(std::string_view option, const std::string& given,
                          const std::vector<std::string>& choices) {
  std::string message =
      fmt::format("{} is {}, expected one of {}", option, quote(given), fmt::join(choices, ", "));
  if (const auto nearest = nearest_name(given, choices)) {
    message += fmt::format("; did you mean \"{}\"?", *nearest);
  }
  throw ArgumentError(message);
}

std::int64_t parse_integer(std::string_view option, const std::string& given, std::int64_t smallest,
                           std::int64_t largest) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), value);
  if (error != std::errc() || end != given.data() + given.size() || value < smallest ||
      value > largest) {
    throw ArgumentError(fmt::format("{} is {}, expected a whole number from {} to {}", option,
                                    quote(given), smallest, largest));
  }
  return value;
}

}  // namespace gnomon::cli
