// SPDX-License-Identifier: Apache-2.0
// The words of Gnomon, each explained once: `gnomon explain WORD`, the report's glossary and
// Python's help show the same text.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace gnomon {

enum class TermKind {
  idea,       // what is measured: activation, residual stream, projection
  direction,  // of the residual stream, by the names of analysis/projections.json
  statistic,  // a number of a table
  practice,   // how numbers are made trustworthy: held out, baseline, check
};
std::string_view term_kind_title(TermKind kind);

// Texts are plain, without markup; paragraphs of `text` are separated by an empty line.
struct Term {
  std::string_view id;  // a-z, 0-9 and "-"; stable: pages link to it
  std::string_view name;
  TermKind kind = TermKind::idea;
  std::string_view brief;                 // one sentence that stands alone
  std::string_view text;                  // what follows from it, and how it can mislead
  std::vector<std::string_view> aliases;  // as people write it, in lower case
  std::vector<std::string_view> see;      // ids of others
  std::string_view page;  // "docs/methods/projections.md"; empty where there is none
};

// In reading order: whoever reads from the top meets no word before its explanation.
std::span<const Term> glossary();

// By id, name or alias; case, spaces, hyphens and underscores do not matter. Nothing where no term
// is called so.
const Term* find_term(std::string_view name);

}  // namespace gnomon
