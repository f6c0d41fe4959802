// SPDX-License-Identifier: Apache-2.0
#include "gnomon/text/detail/scenes.h"

namespace gnomon::detail {
namespace {

// Ids are part of template ids, which stand in run directories. Endings differ on purpose: what a
// model does at the last token depends on that token, and a set that always ends in "." would show
// one case.
constexpr Skeleton kSkeletons[] = {
    {"past_at_place", "^the {agent} {action.past} {place} {past}."},
    {"past_first", "^{past}, {a} {trait} {agent} {action.past} {place}."},
    {"name_did", "^{name} {action.past} {past}."},
    {"habit", "^most {agent.s} {action.base} {often}."},
    {"just_done", "^{name} has just {action.part}, and the {agent} has not even noticed."},
    {"two_at_once", "^{name} is {action.ing} {place} while {name2} is {action2.ing}."},
    {"passive", "^the {thing} was {handled} {past}, and nobody knows by whom."},
    {"when", "^when {event}, the {agent.s} {action.past} without a word."},
    {"because", "^{name} {action.past} because {event}."},
    {"although", "^although {event}, {name} {action.past} {place}."},
    {"relative_clause", "^the {agent} who {action.past} {past} is {name}'s {relative}."},
    {"cleft", "^it was {name} who {action.past}, not the {agent}!"},
    {"there_is", "^there is {a} {adj} {thing} {place}."},
    {"there_were", "^there were {few} {thing.s} {place}, and only one of them was {adj}."},
    {"rose_from",
     "^the {measure} rose from {measure.low} to {measure.high} {measure.unit} in {few} weeks."},
    {"record_line", "^{measure} {place}, {year}: {measure.low} {measure.unit}"},
    {"monthly_line",
     "^{measure}: {measure.low} {measure.unit} in {month}, {measure.high} {measure.unit} in "
     "{month2}."},
    {"preference", "^nobody preferred the {adj} {thing} to the {adj2} one."},
    {"not_only", "^not only did the {agent} {action.base}, but {name} also {action2.past}."},
    {"either_or",
     "^either the {agent} {action.third} {future}, or {name} will {action2.base} instead."},
    {"if_you", "^if you {action.base} {place}, remember to {action2.base} as well."},
    {"if_had_not",
     "^if {name} had not {action.part}, the {agent} would have {action2.part} instead."},
    {"gerund_subject", "^{action.ing} takes about {few} hours, or {few2} if the {agent} helps."},
    {"promised", "^{name} promised to {action.base} {future}, but nobody believed a word of it."},
    {"we_need", "^we need {few} {thing.s}, {few2} {thing2.s} and {a} {adj} {thing3}."},
    {"list_colon", "^things to bring: {few} {thing.s}, {number} {thing2.s}, one {thing3}"},
    {"numbered_steps", "1. ^{action.base} 2. ^{action2.base} 3. ^{action3.base}"},
    {"dated_event", "{day} {month} {year}: {event}"},
    {"in_year", "^in {year}, {number} {agent.s} {action.past} {place}."},
    {"headline_after", "^{agent.s} {action.base} after {happening}"},
    {"headline_town", "^{town} {agent} {action.third}, officials say"},
    {"headline_nominal", "^{few} {adj} {thing.s} {handled} in {town}"},
    {"headline_question", "^can {theme} save the {agent.s} of {town}?"},
    {"who", "^who {action.past} {past}?"},
    {"why", "^why did the {agent} {action.base} {place}?"},
    {"yet_or_still", "^has {name} {action.part} yet, or is {name.he} still {action2.ing}?"},
    {"tag_question", "^you {action.past} {past}, didn't you?"},
    {"which", "^which {thing} was {adj}, the one {place} or the one in {town}?"},
    {"how_many", "^how many {thing.s} did {name} see {place}?"},
    {"indirect_question", "^{name} asked whether the {agent.s} had {action.part}."},
    {"request", "^could you {action.base} before {weekday}, please?"},
    {"what_if", "^what would you do if {event} and {name} had to {action.base}?"},
    {"instruction", "^{action.base} {future}, and do not forget the {thing}."},
    {"warning", "^never {action.base} while the {agent.s} are {action2.ing}!"},
    {"what_a", "^what {a} {adj} {thing} {name} found {place}!"},
    {"look", "^look, {name}, {a} {adj} {thing}!"},
    {"quote_first", "\"^{remark},\" {said} {name}, {a} {agent} from {town}."},
    {"quote_last", "^{name} turned to the {agent} and {said}, \"^{remark}.\""},
    {"quoted_question", "\"^did you {action.base} {past}?\" the {agent} asked."},
    {"family_dialogue", "\"^{parent}, {complaint}.\" \"^then {action.base} {future}.\""},
    {"complaint_letter",
     "^i am writing to complain that {complaint}, although ^i spoke to the {agent} {past}."},
    {"complaint_again",
     "^this is the {ordinal} time this month that {complaint}, and nobody {place} seems to care!"},
    {"rating", "^{few} stars out of twelve: {adj} {thing}, {trait} {agent.s}"},
    {"short_letter",
     "^dear {name}, please {action.base} before {day} {month}. ^kind regards, {name2}"},
    {"see_page", "^the {thing} was {handled} again (see page {number})"},
    {"study", "^{name} and {name2} ({year}) asked {number} {agent.s} about {theme}."},
    {"matters", "^{theme} matters more than most {agent.s} in {town} think."},
    {"long_talk", "^the {agent} gave a long talk about {theme}, then {action.past}."},
    {"survey",
     "^about {percent}% of {agent.s} worry about {theme}, according to a survey in {town}."},
    {"open_and", "^{name} {action.past}, looked at the {thing} and"},
    {"open_because", "^the {agent.s} did not {action.base} because"},
    {"open_of", "^everyone {place} was talking about the {adj} {thing} and the price of"},
    {"open_is", "^my {relative}, who was {a} {agent}, always said that {theme} is"},
    {"open_colon", "^here is how {name} {action.past} {place}:"},
    {"but_then", "^{name} wanted to {action.base}, but then {event}..."},
    {"semicolons", "^{event}; {event2}; {name} simply {action.past}."},
    {"dashes", "^{happening} - the longest in {span} years - ended {past}."},
    {"diary", "{morning} meet {name} {place}; {afternoon} {action.base}"},
    {"chat", "ok {name}, just {action.past}, where are you"},
    {"long_while",
     "^while the {agent.s} were {action.ing}, {name}, who had {action2.part} {past}, decided to "
     "{action3.base} "
     "because the {adj} {thing} was no longer {adj2}."},
    {"long_according",
     "^according to {a} {agent} who has lived in {town} since {year}, {event}, and it took {few} "
     "{agent2.s} and a "
     "great deal of patience to {action.base}."},
    {"anyway", "^{event}. ^{name} {action.past} anyway."},
    {"neither_nor", "^neither {name} nor the {agent} has {action.part} since {month}."},
    {"so_that", "^the {thing} was so {adj} that the {agent.s} refused to {action.base}."},
    {"never_before", "^never before had {few} {agent.s} {action.part} on a single {weekday}."},
    {"place_first", "^{place}, {a} {adj} {thing} was waiting for {name}."},
    {"should_have", "^the {agent} should have {action.part} {span} days ago."},
    {"used_to", "^my {relative} used to {action.base} {often}, even in {month}."},
    {"no_no_just", "^no {thing.s}, no {thing2.s}, just {theme}."},
    {"caption", "^{happening}, {town}, {year}"},
    {"three_words", "^{few} {adj} {thing.s}"},
    {"counted", "^the {agent} counted the {thing.s} twice, and the answer was {number}"},
};

}  // namespace

std::span<const Skeleton> scene_skeletons() { return kSkeletons; }

}  // namespace gnomon::detail
