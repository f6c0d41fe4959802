// SPDX-License-Identifier: Apache-2.0
#include "cli/config_source.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <set>

#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/base/quote.h"
#include "gnomon/text/utf8.h"
#include "gnomon/text/visible_text.h"

namespace gnomon::cli {
namespace {

namespace fs = std::filesystem;

constexpr int kDeepestTable = 32;

FileError syntax_error(const std::string& place, std::size_t line, const std::string& what) {
  return FileError(fmt::format("{}:{}: {}", place, line, what));
}

// What toml++ 3.3, the version of Debian 12, does not survive, is refused before it sees the text:
// control characters and characters that are not ASCII in a key run into assertions and undefined
// behaviour, and "a.a.a. ..." becomes tables in tables whose destructor recurses.
class TomlGuard {
 public:
  TomlGuard(std::string_view text, const std::string& place) : text_(text), place_(place) {}

  void check() {
    if (!is_valid_utf8(text_)) throw FileError(fmt::format("{} is not UTF-8", place_));
    while (at_ < text_.size()) step();
  }

 private:
  void step() {
    const char c = text_[at_];
    if (c == '#') {
      skip_to_line_end();
    } else if (c == '"' || c == '\'') {
      skip_string(c);
    } else {
      check_plain(c);
      advance();
    }
  }

  void check_plain(char c) {
    if (static_cast<unsigned char>(c) >= 0x80) {
      throw syntax_error(place_, line_, "a character outside ASCII, expected it only in quotes");
    }
    if (c == '.') ++n_dots_;
    if (std::string_view("=,[]{}\n").find(c) != std::string_view::npos) n_dots_ = 0;
    if (n_dots_ > kDeepestTable) {
      throw syntax_error(place_, line_, fmt::format("a key of more than {} parts", kDeepestTable));
    }
  }

  void advance() {
    const auto byte = static_cast<unsigned char>(text_[at_]);
    const bool space = byte == '\t' || byte == '\n' || byte == '\r';
    if ((byte < 0x20 && !space) || byte == 0x7F) {
      throw syntax_error(place_, line_, fmt::format("a control character, byte {:#04x}", byte));
    }
    if (byte == '\n') ++line_;
    ++at_;
  }

  void skip_to_line_end() {
    while (at_ < text_.size() && text_[at_] != '\n') advance();
  }

  // Ends at the closing quotes, or where a string must have ended: toml++ then says what is wrong.
  void skip_string(char mark) {
    const std::string triple(3, mark);
    const bool multi_line = text_.substr(at_).starts_with(triple);
    for (std::size_t n = multi_line ? 3 : 1; n > 0; --n) advance();
    while (at_ < text_.size() && (multi_line || text_[at_] != '\n')) {
      if (text_[at_] == '\\' && mark == '"' && at_ + 1 < text_.size()) {
        advance();
        advance();
      } else if (multi_line && text_.substr(at_).starts_with(triple)) {
        at_ += 3;
        return;
      } else if (!multi_line && text_[at_] == mark) {
        ++at_;
        return;
      } else {
        advance();
      }
    }
  }

  std::string_view text_;
  const std::string& place_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  int n_dots_ = 0;
};

std::string origin_of(const std::string& place) { return fs::path(place).filename().string(); }

std::string joined(const std::string& prefix, std::string_view name) {
  return prefix.empty() ? std::string(name) : fmt::format("{}.{}", prefix, name);
}

// Collects the values of one file and refuses a key that stands there twice.
class Collector {
 public:
  explicit Collector(std::string place) : place_(std::move(place)) {}

  void add(const std::string& key, Json value, std::size_t line) {
    std::string place = fmt::format("{}:{}", place_, line);
    if (!keys_.insert(key).second) {
      throw ArgumentError(fmt::format("{}: {} is given twice, expected once", place, quote(key)));
    }
    values_.push_back({key, std::move(value), origin_of(place_), std::move(place), ""});
    lines_.push_back(line);
  }

  const std::string& place() const { return place_; }

  // In the order of their lines.
  std::vector<GivenValue> take() {
    std::vector<std::size_t> order(values_.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return lines_[a] < lines_[b]; });
    std::vector<GivenValue> sorted;
    for (const std::size_t i : order) sorted.push_back(std::move(values_[i]));
    return sorted;
  }

 private:
  std::string place_;
  std::vector<GivenValue> values_;
  std::vector<std::size_t> lines_;
  std::set<std::string> keys_;
};

Json value_of(const toml::node& node, const std::string& key, const Collector& values) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* whole = node.as_integer()) return whole->get();
  if (const auto* number = node.as_floating_point()) return number->get();
  if (const auto* truth = node.as_boolean()) return truth->get();
  if (const auto* list = node.as_array()) {
    Json items = Json::array();
    for (const toml::node& item : *list) items.push_back(value_of(item, key, values));
    return items;
  }
  if (node.is_table()) return Json::object();  // in a list; its content does not matter: no setting
  throw ArgumentError(fmt::format("{}:{}: {} is a date or time, which no setting is",
                                  values.place(), node.source().begin.line, quote(key)));
}

void add_table(const toml::table& table, const std::string& prefix, Collector& values) {
  for (const auto& [name, node] : table) {
    const std::string key = joined(prefix, name.str());
    if (const toml::table* inner = node.as_table(); inner != nullptr && !inner->empty()) {
      add_table(*inner, key, values);
    } else {
      values.add(key, value_of(node, key, values), node.source().begin.line);
    }
  }
}

toml::table parsed_toml(std::string_view text, const std::string& place) {
  TomlGuard(text, place).check();
  try {
    return toml::parse(text);
  } catch (const toml::parse_error& error) {
    throw syntax_error(place, error.source().begin.line,
                       fmt::format("column {}: {}", error.source().begin.column,
                                   visible_text(error.description())));
  }
}

