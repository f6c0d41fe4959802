// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "gnomon/base/random.h"

namespace gnomon::detail {

struct Noun {
  std::string_view singular;
  std::string_view plural;
};

// A verb and what it may be done to. Every action is something a person does on purpose, so that it
// also stands in requests and advice.
struct Action {
  std::string_view base;
  std::string_view third;
  std::string_view past;
  std::string_view participle;
  std::string_view gerund;
  std::array<std::string_view, 5> objects;
};

struct Measure {
  std::string_view name;  // no article
  std::string_view unit;  // follows a number above one
  int low;
  int high;
};

// The words of one topic. Within a topic everything goes with everything: each adjective fits each
// thing, each agent does each action at each place.
struct Topic {
  std::string_view id;
  std::array<Noun, 8> agents;
  std::array<Noun, 10> things;
  std::array<std::string_view, 8> adjectives;  // of things
  std::array<std::string_view, 6> handled;     // participles: what was done to a thing
  std::array<Action, 8> actions;
  std::array<std::string_view, 8> events;      // clauses in the past tense
  std::array<std::string_view, 6> happenings;  // noun phrases with an article, of some duration
  std::array<std::string_view, 8> places;      // prepositional phrases
  std::array<std::string_view, 6> themes;      // what one talks about: singular or uncountable
  std::array<Measure, 3> measures;
  std::array<std::string_view, 8> remarks;     // what someone says, as a clause
  std::array<std::string_view, 8> complaints;  // what is wrong, as a clause
};

// A sentence with slots. "{kind}" is replaced by a word of that kind, "{kind2}" by another one;
// ".form" picks an inflection. "{a}" is the article that fits the next word. "^" makes the next
// letter a capital one.
struct Skeleton {
  std::string_view id;
  std::string_view pattern;
};

std::span<const Topic> scene_topics();
std::span<const Skeleton> scene_skeletons();

// One text of the template, all words drawn at random.
std::string draw_scene(const Skeleton& skeleton, const Topic& topic, Random& random);

// Number of ways to choose the words of the template.
double count_derivations(const Skeleton& skeleton, const Topic& topic);

}  // namespace gnomon::detail
