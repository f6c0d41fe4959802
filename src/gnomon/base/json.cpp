// SPDX-License-Identifier: Apache-2.0
#include "gnomon/base/json.h"

#include <fmt/format.h>

#include <cmath>
#include <string>

#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/base/json_nesting.h"

namespace gnomon {
namespace {

void require_finite(const Json& value, const std::string& path) {
  if (value.is_number_float() && !std::isfinite(value.get<double>())) {
    throw InternalError(
        fmt::format("dump_json: \"{}\" is not finite, expected a number or null", path));
  }
  if (value.is_object()) {
    for (const auto& [key, child] : value.items()) require_finite(child, path + "/" + key);
  } else if (value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i)
      require_finite(value[i], path + "/" + std::to_string(i));
  }
}

// JSON lets DEL and the C1 controls stand as they are, but a terminal acts on them. They can only
// be inside strings, so that an escape means the same.
std::string escape_terminal_controls(const std::string& json) {
  std::string escaped;
  escaped.reserve(json.size());
  for (std::size_t i = 0; i < json.size(); ++i) {
    const auto byte = static_cast<unsigned char>(json[i]);
    const auto next = static_cast<unsigned char>(i + 1 < json.size() ? json[i + 1] : 0);
    if (byte == 0x7f) {
      escaped += "\\u007f";
    } else if (byte == 0xc2 && next >= 0x80 && next <= 0x9f) {
      escaped += fmt::format("\\u00{:02x}", next);
      ++i;
    } else {
      escaped += json[i];
    }
  }
  return escaped;
}

}  // namespace

Json parse_json(std::string_view text, std::string_view origin) {
  // The parser takes a zero byte for the end of the text, whatever follows it.
  if (const std::size_t zero = text.find('\0'); zero != std::string_view::npos) {
    throw FileError(fmt::format("\"{}\": not valid JSON at byte {}", origin, zero));
  }
  check_json_nesting(text, origin);
  try {
    return Json::parse(text);
  } catch (const nlohmann::json::exception& e) {
    // The library's message repeats the last bytes read, which are the file's, not ours to print
    // raw.
    const auto* parse_error = dynamic_cast<const nlohmann::json::parse_error*>(&e);
    throw FileError(fmt::format("\"{}\": not valid JSON at byte {}", origin,
                                parse_error != nullptr ? parse_error->byte : 0));
  }
}

Json read_json_file(const std::filesystem::path& path) {
  return parse_json(read_text_file(path), path.string());
}

std::string dump_json(const Json& value) {
  require_finite(value, "");
  return escape_terminal_controls(value.dump(2, ' ', false, Json::error_handler_t::replace)) + "\n";
}

Json number_or_null(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json number_or_null(const std::optional<double>& value) {
  return value ? number_or_null(*value) : Json(nullptr);
}

}  // namespace gnomon
