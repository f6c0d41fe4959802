// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "gnomon/analyses/study.h"
#include "gnomon/base/random.h"

namespace gnomon::test {

// Rows without a model: what evaluations need of a study, and features whose relation to the
// activation is planted.
struct PlantedRows {
  StudyData data;
  std::vector<std::vector<TokenId>> ids;
  Tensor<double> features;  // [n_row, d] independent standard normal
};

// The activation is `signal` times a fixed combination of the features plus `noise` times an
// independent normal number, plus 20. Groups of one to three rows; 60 % train, 20 % val, 20 % test.
inline PlantedRows planted_rows(std::uint64_t seed, Index n_group, Index d, double signal,
                                double noise) {
  Random random(seed, "planted rows");
  PlantedRows rows;
  rows.data.target.at = {{HookKind::mlp_post, 0, 5}, {}};
  rows.data.config.n_layers = 1;
  rows.data.config.d_mlp = 32;
  std::vector<double> values;
  for (Index g = 0; g < n_group; ++g) {
    for (std::uint64_t k = random.below(3) + 1; k > 0; --k) {
      const auto text = static_cast<Index>(rows.ids.size());
      std::vector<TokenId>& ids = rows.ids.emplace_back(3 + random.below(9));
      for (TokenId& id : ids) id = static_cast<TokenId>(random.below(12));
      rows.data.text.push_back(text);
      rows.data.n_token.push_back(static_cast<Index>(ids.size()));
      rows.data.position.push_back(static_cast<Index>(ids.size()) - 1);
      rows.data.token.push_back(ids.back());
      rows.data.group.push_back(g);
      rows.data.part.push_back(g % 5 < 3 ? Part::train : g % 5 == 3 ? Part::val : Part::test);
      double sum = 0;
      for (Index c = 0; c < d; ++c) {
        values.push_back(random.normal());
        if (c % 2 == 0) sum += values.back();
      }
      rows.data.activation.push_back(20 + signal * sum + noise * random.normal());
    }
  }
  rows.features = Tensor<double>({static_cast<Index>(rows.ids.size()), d}, std::move(values));
  return rows;
}

}  // namespace gnomon::test
