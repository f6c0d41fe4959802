// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gnomon/text/near_duplicates.h"
#include "gnomon/text/text_record.h"

namespace gnomon {

// in: records    out: which of them are the same text, as far as splitting and resampling care

// Why two texts belong together. The names appear in run directories.
enum class GroupRule {
  exact_text,       // the same bytes
  normalised_text,  // the same normalised_text
  template_id,      // the same template, where it is known
  declared_group,   // the same "group" in the corpus, where it is given
  near_duplicate,   // normalised_text of shingle_similarity at or above the threshold
};

// The rules that compare keys, as every study applies them.
inline constexpr std::array kKeyGroupRules = {GroupRule::exact_text, GroupRule::normalised_text,
                                              GroupRule::template_id, GroupRule::declared_group};
inline constexpr std::array kAllGroupRules = {GroupRule::exact_text, GroupRule::normalised_text,
                                              GroupRule::template_id, GroupRule::declared_group,
                                              GroupRule::near_duplicate};

std::string_view group_rule_name(GroupRule rule);

// What a rule did. Rules are applied in the order given, so n_joins of a later rule counts only
// what the earlier ones had left apart; n_rows does not depend on the order.
struct GroupRuleCount {
  GroupRule rule;
  std::int64_t n_rows = 0;   // rows that this rule puts together with another row
  std::int64_t n_joins = 0;  // times two groups became one
};

// The joins of all rules add up to n_rows - n_groups.
struct TextGroups {
  std::vector<std::int64_t> group_of_row;  // 0 to n_groups - 1, in order of first appearance
  std::int64_t n_groups = 0;
  std::int64_t largest_group = 0;  // rows of the largest group; with few groups, splits are coarse
  std::vector<GroupRuleCount> rules;
};

// Groups are the transitive closure of the rules: a text that equals one text and shares its
// template with another puts all three together. `near` is for the rule near_duplicate; texts that
// are the same after normalisation are near-duplicates too, the empty one among them.
TextGroups group_texts(std::span<const TextRecord> records,
                       std::span<const GroupRule> rules = kKeyGroupRules,
                       const NearDuplicateOptions& near = {});

// The text as the rule normalised_text compares it; for comparing only, never for the model.
//
// 1. ASCII letters become lower case. Letters outside ASCII keep their case, and composed and
//    decomposed accents stay different.
// 2. The quotes U+2018 to U+201B become ', and U+201C to U+201F become ".
// 3. A run of Unicode White_Space becomes one space.
// 4. White space and punctuation at both ends go. Punctuation is, in ASCII,
//    ! " # % & ' ( ) * , - . / : ; ? @ [ \ ] _ { }
//    and elsewhere U+00A1 U+00A7 U+00AB U+00B6 U+00B7 U+00BB U+00BF, U+2010 to U+2027,
//    U+2030 to U+2043, U+2045 to U+2051, U+2053 to U+205E, U+3001 to U+3003, U+3008 to U+3011,
//    U+3014 to U+301F, U+FF01 to U+FF03, U+FF05 to U+FF0A, U+FF0C to U+FF0F. Signs such as $ and
//    + stay. Where nothing else would be left, the result is that of step 3.
//
// Bytes that are not valid UTF-8 are kept.
std::string normalised_text(std::string_view text);

}  // namespace gnomon
