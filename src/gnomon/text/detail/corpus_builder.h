// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "gnomon/base/interrupt.h"
#include "gnomon/text/corpus.h"

namespace gnomon::detail {

bool is_blank(std::string_view text);

// "\"news.txt\" line 12", for messages.
std::string place(const std::filesystem::path& path, std::int64_t line);

// The content of a file of texts, and the records and counts that a reader makes of it.
class CorpusBuilder {
 public:
  explicit CorpusBuilder(const std::filesystem::path& path);

  // Without the byte order mark.
  std::string_view body() const;

  void count_blank() { ++corpus_.report.n_blank; }
  void count_fragment() { ++corpus_.report.n_fragments; }
  void add(std::string text, std::int64_t line, std::string template_id, std::string group);
  Corpus finish() &&;

 private:
  std::filesystem::path path_;
  std::string content_;
  Corpus corpus_;
};

struct Line {
  std::string_view content;  // without its line end
  std::int64_t number;       // 1-based
};

template <class Visit>
void for_each_line(std::string_view body, Visit visit) {
  std::int64_t number = 0;
  while (!body.empty()) {
    const std::size_t end = std::min(body.find('\n'), body.size());
    std::string_view content = body.substr(0, end);
    if (content.ends_with('\r')) content.remove_suffix(1);
    ++number;
    if (number % 4096 == 0) check_interrupted();
    visit(Line{content, number});
    body.remove_prefix(std::min(end + 1, body.size()));
  }
}

}  // namespace gnomon::detail
