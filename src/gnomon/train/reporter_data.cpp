// SPDX-License-Identifier: Apache-2.0
#include "gnomon/train/reporter_data.h"

#include <algorithm>

#include "gnomon/base/error.h"

namespace gnomon {

Index ReporterData::target_layer() const {
  Index layer = 0;
  for (const Target& target : targets) layer = std::max(layer, target.layer());
  return layer;
}

void resolve_feature_positions(ReporterData& data) {
  const Position& of_target = data.targets.front().at.position;
  const Position& of_feature = data.feature_site.position;
  const bool all = of_target.kind == Position::Kind::all;
  if (all != (of_feature.kind == Position::Kind::all)) {
    throw ArgumentError("the target is at " + position_name(of_target) +
                            " and the feature site at " + position_name(of_feature),
                        "give both @all, or both one position");
  }
  data.feature_position.clear();
  for (Index r = 0; r < data.n_row(); ++r) {
    const auto row = static_cast<std::size_t>(r);
    if (all) {
      data.feature_position.push_back(data.position[row]);
      continue;
    }
    const auto n_token =
        static_cast<Index>(data.ids[static_cast<std::size_t>(data.text[row])].size());
    data.feature_position.push_back(resolve_position(of_feature, n_token).front());
  }
}

Tensor<double> activation_rows(const ReporterData& data, const std::vector<Index>& rows) {
  const Index n_target = static_cast<Index>(data.targets.size());
  Tensor<double> result({static_cast<Index>(rows.size()), n_target});
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::ranges::copy(data.activation.matrix().row(rows[i]),
                      result.matrix().row(static_cast<Index>(i)).begin());
  }
  return result;
}

}  // namespace gnomon
