// SPDX-License-Identifier: Apache-2.0
// in: a model and some texts   out: every identity that the reported numbers rest on, measured
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gnomon/analyses/audit_ladder.h"
#include "gnomon/analyses/study.h"

namespace gnomon {

enum class CheckStatus { pass, fail, skip };
std::string_view check_status_name(CheckStatus status);

// One identity: the largest error that was measured, and what it must not exceed.
struct CheckResult {
  std::string id;     // "I1", stable
  std::string title;  // the equation
  CheckStatus status = CheckStatus::skip;
  std::optional<double> value;
  std::optional<double> tolerance;
  std::string why;  // what value and tolerance are in, or why the check was skipped
};

CheckResult make_check(std::string id, std::string title, double value, double tolerance,
                       std::string why);

// The identities of the target's block, of the whole residual stream and of hooks, on the texts
// given: every token, every neuron, in the precision of the study. Errors are fractions of the
// bound that rounding obeys (rounding.h), so that 1 is the limit whatever the sizes; bitwise checks
// count differing numbers.
std::vector<CheckResult> check_identities(const Model& model, const Target& target,
                                          std::span<const std::vector<TokenId>> texts,
                                          Precision precision);

// The study's own numbers: the stored activation measured again, one text at a time; the neuron
// computed from the captured stream; the float32 activation against float64; the split; and the
// ladders.
std::vector<CheckResult> check_study(const Model& model, const StudyTexts& texts,
                                     const StudyData& data, std::span<const Index> sample_texts,
                                     std::span<const Ladder> ladders);

}  // namespace gnomon
