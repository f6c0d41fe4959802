// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gnomon/report/run_values.h"
#include "gnomon/report/writeup.h"

namespace gnomon::detail {

// Text in which every number remembers the key that it was filled from. A number is put into the
// text between two marks, which finished() takes out.
class KeyedText {
 public:
  explicit KeyedText(const RunValues& values) : values_(values) {}

  const RunValues& values() const { return values_; }

  // "+0.94"; a dash where the run has no such number.
  std::string r(const std::string& key);
  // "1,128"
  std::string count(const std::string& key);
  // Three significant digits.
  std::string value(const std::string& key);
  // "[+0.62, +0.98]"
  std::string interval(const std::string& low, const std::string& high);
  // A text that holds a number, such as a site's name.
  std::string word(const std::string& key, const std::string& text);

  void add(std::string_view text) { text_ += text; }
  void claim(WriteupClaim claim);

  // The text and its numbers in the order in which they stand.
  Writeup finished() const;

 private:
  std::string marked(const std::string& key, const std::string& text);

  const RunValues& values_;
  std::string text_;
  std::vector<WriteupClaim> claims_;
  std::vector<WriteupNumber> numbers_;  // in the order in which they were made
};

// A number in a text: "+0.94", "1,128", "3e-05", with the place where it begins.
struct NumberInText {
  std::size_t at = 0;
  std::string text;
};
std::vector<NumberInText> numbers_in(std::string_view text);

}  // namespace gnomon::detail
