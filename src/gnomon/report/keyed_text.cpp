// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/detail/keyed_text.h"

#include <fmt/format.h>

#include <cctype>
#include <cmath>
#include <cstdlib>

#include "gnomon/base/error.h"
#include "gnomon/report/text_table.h"

namespace gnomon::detail {
namespace {

// Control characters: no text of a run holds them, since names are made visible before they are
// added.
constexpr char kOpen = '\x01';
constexpr char kText = '\x02';
constexpr char kClose = '\x03';

std::string with_separators(std::string digits) {
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3)
    digits.insert(static_cast<std::size_t>(at), ",");
  return digits;
}

bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }

}  // namespace

std::string KeyedText::marked(const std::string& key, const std::string& text) {
  numbers_.push_back({key, text});
  return fmt::format("{}{}{}{}{}", kOpen, numbers_.size() - 1, kText, text, kClose);
}

std::string KeyedText::r(const std::string& key) {
  const std::optional<double> number = values_.number(key);
  return number ? marked(key, format_r(*number, 2)) : "–";
}

std::string KeyedText::count(const std::string& key) {
  const std::optional<double> number = values_.number(key);
  return number ? marked(key, with_separators(fmt::format("{:.0f}", *number))) : "–";
}

std::string KeyedText::value(const std::string& key) {
  const std::optional<double> number = values_.number(key);
  return number ? marked(key, format_value(*number)) : "–";
}

std::string KeyedText::interval(const std::string& low, const std::string& high) {
  if (!values_.number(low) || !values_.number(high)) return "–";
  return fmt::format("[{}, {}]", r(low), r(high));
}

std::string KeyedText::word(const std::string& key, const std::string& text) {
  return marked(key, text);
}

void KeyedText::claim(WriteupClaim claim) {
  add(claim.sentence);
  claims_.push_back(std::move(claim));
}

Writeup KeyedText::finished() const {
  Writeup writeup;
  const auto strip = [&](const std::string& text, bool note) {
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == kOpen) {
        const std::size_t middle = text.find(kText, i);
        if (middle == std::string::npos) throw InternalError("KeyedText: a mark is cut");
        const auto index = std::strtoul(text.c_str() + i + 1, nullptr, 10);
        if (note) writeup.numbers.push_back(numbers_.at(index));
        i = middle;
      } else if (text[i] != kClose) {
        plain += text[i];
      }
    }
    return plain;
  };
  writeup.markdown = strip(text_, true);
  for (WriteupClaim claim : claims_) {
    claim.sentence = strip(claim.sentence, false);
    claim.because = strip(claim.because, false);
    writeup.claims.push_back(std::move(claim));
  }
  return writeup;
}

std::vector<NumberInText> numbers_in(std::string_view text) {
  std::vector<NumberInText> numbers;
  for (std::size_t i = 0; i < text.size();) {
    if (!is_digit(text[i])) {
      ++i;
      continue;
    }
    std::size_t begin = i;
    if (begin > 0 && (text[begin - 1] == '+' || text[begin - 1] == '-')) --begin;
    std::size_t end = i;
    while (end < text.size()) {
      const char c = text[end];
      const bool more = end + 1 < text.size();
      if (is_digit(c)) {
        ++end;
      } else if ((c == '.' || c == ',') && more && is_digit(text[end + 1])) {
        end += 2;
      } else if (c == 'e' && end + 2 < text.size() &&
                 (text[end + 1] == '-' || text[end + 1] == '+') && is_digit(text[end + 2])) {
        end += 3;
      } else {
        break;
      }
    }
    numbers.push_back({begin, std::string(text.substr(begin, end - begin))});
    i = end;
  }
  return numbers;
}

}  // namespace gnomon::detail
