// SPDX-License-Identifier: Apache-2.0
#include "gnomon/text/detail/scenes.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "gnomon/base/error.h"

namespace gnomon::detail {
namespace {

struct Person {
  std::string_view name;
  std::string_view he;
};

constexpr Person kPersons[] = {
    {"Maria", "she"}, {"Tom", "he"},    {"Aisha", "she"},  {"Daniel", "he"}, {"Ingrid", "she"},
    {"Luca", "he"},   {"Mei", "she"},   {"Omar", "he"},    {"Priya", "she"}, {"Jack", "he"},
    {"Elena", "she"}, {"Samuel", "he"}, {"Fatima", "she"}, {"Henrik", "he"}, {"Grace", "she"},
    {"Mateo", "he"},  {"Yuki", "she"},  {"Peter", "he"},   {"Leila", "she"}, {"Oscar", "he"},
    {"Nora", "she"},  {"Kwame", "he"},  {"Sofia", "she"},  {"Ben", "he"},
};
constexpr std::string_view kTraits[] = {
    "young",       "retired",   "tired",   "local",    "cheerful", "nervous",
    "experienced", "impatient", "elderly", "friendly", "quiet",    "talkative",
};
constexpr std::string_view kPast[] = {
    "yesterday",
    "last night",
    "last Tuesday",
    "on Friday",
    "two days ago",
    "last week",
    "earlier this month",
    "this morning",
    "three years ago",
    "on Sunday evening",
    "at dawn",
    "at noon",
    "last summer",
    "just before midnight",
    "on the first of May",
    "a week ago",
    "over the weekend",
    "late last year",
    "on Monday morning",
    "shortly after lunch",
};
constexpr std::string_view kFuture[] = {
    "tomorrow",
    "next week",
    "on Thursday",
    "before noon",
    "after lunch",
    "by Friday",
    "next Monday",
    "later today",
    "in the morning",
    "this evening",
    "before the end of the month",
    "at six o'clock",
};
constexpr std::string_view kOften[] = {
    "every morning",   "twice a week",    "on weekdays", "before breakfast", "once a month",
    "every other day", "in the evenings", "at weekends", "all year round",   "most afternoons",
};
constexpr std::string_view kRelatives[] = {
    "uncle",   "aunt",      "grandmother", "grandfather", "sister",
    "brother", "neighbour", "cousin",      "mother",      "father",
};
constexpr std::string_view kParents[] = {"mum", "dad", "grandma", "grandpa"};
constexpr std::string_view kSaid[] = {"said",      "whispered", "shouted",
                                      "explained", "repeated",  "announced"};
constexpr std::string_view kOrdinals[] = {"second", "third", "fourth", "fifth", "sixth", "tenth"};
constexpr std::string_view kFew[] = {
    "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
};
constexpr std::string_view kTowns[] = {
    "Lisbon", "Leeds",  "Oslo",    "Nairobi", "Kyoto",   "Boston", "Lima",
    "Cairo",  "Dublin", "Toronto", "Prague",  "Seville", "Hanoi",  "Glasgow",
    "Tunis",  "Quito",  "Vienna",  "Mumbai",  "Perth",   "Bergen",
};
constexpr std::string_view kWeekdays[] = {
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
};
constexpr std::string_view kMonths[] = {
    "January", "February", "March",     "April",   "May",      "June",
    "July",    "August",   "September", "October", "November", "December",
};

using Count = std::size_t (*)(const Topic&);

struct SlotKind {
  std::string_view name;
  Count n_options;  // slots of one kind in one text get different options
  Count n_details;  // further choices within an option: an action's object, a measure's two numbers
  std::string (*render)(const Topic&, std::size_t option, std::size_t detail,
                        std::string_view form);
};

[[noreturn]] void refuse_form(std::string_view kind, std::string_view form) {
  throw InternalError(fmt::format("draw_scene: the slot \"{}\" has no form \"{}\"", kind, form));
}

std::string noun_form(const Noun& noun, std::string_view form) {
  if (form.empty()) return std::string(noun.singular);
  if (form == "s") return std::string(noun.plural);
  refuse_form("noun", form);
}

std::string action_form(const Action& action, std::size_t object, std::string_view form) {
  const auto with_object = [&](std::string_view verb) {
    return fmt::format("{} {}", verb, action.objects[object]);
  };
  if (form == "base") return with_object(action.base);
  if (form == "third") return with_object(action.third);
  if (form == "past") return with_object(action.past);
  if (form == "part") return with_object(action.participle);
  if (form == "ing") return with_object(action.gerund);
  refuse_form("action", form);
}

// The two numbers of a measure: the lower third of its range, and the upper two.
constexpr std::size_t kMeasureSteps = 8;

std::string measure_form(const Measure& measure, std::size_t detail, std::string_view form) {
  if (form.empty()) return std::string(measure.name);
  if (form == "unit") return std::string(measure.unit);
  const int range = measure.high - measure.low;
  const int low_step = static_cast<int>(detail % kMeasureSteps);
  const int high_step = static_cast<int>(detail / kMeasureSteps);
  constexpr int kSteps = static_cast<int>(kMeasureSteps);
  if (form == "low") return std::to_string(measure.low + range * low_step / (3 * kSteps));
  if (form == "high") return std::to_string(measure.high - range * high_step / (2 * kSteps));
  refuse_form("measure", form);
}

std::size_t one(const Topic&) { return 1; }

template <auto Member>
std::size_t size_of(const Topic& topic) {
  return (topic.*Member).size();
}

template <auto Member>
std::string plain_of(const Topic& topic, std::size_t i, std::size_t, std::string_view) {
  return std::string((topic.*Member)[i]);
}

template <auto Member>
std::string noun_of(const Topic& topic, std::size_t i, std::size_t, std::string_view form) {
  return noun_form((topic.*Member)[i], form);
}

template <const auto& List>
std::size_t size_of_list(const Topic&) {
  return std::size(List);
}

template <const auto& List>
std::string word_of_list(const Topic&, std::size_t i, std::size_t, std::string_view) {
  return std::string(List[i]);
}

template <const auto& List>
constexpr SlotKind list_kind(std::string_view name) {
  return {name, size_of_list<List>, one, word_of_list<List>};
}

template <auto Member>
constexpr SlotKind topic_kind(std::string_view name) {
  return {name, size_of<Member>, one, plain_of<Member>};
}

// `First` to `First + N - 1`.
template <std::size_t First, std::size_t N>
constexpr SlotKind number_kind(std::string_view name) {
  return {name, [](const Topic&) { return N; }, one,
          [](const Topic&, std::size_t i, std::size_t, std::string_view) {
            return std::to_string(First + i);
          }};
}

// Every quarter of an hour of `N` hours from `FirstHour` on.
template <std::size_t FirstHour, std::size_t N>
constexpr SlotKind clock_kind(std::string_view name) {
  return {name, [](const Topic&) { return 4 * N; }, one,
          [](const Topic&, std::size_t i, std::size_t, std::string_view) {
            return fmt::format("{:02}:{:02}", FirstHour + i / 4, i % 4 * 15);
          }};
}

const SlotKind kKinds[] = {
    {"agent", size_of<&Topic::agents>, one, noun_of<&Topic::agents>},
    {"thing", size_of<&Topic::things>, one, noun_of<&Topic::things>},
    topic_kind<&Topic::adjectives>("adj"),
    topic_kind<&Topic::handled>("handled"),
    {"action", size_of<&Topic::actions>, [](const Topic& t) { return t.actions[0].objects.size(); },
     [](const Topic& t, std::size_t i, std::size_t object, std::string_view form) {
       return action_form(t.actions[i], object, form);
     }},
    topic_kind<&Topic::events>("event"),
    topic_kind<&Topic::happenings>("happening"),
    topic_kind<&Topic::places>("place"),
    topic_kind<&Topic::themes>("theme"),
    {"measure", size_of<&Topic::measures>,
     [](const Topic&) { return kMeasureSteps * kMeasureSteps; },
     [](const Topic& t, std::size_t i, std::size_t detail, std::string_view form) {
       return measure_form(t.measures[i], detail, form);
     }},
    topic_kind<&Topic::remarks>("remark"),
    topic_kind<&Topic::complaints>("complaint"),
    {"name", [](const Topic&) { return std::size(kPersons); }, one,
     [](const Topic&, std::size_t i, std::size_t, std::string_view form) {
       return std::string(form == "he" ? kPersons[i].he : kPersons[i].name);
     }},
    list_kind<kTraits>("trait"),
    list_kind<kPast>("past"),
    list_kind<kFuture>("future"),
    list_kind<kOften>("often"),
    list_kind<kRelatives>("relative"),
    list_kind<kParents>("parent"),
    list_kind<kSaid>("said"),
    list_kind<kOrdinals>("ordinal"),
    list_kind<kFew>("few"),
    list_kind<kTowns>("town"),
    list_kind<kWeekdays>("weekday"),
    list_kind<kMonths>("month"),
    number_kind<13, 468>("number"),
    number_kind<5, 91>("percent"),
    number_kind<4, 60>("span"),
    number_kind<1962, 62>("year"),
    number_kind<1, 28>("day"),
    clock_kind<7, 5>("morning"),
    clock_kind<13, 7>("afternoon"),
};

struct Slot {
  std::string_view kind;
  int ordinal = 1;
  std::string_view form;
};

Slot parse_slot(std::string_view inside) {
  Slot slot;
  const std::size_t dot = std::min(inside.find('.'), inside.size());
  if (dot < inside.size()) slot.form = inside.substr(dot + 1);
  slot.kind = inside.substr(0, dot);
  if (!slot.kind.empty() && slot.kind.back() >= '2' && slot.kind.back() <= '9') {
    slot.ordinal = slot.kind.back() - '0';
    slot.kind.remove_suffix(1);
  }
  return slot;
}

const SlotKind& find_kind(std::string_view name) {
  for (const SlotKind& kind : kKinds) {
    if (kind.name == name) return kind;
  }
  throw InternalError(fmt::format("draw_scene: no slot kind \"{}\"", name));
}

// Calls `literal` with the text between slots and `slot` with each slot.
template <class OnLiteral, class OnSlot>
void walk_pattern(std::string_view pattern, OnLiteral literal, OnSlot slot) {
  while (!pattern.empty()) {
    const std::size_t open = std::min(pattern.find('{'), pattern.size());
    if (open > 0) literal(pattern.substr(0, open));
    pattern.remove_prefix(open);
    if (pattern.empty()) return;
    const std::size_t close = pattern.find('}');
    if (close == std::string_view::npos) throw InternalError("draw_scene: a slot is never closed");
    slot(parse_slot(pattern.substr(1, close - 1)));
    pattern.remove_prefix(close + 1);
  }
}

// The article goes by sound. The first letter tells it for all words of the tables but these.
bool takes_an(std::string_view word) {
  for (const std::string_view consonant_sound : {"use", "unique", "uniform", "union", "univers"}) {
    if (word.starts_with(consonant_sound)) return false;
  }
  return word.starts_with("hour") || word.starts_with("honest") ||
         std::string_view("aeiouAEIOU").find(word.front()) != std::string_view::npos;
}

class Picks {
 public:
  struct Pick {
    std::string_view kind;
    int ordinal;
    std::size_t option;
    std::size_t detail;
  };