// Counts lines while the JSON parser reads, so that a value knows where it stands.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* at, std::size_t* line) : at_(at), line_(line) {}
  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    if (*at_ == '\n' && line_ != nullptr) ++*line_;
    ++at_;
    return *this;
  }
  bool operator==(const CountingIterator& other) const { return at_ == other.at_; }
  bool operator!=(const CountingIterator& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  std::size_t* line_;
};

// Flattens a JSON document. Lists are kept whole; what is nested in them is no setting, so tables
// in a list become empty ones.
class JsonConfigReader : public nlohmann::json_sax<Json> {
 public:
  JsonConfigReader(Collector& values, const std::size_t& line) : values_(values), line_(line) {}

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(value); }
  bool number_unsigned(number_unsigned_t value) override { return add(value); }
  bool number_float(number_float_t value, const string_t& /*text*/) override { return add(value); }
  bool string(string_t& value) override { return add(value); }
  bool binary(binary_t& /*value*/) override { return false; }

  bool start_object(std::size_t /*size*/) override {
    push();
    if (list_depth_ > 0) {
      if (list_depth_ == 1 && object_in_list_ == 0) list_.push_back(Json::object());
      ++object_in_list_;
      return true;
    }
    prefixes_.push_back(key_);
    empty_ = true;
    return true;
  }
  bool key(string_t& name) override {
    if (list_depth_ > 0) return true;
    empty_ = false;
    key_ = joined(prefixes_.back(), name);
    key_line_ = line_;
    return true;
  }
  bool end_object() override {
    --depth_;
    if (object_in_list_ > 0) {
      --object_in_list_;
      return true;
    }
    if (empty_ && prefixes_.size() > 1) values_.add(prefixes_.back(), Json::object(), key_line_);
    empty_ = false;
    prefixes_.pop_back();
    return true;
  }
  bool start_array(std::size_t /*size*/) override {
    require_object();
    push();
    if (list_depth_ == 0) {
      list_ = Json::array();
    } else if (list_depth_ == 1 && object_in_list_ == 0) {
      list_.push_back(Json::array());
    }
    ++list_depth_;
    return true;
  }
  bool end_array() override {
    --depth_;
    if (--list_depth_ == 0) values_.add(key_, std::move(list_), key_line_);
    return true;
  }
  bool parse_error(std::size_t /*position*/, const std::string& /*token*/,
                   const nlohmann::detail::exception& /*error*/) override {
    throw syntax_error(values_.place(), line_, "not valid JSON");
  }

 private:
  void push() {
    if (++depth_ > kDeepestTable) {
      throw syntax_error(values_.place(), line_,
                         fmt::format("JSON nests deeper than {} levels", kDeepestTable));
    }
  }
  void require_object() const {
    if (prefixes_.empty()) {
      throw syntax_error(values_.place(), line_, "the document is not an object");
    }
  }
  bool add(Json value) {
    if (list_depth_ > 0) {
      if (list_depth_ == 1 && object_in_list_ == 0) list_.push_back(std::move(value));
      return true;
    }
    require_object();
    values_.add(key_, std::move(value), key_line_);
    return true;
  }

  Collector& values_;
  const std::size_t& line_;
  std::vector<std::string> prefixes_;
  std::string key_;
  std::size_t key_line_ = 1;
  bool empty_ = false;
  Json list_;
  int depth_ = 0;
  int list_depth_ = 0;
  int object_in_list_ = 0;
};

// The value of a TOML line "v = text", or nothing where it is not one.
std::optional<Json> toml_value(const std::string& text) {
  if (text.find('\n') != std::string::npos) return std::nullopt;
  try {
    Collector values("--set");
    const toml::table table = parsed_toml("v = " + text, "--set");
    const toml::node* node = table.get("v");
    if (node == nullptr || table.size() != 1) return std::nullopt;
    return value_of(*node, "v", values);
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace

std::vector<GivenValue> parse_toml_config(std::string_view text, const std::string& place) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  Collector values(place);
  add_table(parsed_toml(text, place), "", values);
  return values.take();
}

std::vector<GivenValue> parse_json_config(std::string_view text, const std::string& place) {
  if (!is_valid_utf8(text)) throw FileError(fmt::format("{} is not UTF-8", place));
  Collector values(place);
  std::size_t line = 1;
  JsonConfigReader reader(values, line);
  const CountingIterator begin(text.data(), &line);
  const CountingIterator end(text.data() + text.size(), nullptr);
  if (text.find('\0') != std::string_view::npos ||
      !Json::sax_parse(begin, end, &reader, Json::input_format_t::json)) {
    throw syntax_error(place, line, "not valid JSON");
  }
  return values.take();
}

std::vector<GivenValue> read_config_file(const fs::path& path) {
  const std::string text = read_text_file(path, kLargestConfigFile);
  const std::string place = visible_text(path.string());
  return path.extension() == ".json" ? parse_json_config(text, place)
                                     : parse_toml_config(text, place);
}

GivenValue parse_set(const std::string& argument) {
  const std::size_t equals = argument.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw ArgumentError(fmt::format("--set is {}, expected KEY=VALUE", quote(argument)),
                        "--set train.epochs=5");
  }
  if (!is_valid_utf8(argument)) {
    throw ArgumentError(fmt::format("--set is {}, expected UTF-8", quote(argument)));
  }
  GivenValue given;
  given.key = argument.substr(0, equals);
  given.literal = argument.substr(equals + 1);
  given.value = toml_value(given.literal).value_or(Json(given.literal));
  given.origin = "--set";
  given.place = "--set";
  return given;
}

}  // namespace gnomon::cli
