// SPDX-License-Identifier: Apache-2.0
// in: what was measured of a reporter   out: which account of its reports the figures support
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gnomon/analyses/activation_drift.h"
#include "gnomon/analyses/direction_patch.h"
#include "gnomon/analyses/patch_study.h"
#include "gnomon/analyses/reporter_evaluation.h"
#include "gnomon/analyses/weights_analysis.h"

namespace gnomon {

// See docs/methods/verdict.md. Accounts of what a report is, stored by these names.
//   models_map   H1: it computes the activation from other things in the stream; the neuron could
//                be anything
//   reads_input  H2: it reads the direction that the neuron itself reads
//   reads_write  H3: it reads what the neuron writes
//   regularised  H4: training made the neuron easy to report
enum class Account { models_map, reads_input, reads_write, regularised };
inline constexpr std::array kAccounts = {Account::models_map, Account::reads_input,
                                         Account::reads_write, Account::regularised};
std::string_view account_name(Account account);
std::string_view account_statement(Account account);

// What a piece of evidence says of an account. Stored by these names.
//   silent     nothing, whatever comes out
//   undecided  it could have said something; the figures leave it open
enum class Reading { supports, contradicts, undecided, silent };
std::string_view reading_name(Reading reading);

struct Evidence {
  std::string id;        // "V1", stable
  std::string question;  // "Does the report follow when the neuron is written into?"
  std::string figure;    // what was found, with its interval
  // Of kAccounts, in their order.
  std::array<Reading, kAccounts.size()> readings = {Reading::silent, Reading::silent,
                                                    Reading::silent, Reading::silent};

  Reading& of(Account account) { return readings[static_cast<std::size_t>(account)]; }
  Reading of(Account account) const { return readings[static_cast<std::size_t>(account)]; }
};

struct AccountVerdict {
  Account account = Account::models_map;
  Reading outcome = Reading::undecided;  // never silent
  std::vector<std::string> because;      // ids of the evidence that the outcome rests on
  std::string decide;                    // what would decide it, where it is undecided
};

// Why the neuron was not written into.
//   unreachable  the report is computed before the neuron, or at an earlier token: its gain is 0
//   constant     the neuron does not vary in the trained model: there is no range to vary it over
enum class NoPatch { unreachable, constant };

struct VerdictInputs {
  const ReporterEvaluation& evaluation;
  const ActivationDrift& drift;
  const WeightsAnalysis& weights;
  // Nothing where the neuron was not written into; then `no_patch` and `why_no_patch`.
  std::optional<PatchStudy> patch;
  NoPatch no_patch = NoPatch::constant;
  std::string why_no_patch;
  // Nothing where the target reads no direction; then `why_no_direction`.
  std::optional<DirectionPatch> direction;
  std::string why_no_direction;
};

struct Verdict {
  std::string target;
  std::vector<Evidence> evidence;
  std::vector<AccountVerdict> accounts;  // of kAccounts
  // The causal gain with its interval: the share of the report that is the neuron's own doing,
  // where several accounts hold. 0 without an interval where the report cannot depend on the
  // neuron, empty where the neuron is constant; why_undefined says so.
  BootstrapInterval gain;
};

// The accounts by their decisive evidence; the rest stands beside it and decides nothing.
//
//   reads_write   the causal gain (E2): supported where its interval lies above 0 and the gain is
//                 beyond the controls' (p at most 0.05, or none to be had), contradicted where the
//                 report does not follow (GainVerdict::no_effect) or follows the wrong way; a gain
//                 within the margin that is neither 0 nor what the controls have leaves it open
//   reads_input   the gain along the read direction with the neuron held (E5): supported where its
//                 interval lies above 0 and it is beyond random directions' (p at most 0.05),
//                 contradicted where the interval lies within ± margin
//   models_map    supported where the report beats every floor (E1), does not follow the neuron
//                 (E2) and E5 does not support reads_input; contradicted where it follows with
//                 gain 1
//   regularised   the spread of the activation (E8): supported where it collapsed, contradicted
//                 where it was kept or grew, or the target could not move
//
// A report that is computed before the neuron has gain 0 (NoPatch::unreachable). Of a neuron that
// is constant nothing can be said but that it is: E2 and E5 are open.
//
// No rule takes a p-value above 0.05 for the absence of an effect.
Verdict judge(const VerdictInputs& inputs);

}  // namespace gnomon
