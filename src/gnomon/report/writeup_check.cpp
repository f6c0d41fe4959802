// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <sstream>

#include "gnomon/report/detail/keyed_text.h"
#include "gnomon/report/writeup.h"

namespace gnomon {
namespace {

std::size_t line_of(std::string_view text, std::size_t at) {
  return 1 + static_cast<std::size_t>(std::ranges::count(text.substr(0, at), '\n'));
}

// Words of one line of prose. A word has a letter or a digit.
int words_in(const std::string& line) {
  std::istringstream stream(line);
  int n = 0;
  for (std::string word; stream >> word;) {
    const bool counts = std::ranges::any_of(
        word, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; });
    if (counts) ++n;
  }
  return n;
}

// The key of a number, where its text stands for itself in the write-up and not inside a longer
// one.
std::string key_of(const Writeup& writeup, const std::vector<detail::NumberInText>& all,
                   std::size_t index) {
  // Keyed numbers stand in the order of the text: walk both lists together.
  std::size_t next = 0;
  for (std::size_t i = 0; i <= index && next < writeup.numbers.size(); ++i) {
    if (all[i].text != writeup.numbers[next].text) continue;
    if (i == index) return writeup.numbers[next].key;
    ++next;
  }
  return "";
}

std::string front_matter_value(std::string_view markdown, std::string_view key) {
  std::istringstream lines{std::string(markdown)};
  std::string line;
  if (!std::getline(lines, line) || line != "---") return "";
  const std::string start = std::string(key) + ": ";
  while (std::getline(lines, line) && line != "---") {
    if (line.starts_with(start)) return line.substr(start.size());
  }
  return "";
}

std::string single_spaced(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const bool space = c == ' ' || c == '\n' || c == '\t';
    if (space && (result.empty() || result.back() == ' ')) continue;
    result += space ? ' ' : c;
  }
  return result;
}

}  // namespace

int writeup_words(std::string_view markdown) {
  std::istringstream lines{std::string(markdown)};
  int n = 0;
  int fences = 0;
  bool front_matter = false;
  bool first = true;
  for (std::string line; std::getline(lines, line); first = false) {
    if (line == "---" && (first || front_matter)) {
      front_matter = first;
      continue;
    }
    if (line.starts_with("## How to reproduce")) break;
    if (line.starts_with("```")) ++fences;
    const bool prose = !front_matter && fences % 2 == 0 && !line.starts_with("```") &&
                       !line.starts_with("#") && !line.starts_with("|") &&
                       !line.starts_with("![") && !line.starts_with("<!--");
    if (prose) n += words_in(line);
  }
  return n;
}

std::vector<std::string> writeup_problems(const RunValues& values, std::string_view markdown) {
  const Writeup expected = write_up(values);
  std::vector<std::string> problems;
  const std::string patch_run = front_matter_value(markdown, "patch_run");
  if (patch_run != expected.patch_run) {
    return {
        expected.patch_run.empty()
            ? fmt::format("it tells of the patch run {}, which is not beside the run", patch_run)
            : fmt::format("it does not tell of the patch run {} beside the run: make it again",
                          expected.patch_run)};
  }
  const auto wanted = detail::numbers_in(expected.markdown);
  const auto found = detail::numbers_in(markdown);
  for (std::size_t i = 0; i < std::max(wanted.size(), found.size()); ++i) {
    if (i < wanted.size() && i < found.size() && wanted[i].text == found[i].text) continue;
    if (i >= wanted.size()) {
      problems.push_back(fmt::format("line {}: \"{}\" is no number of the run",
                                     line_of(markdown, found[i].at), found[i].text));
    } else {
      const std::string key = key_of(expected, wanted, i);
      const std::string source = key.empty() ? "" : fmt::format(" ({})", key);
      problems.push_back(i >= found.size()
                             ? fmt::format("\"{}\" is missing{}", wanted[i].text, source)
                             : fmt::format("line {}: \"{}\", expected \"{}\"{}",
                                           line_of(markdown, found[i].at), found[i].text,
                                           wanted[i].text, source));
    }
    break;  // what follows is shifted
  }
  const std::string text = single_spaced(markdown);
  for (const WriteupClaim& claim : expected.claims) {
    if (text.find(single_spaced(claim.sentence)) == std::string::npos)
      problems.push_back(fmt::format("the claim \"{}\" is not the one that the run makes: {}",
                                     claim.id, claim.sentence));
  }
  return problems;
}

}  // namespace gnomon
