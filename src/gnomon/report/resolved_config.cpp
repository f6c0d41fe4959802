// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/resolved_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>
#include <utility>

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include "gnomon/base/error.h"
#include "gnomon/text/utf8.h"

namespace gnomon {
namespace {

constexpr std::int64_t kConfigSchema = 1;  // stored

std::string quoted(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const Utf8Character c = utf8_character_at(text, 0);
    if (!c.valid) {
      out += "\uFFFD";
    } else if (c.code_point == '"' || c.code_point == '\\') {
      out += '\\';
      out += static_cast<char>(c.code_point);
    } else if (c.code_point < 0x20 || c.code_point == 0x7F) {
      out += fmt::format("\\u{:04X}", static_cast<unsigned>(c.code_point));
    } else {
      out += text.substr(0, c.n_bytes);
    }
    text.remove_prefix(c.n_bytes);
  }
  return out + "\"";
}

std::string toml_key(std::string_view key) {
  const bool bare = !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
  return bare ? std::string(key) : quoted(key);
}

struct TomlText {
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(std::int64_t value) const { return fmt::format("{}", value); }
  std::string operator()(double value) const {
    if (!std::isfinite(value))
      throw InternalError("resolved_config_toml: a value that is not finite");
    std::string text = fmt::format("{}", value);
    if (text.find_first_of(".e") == std::string::npos) text += ".0";
    return text;
  }
  std::string operator()(const std::string& value) const { return quoted(value); }
  std::string operator()(const std::vector<std::string>& values) const {
    std::string text = "[";
    for (std::size_t i = 0; i < values.size(); ++i) text += (i > 0 ? ", " : "") + quoted(values[i]);
    return text + "]";
  }
};

std::string comment(std::string_view origin) {
  std::string text;
  while (!origin.empty()) {
    const Utf8Character c = utf8_character_at(origin, 0);
    const bool plain = c.valid && c.code_point >= 0x20 && c.code_point != 0x7F;
    if (plain) text += origin.substr(0, c.n_bytes);
    if (!plain) text += '?';
    origin.remove_prefix(c.n_bytes);
  }
  return text.empty() ? text : "  # " + text;
}

std::string table_of(std::string_view key) {
  const std::size_t dot = key.rfind('.');
  return std::string(dot == std::string_view::npos ? "" : key.substr(0, dot));
}

std::string line(const ConfigEntry& entry) {
  const std::string name = entry.key.substr(entry.key.rfind('.') + 1);
  return fmt::format("{} = {}{}\n", toml_key(name), std::visit(TomlText{}, entry.value),
                     comment(entry.origin));
}

std::string table_heading(std::string_view table) {
  std::string heading;
  for (std::size_t start = 0; start <= table.size();) {
    const std::size_t dot = std::min(table.find('.', start), table.size());
    heading += (start > 0 ? "." : "") + toml_key(table.substr(start, dot - start));
    start = dot + 1;
  }
  return fmt::format("\n[{}]\n", heading);
}

// Not the parser's message: it repeats bytes of the file, which are not ours to print raw.
FileError not_readable(std::string_view origin, const toml::source_position& at,
                       std::string_view expected) {
  return FileError(
      fmt::format("\"{}\": line {}, column {}: expected {}", origin, at.line, at.column, expected));
}

ConfigValue value_of(const toml::node& node, std::string_view origin) {
  if (const auto* v = node.as_boolean()) return v->get();
  if (const auto* v = node.as_integer()) return v->get();
  if (const auto* v = node.as_floating_point()) return v->get();
  if (const auto* v = node.as_string()) return v->get();
  if (const auto* array = node.as_array()) {
    std::vector<std::string> texts;
    for (const toml::node& item : *array) {
      if (!item.is_string()) throw not_readable(origin, item.source().begin, "a text in the list");
      texts.push_back(item.as_string()->get());
    }
    return texts;
  }
  throw not_readable(origin, node.source().begin, "a boolean, a number, a text or a list of texts");
}

struct PlacedEntry {
  toml::source_position at;
  ConfigEntry entry;
};

void collect(const toml::table& table, const std::string& prefix, std::string_view origin,
             std::vector<PlacedEntry>& entries) {
  for (const auto& [key, node] : table) {
    const std::string full = prefix + std::string(key.str());
    if (const toml::table* child = node.as_table()) {
      collect(*child, full + ".", origin, entries);
    } else {
      entries.push_back({node.source().begin, {full, value_of(node, origin), ""}});
    }
  }
}

}  // namespace

std::string resolved_config_toml(const std::vector<ConfigEntry>& entries) {
  std::vector<std::string> tables = {""};
  std::set<std::string> keys = {"schema"};
  for (const ConfigEntry& entry : entries) {
    if (!keys.insert(entry.key).second) {
      throw InternalError(fmt::format("resolved_config_toml: \"{}\" is given twice", entry.key));
    }
    const std::string table = table_of(entry.key);
    if (std::find(tables.begin(), tables.end(), table) == tables.end()) tables.push_back(table);
  }
  std::string text = fmt::format("schema = {}\n", kConfigSchema);
  for (const std::string& table : tables) {
    if (!table.empty()) text += table_heading(table);
    for (const ConfigEntry& entry : entries) {
      if (table_of(entry.key) == table) text += line(entry);
    }
  }
  return text;
}

std::vector<ConfigEntry> parse_resolved_config(std::string_view text, std::string_view origin) {
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed) throw not_readable(origin, parsed.error().source().begin, "TOML 1.0");
  std::vector<PlacedEntry> placed;
  collect(parsed.table(), "", origin, placed);
  std::sort(placed.begin(), placed.end(), [](const PlacedEntry& a, const PlacedEntry& b) {
    return std::tie(a.at.line, a.at.column) < std::tie(b.at.line, b.at.column);
  });
  std::vector<ConfigEntry> entries;
  bool has_schema = false;
  for (PlacedEntry& p : placed) {
    if (p.entry.key != "schema") {
      entries.push_back(std::move(p.entry));
      continue;
    }
    const auto* schema = std::get_if<std::int64_t>(&p.entry.value);
    if (schema == nullptr || *schema < 1) throw not_readable(origin, p.at, "a schema number");
    if (*schema > kConfigSchema) {
      throw FileError(
          ErrorCode::incompatible,
          fmt::format("\"{}\" has schema {}, expected at most {}", origin, *schema, kConfigSchema),
          "it was written by a newer Gnomon; update this one");
    }
    has_schema = true;
  }
  if (!has_schema) throw FileError(fmt::format("\"{}\" has no schema number", origin));
  return entries;
}

}  // namespace gnomon
