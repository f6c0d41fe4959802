// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "gnomon/analyses/data_set.h"
#include "gnomon/train/reporter_data.h"
#include "support/tiny_model.h"

namespace gnomon::test {

// Short texts of a tiny model of three blocks with a target, as a reporter's data.
struct Reported {
  const Model& base;
  DataSet data;
  std::shared_ptr<ReporterData> rows;
};

inline Reported reported(TinyFamily family, const std::string& target, const Site& feature,
                         Index n_text = 150) {
  const Model& base = test::tiny_model(family, 3);
  DataSetOptions options;
  options.seed = 5;
  options.near.reset();
  options.precision = Precision::float64;
  Reported result{
      base,
      build_data_set(base, {make_target(parse_site(target, base.config()), base.config())},
                     test::short_texts(n_text, 3), options),
      std::make_shared<ReporterData>()};
  ReporterData& rows = *result.rows;
  const DataSet& data = result.data;
  rows.ids = data.texts.ids;
  rows.targets = data.targets;
  rows.feature_site = {feature, {Position::Kind::last, -1}};
  rows.text = data.text;
  rows.position = data.position;
  for (Index row = 0; row < data.n_row(); ++row) {
    rows.group.push_back(data.group(row));
    rows.part.push_back(data.part(row));
  }
  rows.activation = data.activation;
  resolve_feature_positions(rows);
  return result;
}

}  // namespace gnomon::test