  const Pick* find(const Slot& slot) const {
    for (const Pick& pick : picks_) {
      if (pick.kind == slot.kind && pick.ordinal == slot.ordinal) return &pick;
    }
    return nullptr;
  }

  std::size_t count(std::string_view kind) const {
    return static_cast<std::size_t>(std::count_if(
        picks_.begin(), picks_.end(), [kind](const Pick& pick) { return pick.kind == kind; }));
  }

  bool taken(std::string_view kind, std::size_t option) const {
    return std::any_of(picks_.begin(), picks_.end(), [&](const Pick& pick) {
      return pick.kind == kind && pick.option == option;
    });
  }

  const Pick& add(const Pick& pick) { return picks_.emplace_back(pick); }

 private:
  std::vector<Pick> picks_;
};

// Text that is being written, with an article and a capital letter that wait for the next word.
class Writer {
 public:
  void literal(std::string_view text) {
    for (const char c : text) {
      if (c == '^') {
        capital_ = true;
      } else {
        put(c);
      }
    }
  }

  void article() { article_at_ = text_.size(); }

  void word(std::string_view word) {
    if (article_at_ != std::string::npos) {
      // The pattern has a space between the article and its word, which is already written.
      text_.insert(article_at_, takes_an(word) ? "an" : "a");
      article_at_ = std::string::npos;
    }
    for (const char c : word) put(c);
  }

