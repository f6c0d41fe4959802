// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/selectivity.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "analyses/planted_rows.h"
#include "gnomon/base/error.h"

namespace gnomon::test {
namespace {

struct Parts {
  std::vector<Index> training;
  std::vector<Index> scored;
};

Parts parts_of(const PlantedRows& rows) {
  return {rows.data.rows_of(Part::train), rows.data.rows_of(Part::test)};
}

Selectivity selectivity_of(const PlantedRows& rows, std::uint64_t seed) {
  const Parts parts = parts_of(rows);
  const ProbeRows probe_rows{rows.data.group, parts.training, parts.scored};
  const ControlTask task = control_task(rows.data.token, rows.data.activation, probe_rows, seed);
  const std::vector<std::span<const double>> labels = {rows.data.activation, task.label};
  const std::vector<Probe> probes =
      fit_probes(rows.features.matrix(), labels, probe_rows, {.seed = seed});
  return measure_selectivity(rows.features.matrix(), rows.data.activation, task, probes[0],
                             probes[1], probe_rows, {{}, seed}, {.n_bootstrap = 500});
}

// Features that say which token stands there.
void make_one_hot(PlantedRows& rows) {
  rows.features = Tensor<double>({rows.data.n_row(), 12});
  for (Index r = 0; r < rows.data.n_row(); ++r)
    rows.features.matrix()(r, rows.data.token[static_cast<std::size_t>(r)]) = 1;
}

TEST(ControlTaskTest, AValueForEveryTokenFromTheTrainingActivations) {
  const PlantedRows rows = planted_rows(1, 80, 3, 1, 1);
  const Parts parts = parts_of(rows);
  const ControlTask task = control_task(rows.data.token, rows.data.activation,
                                        {rows.data.group, parts.training, parts.scored}, 5);
  const std::vector<double> drawn_from = take(rows.data.activation, parts.training);
  const std::set<double> known(drawn_from.begin(), drawn_from.end());
  std::map<TokenId, double> value_of;
  for (std::size_t r = 0; r < task.label.size(); ++r) {
    EXPECT_EQ(value_of.try_emplace(rows.data.token[r], task.label[r]).first->second, task.label[r]);
    EXPECT_TRUE(known.contains(task.label[r]));
  }
  EXPECT_EQ(task.n_type, std::ssize(value_of));
  EXPECT_EQ(task.n_type, 12);
  EXPECT_EQ(task.unseen_share, 0);
}

TEST(ControlTaskTest, CountsTokensThatTrainingDoesNotHave) {
  PlantedRows rows = planted_rows(2, 60, 3, 1, 1);
  const Parts parts = parts_of(rows);
  for (std::size_t i = 0; i < parts.scored.size(); i += 2)
    rows.data.token[static_cast<std::size_t>(parts.scored[i])] = 99;
  const ControlTask task = control_task(rows.data.token, rows.data.activation,
                                        {rows.data.group, parts.training, parts.scored}, 5);
  const auto n = static_cast<double>(parts.scored.size());
  EXPECT_NEAR(task.unseen_share, static_cast<double>((parts.scored.size() + 1) / 2) / n, 1e-15);
}

// Features that carry the activation and nothing about tokens.
TEST(SelectivityTest, HighWhereFeaturesCarryTheActivation) {
  const Selectivity selectivity = selectivity_of(planted_rows(3, 250, 6, 1, 0.3), 1);
  EXPECT_GT(*selectivity.real.r2_identity, 0.9);
  EXPECT_LT(*selectivity.control.r2_identity, 0.1);
  EXPECT_NEAR(*selectivity.difference.estimate,
              *selectivity.real.r2_identity - *selectivity.control.r2_identity, 1e-12);
  EXPECT_GT(selectivity.difference.interval->ci_low, 0.7);
  EXPECT_LT(selectivity.real_code.bits_per_row, selectivity.control_code.bits_per_row - 0.5);
}

// A probe that knows the token reads any value of it: the activation, where that follows the token,
// and the control task as well.
TEST(SelectivityTest, NoneWhereFeaturesAreTheToken) {
  PlantedRows rows = planted_rows(4, 250, 6, 0, 0);
  make_one_hot(rows);
  for (std::size_t r = 0; r < rows.data.activation.size(); ++r)
    rows.data.activation[r] = static_cast<double>((5 * rows.data.token[r]) % 12);
  const Selectivity selectivity = selectivity_of(rows, 2);
  EXPECT_GT(*selectivity.real.r2_identity, 0.98);
  EXPECT_GT(*selectivity.control.r2_identity, 0.98);
  EXPECT_NEAR(*selectivity.difference.estimate, 0, 0.02);
}

TEST(SelectivityTest, OneTokenHasNoControlTask) {
  PlantedRows rows = planted_rows(5, 60, 4, 1, 0.3);
  rows.data.token.assign(rows.data.token.size(), 3);
  const Selectivity selectivity = selectivity_of(rows, 2);
  EXPECT_EQ(selectivity.n_type, 1);
  EXPECT_TRUE(selectivity.real.r2_identity);
  EXPECT_FALSE(selectivity.control.r2_identity);
  EXPECT_FALSE(selectivity.control.why.empty());
  EXPECT_FALSE(selectivity.difference.estimate);
  EXPECT_EQ(selectivity.difference.why_undefined, "a truth is constant");
  EXPECT_EQ(selectivity.control_code.why, "the labels are constant");
}

TEST(ControlTaskTest, RefusesBadInput) {
  const PlantedRows rows = planted_rows(6, 20, 2, 1, 1);
  const Parts parts = parts_of(rows);
  EXPECT_THROW(control_task(std::vector<TokenId>{1}, rows.data.activation,
                            {rows.data.group, parts.training, parts.scored}, 1),
               ShapeError);
  EXPECT_THROW(
      control_task(rows.data.token, rows.data.activation, {rows.data.group, {}, parts.scored}, 1),
      ArgumentError);
}

}  // namespace
}  // namespace gnomon::test
