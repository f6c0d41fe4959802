// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

namespace gnomon {

// Keys keep the order in which they were written: files are read by people and compared by diff.
using Json = nlohmann::ordered_json;

// Parses JSON from an untrusted source. `origin` names the source in messages. Throws FileError
// with the byte offset where the text is not valid JSON or nests deeper than 64 levels.
Json parse_json(std::string_view text, std::string_view origin);
Json read_json_file(const std::filesystem::path& path);

// Two-space indentation and a final newline; floats in the shortest form that reads back the same;
// control characters escaped, also those that JSON would let stand.
// Throws InternalError for NaN and infinities: results use null and say why.
std::string dump_json(const Json& value);

// A finite number, or null.
Json number_or_null(double value);
Json number_or_null(const std::optional<double>& value);

}  // namespace gnomon
