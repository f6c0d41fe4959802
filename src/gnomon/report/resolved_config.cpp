// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/resolved_config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include "gnomon/base/error.h"
#include "gnomon/text/utf8.h"

namespace gnomon {
namespace {

constexpr std::int64_t kConfigSchema = 1;  // stored

std::string quoted_toml(std::string_view text) {
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

bool is_bare(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

std::string toml_key(std::string_view key) {
  const bool bare = !key.empty() && std::all_of(key.begin(), key.end(), is_bare);
  return bare ? std::string(key) : quoted_toml(key);
}

struct TomlText {
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(std::int64_t value) const { return fmt::format("{}", value); }
  std::string operator()(double value) const {
    if (!std::isfinite(value)) throw InternalError("config_value_text: a value that is not finite");
    std::string text = fmt::format("{}", value);
    if (text.find_first_of(".e") == std::string::npos) text += ".0";
    return text;
  }
  std::string operator()(const std::string& value) const { return quoted_toml(value); }
  std::string operator()(const std::vector<std::string>& values) const {
    std::string text = "[";
    for (std::size_t i = 0; i < values.size(); ++i)
      text += (i > 0 ? ", " : "") + quoted_toml(values[i]);
    return text + "]";
  }
  std::string operator()(const std::vector<std::int64_t>& values) const {
    return fmt::format("[{}]", fmt::join(values, ", "));
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
  return fmt::format("{} = {}{}\n", toml_key(name), config_value_text(entry.value),
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

// One line of the file. Our own reader, because toml++ 3.3, the version of Debian 12, runs into an
// assertion on a control character in a table name and into undefined behaviour on some characters
// that are not ASCII in a key; a run directory may come from anyone.
class LineReader {
 public:
  LineReader(std::string_view line, std::size_t number, std::string_view origin)
      : line_(line), number_(number), origin_(origin) {
    skip_spaces();
  }

  bool at_end() const { return at_ == line_.size() || line_[at_] == '#'; }

  bool accept(char c) {
    if (at_ == line_.size() || line_[at_] != c) return false;
    ++at_;
    skip_spaces();
    return true;
  }

  void expect(char c) {
    if (!accept(c)) throw error(fmt::format("'{}'", c));
  }

  void expect_end() const {
    if (!at_end()) throw error("the end of the line or a comment");
  }

  std::string key() {
    if (at_ < line_.size() && line_[at_] == '"') return text();
    const std::size_t start = at_;
    while (at_ < line_.size() && is_bare(line_[at_])) ++at_;
    if (at_ == start) throw error("a key");
    const std::string_view name = line_.substr(start, at_ - start);
    skip_spaces();
    return std::string(name);
  }

  ConfigValue value() {
    if (at_ < line_.size() && line_[at_] == '"') return text();
    if (accept('[')) return list();
    const std::size_t start = at_;
    const std::size_t end = std::min(line_.find_first_of(" #", at_), line_.size());
    const std::string_view word = line_.substr(start, end - start);
    at_ = end;
    skip_spaces();
    if (word == "true") return true;
    if (word == "false") return false;
    if (const auto number = parsed<std::int64_t>(word)) return *number;
    const bool is_float = word.find_first_of("infa") == std::string_view::npos;
    if (const auto number = parsed<double>(word); number && is_float) return *number;
    at_ = start;
    throw error("a boolean, a number, a text, or a list of texts or whole numbers");
  }

  FileError error(std::string_view expected) const {
    return FileError(
        fmt::format("\"{}\": line {}, byte {}: expected {}", origin_, number_, at_ + 1, expected));
  }

 private:
  void skip_spaces() { at_ = std::min(line_.find_first_not_of(' ', at_), line_.size()); }

  template <class T>
  static std::optional<T> parsed(std::string_view word) {
    T number{};
    const auto [end, failure] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (failure != std::errc() || end != word.data() + word.size()) return std::nullopt;
    return number;
  }

  std::string text() {
    if (at_ == line_.size() || line_[at_] != '"') throw error("a text");
    std::string result;
    for (++at_; at_ < line_.size() && line_[at_] != '"'; ++at_) {
      result += line_[at_] == '\\' ? escaped() : line_[at_];
    }
    expect('"');
    return result;
  }

  // The last byte of the escape is left for the caller to step over.
  char escaped() {
    const std::string_view rest = line_.substr(at_ + 1);
    if (rest.starts_with('"') || rest.starts_with('\\')) return line_[++at_];
    unsigned code = 0;
    const std::string_view digits = rest.starts_with('u') ? rest.substr(1, 4) : std::string_view();
    const auto [end, failure] =
        std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    const bool whole = digits.size() == 4 && end == digits.data() + digits.size();
    if (!whole || failure != std::errc() || code >= 0x80)
      throw error("an escape that Gnomon writes");
    at_ += 5;
    return static_cast<char>(code);
  }

  ConfigValue list() {
    if (accept(']')) return std::vector<std::string>();
    if (at_ < line_.size() && line_[at_] != '"') return whole_numbers();
    std::vector<std::string> result;
    do {
      result.push_back(text());
    } while (accept(','));
    expect(']');
    return result;
  }

  std::vector<std::int64_t> whole_numbers() {
    std::vector<std::int64_t> result;
    do {
      const std::size_t end = std::min(line_.find_first_of(" ,]", at_), line_.size());
      const auto number = parsed<std::int64_t>(line_.substr(at_, end - at_));
      if (!number) throw error("a text or a whole number");
      at_ = end;
      skip_spaces();
      result.push_back(*number);
    } while (accept(','));
    expect(']');
    return result;
  }

  std::string_view line_;
  std::size_t number_;
  std::string_view origin_;
  std::size_t at_ = 0;
};

std::string read_heading(LineReader& line) {
  std::string table;
  do {
    table += (table.empty() ? "" : ".") + line.key();
  } while (line.accept('.'));
  line.expect(']');
  line.expect_end();
  return table + ".";
}

void require_known_schema(const ConfigValue& value, const LineReader& line,
                          std::string_view origin) {
  const auto* schema = std::get_if<std::int64_t>(&value);
  if (schema == nullptr || *schema < 1) throw line.error("a schema number before it");
  if (*schema > kConfigSchema) {
    throw FileError(
        ErrorCode::incompatible,
        fmt::format("\"{}\" has schema {}, expected at most {}", origin, *schema, kConfigSchema),
        "it was written by a newer Gnomon; update this one");
  }
}

}  // namespace

std::string config_value_text(const ConfigValue& value) { return std::visit(TomlText{}, value); }

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
  if (!is_valid_utf8(text)) throw FileError(fmt::format("\"{}\" is not UTF-8", origin));
  std::vector<ConfigEntry> entries;
  std::set<std::string> keys;
  std::string table;
  std::size_t number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    LineReader line(text.substr(0, end), ++number, origin);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.at_end()) continue;
    if (line.accept('[')) {
      table = read_heading(line);
      continue;
    }
    ConfigEntry entry{table + line.key(), false, ""};
    line.expect('=');
    entry.value = line.value();
    line.expect_end();
    if (!keys.insert(entry.key).second) throw line.error("each key once");
    if (entry.key == "schema") {
      require_known_schema(entry.value, line, origin);
    } else {
      entries.push_back(std::move(entry));
    }
  }
  if (!keys.contains("schema")) throw FileError(fmt::format("\"{}\" has no schema number", origin));
  return entries;
}

}  // namespace gnomon
