// SPDX-License-Identifier: Apache-2.0
#include "gnomon/text/generator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/text/detail/scenes.h"
#include "gnomon/text/groups.h"

namespace gnomon {
namespace {

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

// Everything the set can give; drawn once for all tests that look at every text.
const std::vector<TextRecord>& full_draw() {
  static const std::vector<TextRecord> records =
      generate_texts("scenes", builtin_size("scenes"), 5);
  return records;
}

TEST(Generator, SizeIsThatOfTheTables) {
  const auto n_templates =
      std::ssize(detail::scene_skeletons()) * std::ssize(detail::scene_topics());
  EXPECT_EQ(std::ssize(builtin_template_ids("scenes")), n_templates);
  EXPECT_EQ(builtin_size("scenes") % n_templates, 0);
  EXPECT_GE(builtin_size("scenes"), 100000);
  EXPECT_GE(std::ssize(detail::scene_skeletons()), 60);
  EXPECT_GE(n_templates, 200);
}

TEST(Generator, EveryTemplateHasRoom) {
  const double per_template = static_cast<double>(builtin_size("scenes")) /
                              static_cast<double>(builtin_template_ids("scenes").size());
  for (const detail::Skeleton& skeleton : detail::scene_skeletons()) {
    for (const detail::Topic& topic : detail::scene_topics()) {
      EXPECT_GE(count_derivations(skeleton, topic), 2 * per_template)
          << skeleton.id << "/" << topic.id;
    }
  }
}

TEST(Generator, IdsAreDistinct) {
  const std::vector<std::string> ids = builtin_template_ids("scenes");
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), ids.size());
}

TEST(Generator, AllTextsAreDistinctAndTemplatesBalanced) {
  std::unordered_set<std::string> distinct;
  std::map<std::string, std::int64_t> n_of;
  for (const TextRecord& record : full_draw()) {
    EXPECT_TRUE(distinct.insert(normalised_text(record.text)).second) << record.text;
    ++n_of[record.template_id];
  }
  const auto n_templates = std::ssize(builtin_template_ids("scenes"));
  EXPECT_EQ(std::ssize(n_of), n_templates);
  for (const auto& [id, n] : n_of) EXPECT_EQ(n, builtin_size("scenes") / n_templates) << id;
}

TEST(Generator, TwentyThousand) {
  const std::vector<TextRecord> records = generate_texts("scenes", 20000, 1);
  ASSERT_EQ(records.size(), 20000U);
  std::unordered_set<std::string> distinct;
  std::map<std::string, int> n_of;
  for (const TextRecord& record : records) {
    distinct.insert(record.text);
    ++n_of[record.template_id];
    EXPECT_EQ(record.source, "builtin:scenes");
    EXPECT_EQ(record.line, 0);
  }
  EXPECT_EQ(distinct.size(), 20000U);
  int fewest = 20000;
  int most = 0;
  for (const auto& [id, n] : n_of) {
    fewest = std::min(fewest, n);
    most = std::max(most, n);
  }
  EXPECT_LE(most - fewest, 1);
  // No two templates overlap, so the groups are the templates.
  const TextGroups groups = group_texts(records);
  EXPECT_EQ(groups.n_groups, std::ssize(n_of));
  EXPECT_EQ(groups.largest_group, most);
}

TEST(Generator, SameSeedSameTexts) {
  const std::vector<TextRecord> a = generate_texts("scenes", 500, 42);
  const std::vector<TextRecord> b = generate_texts("scenes", 500, 42);
  const std::vector<TextRecord> other = generate_texts("scenes", 500, 43);
  std::size_t n_same = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].text, b[i].text);
    EXPECT_EQ(a[i].template_id, b[i].template_id);
    n_same += a[i].text == other[i].text ? 1 : 0;
  }
  EXPECT_LT(n_same, 5U);
}

TEST(Generator, ShorterDrawIsTheBeginningOfALongerOne) {
  const std::vector<TextRecord> shorter = generate_texts("scenes", 100, 9);
  const std::vector<TextRecord> longer = generate_texts("scenes", 3000, 9);
  for (std::size_t i = 0; i < shorter.size(); ++i) EXPECT_EQ(shorter[i].text, longer[i].text);
}