  std::string take() && { return std::move(text_); }

 private:
  void put(char c) {
    const bool lower = c >= 'a' && c <= 'z';
    if (capital_ && lower) c = static_cast<char>(c - 'a' + 'A');
    const bool upper = c >= 'A' && c <= 'Z';
    if (lower || upper || (c >= '0' && c <= '9')) capital_ = false;
    text_ += c;
  }

  std::string text_;
  bool capital_ = false;
  std::size_t article_at_ = std::string::npos;
};

}  // namespace

std::string draw_scene(const Skeleton& skeleton, const Topic& topic, Random& random) {
  Picks picks;
  Writer writer;
  const auto pick_for = [&](const Slot& slot, const SlotKind& kind) -> Picks::Pick {
    if (const Picks::Pick* earlier = picks.find(slot)) return *earlier;
    std::size_t option = 0;
    do {
      option = random.below(kind.n_options(topic));
    } while (picks.taken(slot.kind, option));
    return picks.add({slot.kind, slot.ordinal, option, random.below(kind.n_details(topic))});
  };
  walk_pattern(
      skeleton.pattern, [&](std::string_view literal) { writer.literal(literal); },
      [&](const Slot& slot) {
        if (slot.kind == "a") return writer.article();
        const SlotKind& kind = find_kind(slot.kind);
        const Picks::Pick pick = pick_for(slot, kind);
        writer.word(kind.render(topic, pick.option, pick.detail, slot.form));
      });
  return std::move(writer).take();
}

double count_derivations(const Skeleton& skeleton, const Topic& topic) {
  Picks picks;
  double n = 1;
  walk_pattern(
      skeleton.pattern, [](std::string_view) {},
      [&](const Slot& slot) {
        if (slot.kind == "a" || picks.find(slot) != nullptr) return;
        const SlotKind& kind = find_kind(slot.kind);
        n *= static_cast<double>((kind.n_options(topic) - picks.count(slot.kind)) *
                                 kind.n_details(topic));
        picks.add({slot.kind, slot.ordinal, 0, 0});
      });
  return n;
}

}  // namespace gnomon::detail
