// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "gnomon/base/error.h"
#include "gnomon/base/json.h"
#include "gnomon/stats/interval.h"

// Results as run directories store them, read back. Json::exception where a value is missing or of
// another type: read_results makes it an error for people.
namespace gnomon::detail {

inline std::optional<double> optional_number(const Json& json, const char* key) {
  const Json& value = json.at(key);
  if (value.is_null()) return std::nullopt;
  return value.get<double>();
}

// Two numbers under names of their own.
inline std::optional<Interval> interval_between(const Json& json, const char* low, const char* high,
                                                double level) {
  const std::optional<double> from = optional_number(json, low);
  const std::optional<double> to = optional_number(json, high);
  if (!from || !to) return std::nullopt;
  return Interval{*from, *to, level};
}

// [low, high], or null.
inline std::optional<Interval> optional_interval(const Json& json, const char* key, double level) {
  const Json& value = json.at(key);
  if (value.is_null()) return std::nullopt;
  return Interval{value.at(0).get<double>(), value.at(1).get<double>(), level};
}

inline std::string text_or_empty(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found == json.end() ? std::string() : found->get<std::string>();
}

// The value of an enumeration that is stored under this name.
template <class Enum, std::size_t N>
Enum named_value(const std::string& name, const std::array<Enum, N>& values,
                 std::string_view (*name_of)(Enum)) {
  for (const Enum value : values) {
    if (name_of(value) == name) return value;
  }
  throw FileError(fmt::format("\"{}\" is none of the names that are stored there", name));
}

// `read()`, with what is wrong in the JSON as a FileError that names its origin.
template <class Read>
auto read_results(std::string_view origin, const Read& read) {
  try {
    return read();
  } catch (const Json::exception& error) {
    throw FileError(fmt::format("\"{}\" does not hold what this version writes there: {}", origin,
                                error.what()));
  }
}

}  // namespace gnomon::detail
