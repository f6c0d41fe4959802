// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "cli/experiment_config.h"

namespace gnomon::cli {

enum class FieldKind { boolean, whole_number, number, text, choice, texts, choices, whole_numbers };

struct FieldRange {
  double smallest = -std::numeric_limits<double>::infinity();
  double largest = std::numeric_limits<double>::infinity();
  bool above = false;  // `smallest` itself is not allowed
  bool below = false;  // `largest` itself is not allowed
};

// One setting. This table is all there is to know about it: reading, checking, `gnomon config` and
// docs/formats/configuration.md follow it.
struct ConfigField {
  std::string key;
  FieldKind kind = FieldKind::text;
  std::string help = {};                  // starts with a small letter, no full stop at the end
  std::vector<std::string> choices = {};  // of choice and choices
  FieldRange range = {};                  // of numbers, and of each of whole_numbers
  bool required = false;                  // has no default
  std::function<ConfigValue(const ExperimentConfig&)> get = {};
  std::function<void(ExperimentConfig&, const ConfigValue&)> set = {};
};

// In the order in which files show them: all settings of a table stand together.
std::span<const ConfigField> experiment_fields();

// What a value may be: "a whole number from 1", "one of adamw, sgd", "a list of texts".
std::string expected_value(const ConfigField& field);

// The value that `given` gives the field. Throws ArgumentError with its place, what was found and
// what was expected.
ConfigValue field_value(const ConfigField& field, const GivenValue& given);

// The defaults as a TOML file with a comment for each setting.
std::string default_config_toml();

// A JSON Schema (draft 2020-12) of configuration files.
Json experiment_schema();

}  // namespace gnomon::cli
