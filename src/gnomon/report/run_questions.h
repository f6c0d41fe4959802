// SPDX-License-Identifier: Apache-2.0
// in: a run with projections   out: answers to what people ask about such numbers
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gnomon/report/run_values.h"

namespace gnomon {

// Questions that the author of the original study asked about its projections, and the one behind
// them. Names are stable: `gnomon explain RUN --question NAME`.
struct RunQuestion {
  std::string_view name;      // "why-not-1"
  std::string_view question;  // as it is asked
};
std::span<const RunQuestion> run_questions();

// A part of an answer: a label such as a direction's name, which may be empty, and text.
struct AnswerLine {
  std::string label;
  std::string text;
};

// The answer for this run, with its sites, formulas and numbers. Throws ArgumentError, with the
// names there are, for another name; FileError where the run has no projections or a file was
// changed.
std::vector<AnswerLine> run_answer(const RunValues& values, std::string_view name);

// Questions and answers for a terminal, at most 80 columns.
std::string run_answer_text(const RunValues& values, std::string_view name);

}  // namespace gnomon
