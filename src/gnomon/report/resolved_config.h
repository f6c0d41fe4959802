// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace gnomon {

using ConfigValue = std::variant<bool, std::int64_t, double, std::string, std::vector<std::string>,
                                 std::vector<std::int64_t>>;

// One setting of a command after flags, files and defaults were merged.
struct ConfigEntry {
  std::string key;  // "analysis.bootstrap": everything before the last dot is the TOML table
  ConfigValue value;
  std::string origin;  // where the value comes from: "--seed", "gnomon.toml", "default"
};

// A value as TOML has it: `true`, `7`, `0.5`, `"a text"`, `["a", "b"]`, `[64, 32]`. Throws
// InternalError for a number that is not finite.
std::string config_value_text(const ConfigValue& value);

// config.resolved.toml: `schema`, then the entries outside tables, then each table in the order in
// which it is first named; every line ends in a comment with the origin. Bytes of a text that are
// not UTF-8, which TOML cannot hold, become U+FFFD. Throws InternalError where two entries have the
// same key.
std::string resolved_config_toml(const std::vector<ConfigEntry>& entries);

// The entries of a file that resolved_config_toml wrote, in their order; origins are not read back,
// and an empty list is one of texts.
// Reads the TOML that it writes and no other: one value a line. Throws FileError where `text` is
// anything else, and Error (incompatible) for a newer schema.
std::vector<ConfigEntry> parse_resolved_config(std::string_view text, std::string_view origin);

}  // namespace gnomon
