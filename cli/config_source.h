// SPDX-License-Identifier: Apache-2.0
// in: a configuration file or --set   out: keys and values, before it is known what they mean
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "gnomon/base/json.h"

namespace gnomon::cli {

struct GivenValue {
  std::string key;      // "train.optimizer.learning_rate"
  Json value;           // a boolean, number, text, list, or null; NaN and infinity are numbers here
  std::string origin;   // "study.toml", "--set": what a resolved configuration says
  std::string place;    // "studies/study.toml:12", "--set": what an error says
  std::string literal;  // of --set: what stood behind the "="; empty otherwise
};

inline constexpr std::size_t kLargestConfigFile = std::size_t{1} << 20;  // bytes

// Every value of a configuration file in the order in which they stand there: JSON where the name
// ends in ".json", else TOML 1.0. A dot in a quoted name is the same as a table, so that
// {"train.epochs": 3} and {"train": {"epochs": 3}} mean the same.
//
// Throws FileError where the file is missing, larger than kLargestConfigFile or not TOML or JSON,
// naming the line; ArgumentError for a key that stands there twice and for a date, which no setting
// is.
std::vector<GivenValue> read_config_file(const std::filesystem::path& path);

// The same from memory; `place` names the source in messages.
std::vector<GivenValue> parse_toml_config(std::string_view text, const std::string& place);
std::vector<GivenValue> parse_json_config(std::string_view text, const std::string& place);

// "train.epochs=5": the value is read as TOML, and taken as a text where it is none. Throws
// ArgumentError where there is no "=" or no key.
GivenValue parse_set(const std::string& argument);

}  // namespace gnomon::cli
