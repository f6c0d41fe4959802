// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gnomon/base/json.h"

namespace gnomon::detail {

// Markup that may stand in a page as it is. Texts become one by html(), and by nothing else.
struct Html {
  std::string markup;

  Html& operator+=(const Html& other) {
    markup += other.markup;
    return *this;
  }
};
inline Html operator+(Html a, const Html& b) { return a += b; }

Html html(std::string_view text);
// <TAG>text</TAG>; `tag` may carry attributes: "p class=\"note\"".
Html element(std::string_view tag, const Html& content);
Html element(std::string_view tag, std::string_view text);
// A <details> that is closed.
Html disclosure(std::string_view summary, const Html& content);

// A value, or a dash where there is none.
Html r_cell(const std::optional<double>& value);      // +0.937
Html value_cell(const std::optional<double>& value);  // three significant digits
Html count_cell(const std::optional<double>& value);  // 1,128
Html percentile_cell(const Json& null);               // of an object with percentile and n
Html p_cell(const std::optional<double>& log10_p);
Html interval_cell(const std::optional<double>& low, const std::optional<double>& high);
Html interval_cell(const Json& interval);  // [low, high] or null

struct HtmlColumn {
  std::string title;
  bool is_number = false;
};

// A table whose first column names the row. The caption says what it is of.
class HtmlTable {
 public:
  HtmlTable(std::string caption, std::vector<HtmlColumn> columns);
  void add_row(const std::vector<Html>& cells);
  bool is_empty() const { return n_row_ == 0; }
  Html render() const;  // in a region that scrolls sideways

 private:
  std::string caption_;
  std::vector<HtmlColumn> columns_;
  std::string rows_;
  std::size_t n_row_ = 0;
};

// A list of terms with what they mean.
class HtmlDefinitions {
 public:
  void add(std::string_view term, const Html& meaning);
  void add(std::string_view term, std::string_view meaning);  // nothing where it is empty
  Html render() const;

 private:
  std::string items_;
};

}  // namespace gnomon::detail
