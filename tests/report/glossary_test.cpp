// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/glossary.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <string>

namespace gnomon {
namespace {

TEST(Glossary, EveryTermIsWholeAndItsReferencesExist) {
  std::set<std::string_view> ids;
  for (const Term& term : glossary()) EXPECT_TRUE(ids.insert(term.id).second) << term.id;
  for (const Term& term : glossary()) {
    EXPECT_EQ(term.id.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-"),
              std::string_view::npos)
        << term.id;
    EXPECT_FALSE(term.name.empty()) << term.id;
    EXPECT_TRUE(term.brief.ends_with(".")) << term.id;
    EXPECT_TRUE(term.text.ends_with(".")) << term.id;
    EXPECT_FALSE(term_kind_title(term.kind).empty());
    for (const std::string_view other : term.see) {
      EXPECT_TRUE(ids.contains(other)) << term.id << " sees " << other;
      EXPECT_NE(other, term.id);
    }
    if (!term.page.empty()) {
      EXPECT_TRUE(std::filesystem::exists(std::filesystem::path(GNOMON_SOURCE_DIR) / term.page))
          << term.page;
    }
  }
}

TEST(Glossary, FindsByIdNameAndAlias) {
  ASSERT_NE(find_term("residual-stream"), nullptr);
  EXPECT_EQ(find_term("Residual Stream"), find_term("residual-stream"));
  EXPECT_EQ(find_term("input_gate")->id, "input-branches");
  EXPECT_EQ(find_term("R2_identity")->id, "r2-identity");
  EXPECT_EQ(find_term("LayerNorm")->id, "normalisation");
  EXPECT_EQ(find_term("no such word"), nullptr);
  EXPECT_EQ(find_term(""), nullptr);
}

TEST(Glossary, EveryNameAndAliasLeadsToItsOwnTerm) {
  for (const Term& term : glossary()) {
    EXPECT_EQ(find_term(term.id), &term);
    EXPECT_EQ(find_term(term.name), &term) << term.name;
    for (const std::string_view alias : term.aliases) {
      const Term* found = find_term(alias);
      ASSERT_NE(found, nullptr) << alias;
      // An id goes before an alias: "neurons" is the unit, "other neurons" the null.
      EXPECT_TRUE(found == &term || alias == "neurons") << alias << " leads to " << found->id;
    }
  }
}

}  // namespace
}  // namespace gnomon