// Results are quoted with "builtin:scenes" and a seed: a change of the tables is a change of the
// data. Where it is meant, replace the hash by the one this test prints, and say so in the change
// log.
TEST(Generator, TextsOfASeedStay) {
  std::string all;
  for (const TextRecord& record : generate_texts("scenes", 5000, 1))
    all += record.template_id + "\t" + record.text + "\n";
  EXPECT_EQ(sha256_hex(all), "d912d48c4d067222c9ed9592a15eeff9b323dccbaa3501d561c1ec2cd750f3ef");
}

TEST(Generator, Refuses) {
  const auto message_of = [](std::string_view name, std::int64_t n) {
    try {
      generate_texts(name, n, 1);
    } catch (const ArgumentError& error) {
      return std::string(error.what()) + "|" + error.hint();
    }
    return std::string("(no error)");
  };
  EXPECT_EQ(message_of("scene", 1),
            "no built-in texts \"scene\", expected \"scenes\"|did you mean \"scenes\"?");
  EXPECT_EQ(message_of("", 1), "no built-in texts \"\", expected \"scenes\"|");
  const std::string size = std::to_string(builtin_size("scenes"));
  const std::string hint = "|the built-in texts are distinct; for more, bring a file";
  EXPECT_EQ(message_of("scenes", 0),
            "asked for 0 texts of \"scenes\", expected 1 to " + size + hint);
  EXPECT_EQ(message_of("scenes", -3),
            "asked for -3 texts of \"scenes\", expected 1 to " + size + hint);
  EXPECT_EQ(message_of("scenes", builtin_size("scenes") + 1),
            "asked for " + std::to_string(builtin_size("scenes") + 1) +
                " texts of \"scenes\", expected 1 to " + size + hint);
}

TEST(Grammar, TextsAreClean) {
  for (const TextRecord& record : full_draw()) {
    const std::string& t = record.text;
    const bool clean = t.find("  ") == std::string::npos &&
                       t.find_first_of("{}^\n\t") == std::string::npos && t.front() != ' ' &&
                       t.back() != ' ' && t.find(" .") == std::string::npos &&
                       t.find(" ,") == std::string::npos && t.find("..") == t.find("...") &&
                       t.find(",,") == std::string::npos && t.find("'s's") == std::string::npos;
    EXPECT_TRUE(clean) << record.template_id << ": " << t;
    EXPECT_TRUE(std::all_of(t.begin(), t.end(), [](char c) { return c >= ' ' && c <= '~'; })) << t;
  }
}

TEST(Grammar, Lengths) {
  std::size_t shortest = 100;
  std::size_t longest = 0;
  for (const TextRecord& record : full_draw()) {
    const std::size_t n = words_of(record.text).size();
    shortest = std::min(shortest, n);
    longest = std::max(longest, n);
    EXPECT_GE(n, 3U) << record.text;
    EXPECT_LE(n, 40U) << record.template_id << ": " << record.text;
  }
  EXPECT_EQ(shortest, 3U);
  EXPECT_GE(longest, 36U);
}

TEST(Grammar, CapitalWhereMeant) {
  const std::set<std::string> begins_otherwise = {"chat", "diary", "dated_event", "numbered_steps"};
  for (const TextRecord& record : full_draw()) {
    const std::string skeleton = record.template_id.substr(0, record.template_id.find('/'));
    const char first = record.text[record.text.front() == '"' ? 1 : 0];
    EXPECT_EQ(first >= 'A' && first <= 'Z', begins_otherwise.count(skeleton) == 0)
        << record.template_id << ": " << record.text;
    const std::size_t lone_i = record.text.find(" i ");
    EXPECT_EQ(lone_i, std::string::npos) << record.text;
  }
}

