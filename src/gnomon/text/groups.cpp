// SPDX-License-Identifier: Apache-2.0
#include "gnomon/text/groups.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "gnomon/base/error.h"
#include "gnomon/text/detail/disjoint_sets.h"
#include "gnomon/text/utf8.h"

namespace gnomon {
namespace {

struct CodePointRange {
  char32_t first;
  char32_t last;
};

// Property White_Space of Unicode 15, PropList.txt.
constexpr CodePointRange kWhiteSpace[] = {
    {0x09, 0x0D},     {0x20, 0x20},     {0x85, 0x85},     {0xA0, 0xA0},     {0x1680, 0x1680},
    {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000},
};

// General category P* of Unicode 15 in Latin, general and CJK punctuation and full-width forms; the
// list is part of the contract of normalised_text.
constexpr CodePointRange kPunctuation[] = {
    {0x21, 0x23},     {0x25, 0x2A},     {0x2C, 0x2F},     {0x3A, 0x3B},     {0x3F, 0x40},
    {0x5B, 0x5D},     {0x5F, 0x5F},     {0x7B, 0x7B},     {0x7D, 0x7D},     {0xA1, 0xA1},
    {0xA7, 0xA7},     {0xAB, 0xAB},     {0xB6, 0xB7},     {0xBB, 0xBB},     {0xBF, 0xBF},
    {0x2010, 0x2027}, {0x2030, 0x2043}, {0x2045, 0x2051}, {0x2053, 0x205E}, {0x3001, 0x3003},
    {0x3008, 0x3011}, {0x3014, 0x301F}, {0xFF01, 0xFF03}, {0xFF05, 0xFF0A}, {0xFF0C, 0xFF0F},
};

bool contains(std::span<const CodePointRange> ranges, char32_t c) {
  return std::any_of(ranges.begin(), ranges.end(), [c](const CodePointRange& range) {
    return c >= range.first && c <= range.last;
  });
}

using detail::DisjointSets;

// Joins rows with equal keys; `key_of` gives an empty key to rows the rule says nothing about.
template <class KeyOf>
void join_equal_keys(std::span<const TextRecord> records, KeyOf key_of, DisjointSets& sets,
                     GroupRuleCount& count) {
  struct FirstRow {
    std::size_t row;
    bool counted;
  };
  std::unordered_map<std::string, FirstRow> seen;
  for (std::size_t i = 0; i < records.size(); ++i) {
    std::string key = key_of(records[i]);
    if (key.empty()) continue;
    const auto [found, is_new] = seen.try_emplace(std::move(key), FirstRow{i, false});
    if (is_new) continue;
    count.n_rows += found->second.counted ? 1 : 2;
    found->second.counted = true;
    if (sets.join(found->second.row, i)) ++count.n_joins;
  }
}

void join_near_duplicates(std::span<const TextRecord> records, const NearDuplicateOptions& near,
                          DisjointSets& sets, GroupRuleCount& count) {
  // Each normalised text once, in order of first appearance.
  std::vector<std::string> distinct;
  std::vector<std::size_t> first_row;
  std::vector<std::size_t> distinct_of_row;
  std::unordered_map<std::string, std::size_t> number_of;
  for (std::size_t i = 0; i < records.size(); ++i) {
    std::string text = normalised_text(records[i].text);
    const auto [found, is_new] = number_of.try_emplace(std::move(text), distinct.size());
    if (is_new) {
      distinct.push_back(found->first);
      first_row.push_back(i);
    } else if (sets.join(first_row[found->second], i)) {
      ++count.n_joins;
    }
    distinct_of_row.push_back(found->second);
  }

  std::vector<std::int64_t> n_rows_of(distinct.size());
  for (const std::size_t d : distinct_of_row) ++n_rows_of[d];
  std::vector<bool> put_together(distinct.size());
  for (std::size_t d = 0; d < distinct.size(); ++d) put_together[d] = n_rows_of[d] > 1;
  for (const NearDuplicatePair& pair : find_near_duplicates(distinct, near).pairs) {
    put_together[pair.first] = put_together[pair.second] = true;
    if (sets.join(first_row[pair.first], first_row[pair.second])) ++count.n_joins;
  }
  for (std::size_t d = 0; d < distinct.size(); ++d)
    count.n_rows += put_together[d] ? n_rows_of[d] : 0;
}

GroupRuleCount apply_rule(GroupRule rule, std::span<const TextRecord> records,
                          const NearDuplicateOptions& near, DisjointSets& sets) {
  GroupRuleCount count{.rule = rule};
  switch (rule) {
    case GroupRule::exact_text:
      // The letter keeps the key of an empty text from being empty.
      join_equal_keys(
          records, [](const TextRecord& r) { return fmt::format("t{}", r.text); }, sets, count);
      return count;
    case GroupRule::normalised_text:
      join_equal_keys(
          records, [](const TextRecord& r) { return fmt::format("t{}", normalised_text(r.text)); },
          sets, count);
      return count;
    case GroupRule::template_id:
      join_equal_keys(
          records, [](const TextRecord& r) { return r.template_id; }, sets, count);
      return count;
    case GroupRule::declared_group:
      join_equal_keys(
          records, [](const TextRecord& r) { return r.group; }, sets, count);
      return count;
    case GroupRule::near_duplicate:
      join_near_duplicates(records, near, sets, count);
      return count;
  }
  throw InternalError("group_texts: a rule without a reader");
}

char32_t fold_character(char32_t c) {
  if (c >= U'A' && c <= U'Z') return c - U'A' + U'a';
  if (c >= 0x2018 && c <= 0x201B) return U'\'';
  if (c >= 0x201C && c <= 0x201F) return U'"';
  return c;
}

}  // namespace

std::string_view group_rule_name(GroupRule rule) {
  switch (rule) {
    case GroupRule::exact_text:
      return "exact_text";
    case GroupRule::normalised_text:
      return "normalised_text";
    case GroupRule::template_id:
      return "template_id";
    case GroupRule::declared_group:
      return "declared_group";
    case GroupRule::near_duplicate:
      return "near_duplicate";
  }
  throw InternalError("group_rule_name: a rule without a name");
}

TextGroups group_texts(std::span<const TextRecord> records, std::span<const GroupRule> rules,
                       const NearDuplicateOptions& near) {
  TextGroups groups;
  DisjointSets sets(records.size());
  for (const GroupRule rule : rules) groups.rules.push_back(apply_rule(rule, records, near, sets));

  groups.group_of_row.resize(records.size());
  std::vector<std::int64_t> n_rows_of;
  for (std::size_t i = 0; i < records.size(); ++i) {
    const std::size_t root = sets.root(i);
    if (root == i) {
      groups.group_of_row[i] = groups.n_groups++;
      n_rows_of.push_back(0);
    } else {
      groups.group_of_row[i] = groups.group_of_row[root];
    }
    ++n_rows_of[static_cast<std::size_t>(groups.group_of_row[i])];
  }
  if (!n_rows_of.empty())
    groups.largest_group = *std::max_element(n_rows_of.begin(), n_rows_of.end());
  return groups;
}

std::string normalised_text(std::string_view text) {
  std::string folded;
  folded.reserve(text.size());
  // Where the part without the punctuation at its ends begins and stops.
  std::size_t first = std::string::npos;
  std::size_t last = 0;
  for (std::size_t i = 0; i < text.size();) {
    const Utf8Character character = utf8_character_at(text, i);
    const char32_t c = fold_character(character.code_point);
    if (character.valid && contains(kWhiteSpace, c)) {
      if (!folded.empty() && folded.back() != ' ') folded += ' ';
    } else {
      const bool trimmable = character.valid && contains(kPunctuation, c);
      if (!trimmable && first == std::string::npos) first = folded.size();
      if (character.valid && c < 0x80) {
        folded += static_cast<char>(c);
      } else {
        folded += text.substr(i, character.n_bytes);
      }
      if (!trimmable) last = folded.size();
    }
    i += character.n_bytes;
  }
  if (first != std::string::npos) return folded.substr(first, last - first);
  if (folded.ends_with(' ')) folded.pop_back();
  return folded;
}

}  // namespace gnomon