// Words that follow "a" or "an" anywhere in the texts, judged by letter, but for the sounds listed
// here.
TEST(Grammar, IndefiniteArticle) {
  const std::set<std::string> vowel_letter_consonant_sound = {"user", "useless", "university"};
  std::size_t n_an = 0;
  std::map<std::string, std::string> seen;  // word -> article
  for (const TextRecord& record : full_draw()) {
    const std::vector<std::string> words = words_of(record.text);
    for (std::size_t i = 0; i + 1 < words.size(); ++i) {
      std::string article = words[i];
      if (article != "a" && article != "an" && article != "A" && article != "An") continue;
      article = article.size() == 1 ? "a" : "an";
      std::string word = words[i + 1];
      while (!word.empty() && !std::isalnum(static_cast<unsigned char>(word.back())))
        word.pop_back();
      const bool vowel =
          std::string_view("aeiouAEIOU").find(word.front()) != std::string_view::npos;
      const bool expect_an =
          (vowel && vowel_letter_consonant_sound.count(word) == 0) || word == "hour";
      EXPECT_EQ(article == "an", expect_an) << record.text;
      n_an += article == "an" ? 1 : 0;
      seen[word] = article;
    }
  }
  EXPECT_GT(n_an, 1000U);
  EXPECT_EQ(seen["useless"], "a");
}

TEST(Grammar, EndingsVary) {
  std::map<char, int> n_ending;
  std::set<std::string> last_words;
  for (const TextRecord& record : full_draw()) {
    ++n_ending[record.text.back()];
    last_words.insert(words_of(record.text).back());
  }
  for (const char c : std::string_view(".?!:\")")) EXPECT_GT(n_ending[c], 1000) << c;
  EXPECT_LT(n_ending['.'], 0.65 * static_cast<double>(full_draw().size()));
  EXPECT_GT(last_words.size(), 1000U);
}

TEST(Grammar, TablesAreComplete) {
  const auto is_word = [](std::string_view w) {
    return !w.empty() && w.front() != ' ' && w.back() != ' ' &&
           w.find("  ") == std::string_view::npos &&
           std::string_view(".,;!?").find(w.back()) == std::string_view::npos;
  };
  for (const detail::Topic& topic : detail::scene_topics()) {
    const auto expect_words = [&](const auto& list) {
      std::set<std::string_view> distinct;
      for (const std::string_view word : list) {
        EXPECT_TRUE(is_word(word)) << topic.id << ": \"" << word << "\"";
        EXPECT_TRUE(distinct.insert(word).second) << topic.id << ": " << word << " twice";
      }
    };
    expect_words(topic.adjectives);
    expect_words(topic.handled);
    expect_words(topic.events);
    expect_words(topic.happenings);
    expect_words(topic.places);
    expect_words(topic.themes);
    expect_words(topic.remarks);
    expect_words(topic.complaints);
    for (const auto& happening : topic.happenings)
      EXPECT_TRUE(happening.starts_with("the ")) << happening;
    for (const auto* nouns : {topic.agents.data(), topic.things.data()}) {
      const std::size_t n =
          nouns == topic.agents.data() ? topic.agents.size() : topic.things.size();
      for (std::size_t i = 0; i < n; ++i)
        EXPECT_TRUE(is_word(nouns[i].singular) && is_word(nouns[i].plural));
    }
    std::set<std::string> deeds;
    for (const detail::Action& action : topic.actions) {
      expect_words(action.objects);
      EXPECT_TRUE(action.third.ends_with("s") && action.gerund.ends_with("ing")) << action.base;
      EXPECT_TRUE(is_word(action.base) && is_word(action.past) && is_word(action.participle))
          << topic.id;
      for (const auto& object : action.objects) {
        EXPECT_TRUE(deeds.insert(std::string(action.base) + " " + std::string(object)).second);
      }
    }
    for (const detail::Measure& measure : topic.measures) {
      EXPECT_TRUE(is_word(measure.name) && is_word(measure.unit));
      EXPECT_GT(measure.low, 1);  // units are plural
      // The low number comes from the lower third and the high one from the upper half.
      EXPECT_GT(measure.high, measure.low + 6);
    }
  }
}

TEST(Grammar, RisesRise) {
  for (const TextRecord& record : full_draw()) {
    if (!record.template_id.starts_with("rose_from/")) continue;
    const std::vector<std::string> words = words_of(record.text);
    const auto from = std::find(words.begin(), words.end(), "from");
    ASSERT_LT(from + 3, words.end());
    EXPECT_LT(std::stoi(from[1]), std::stoi(from[3])) << record.text;
  }
}

}  // namespace
}  // namespace gnomon
