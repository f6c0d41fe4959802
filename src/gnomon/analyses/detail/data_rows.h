// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "gnomon/activations/activations.h"
#include "gnomon/train/reporter_data.h"

namespace gnomon::detail {

// The texts of some rows of a reporter's data, each once, and where each stands among them.
struct TextsOfRows {
  std::vector<std::vector<TokenId>> ids;
  std::map<Index, Index> place;  // of a text of the data

  TextsOfRows(const ReporterData& data, std::span<const Index> rows) {
    for (const Index row : rows) {
      const Index text = data.text[static_cast<std::size_t>(row)];
      if (place.try_emplace(text, static_cast<Index>(ids.size())).second)
        ids.push_back(data.ids[static_cast<std::size_t>(text)]);
    }
  }
};

// What was read on these texts, at each row's own token, [n_row, width]. position[r] is the token
// of row r of the data, and every row's token was read.
template <class T>
Tensor<double> values_of_rows(const Activations<T>& read, const TextsOfRows& texts,
                              const ReporterData& data, std::span<const Index> rows,
                              const std::vector<Index>& position) {
  std::map<std::pair<Index, Index>, Index> row_at;
  for (Index r = 0; r < read.n_row(); ++r) {
    const auto i = static_cast<std::size_t>(r);
    row_at[{read.text[i], read.position[i]}] = r;
  }
  Tensor<double> values({static_cast<Index>(rows.size()), read.values.matrix().cols});
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto row = static_cast<std::size_t>(rows[i]);
    const Index from = row_at.at({texts.place.at(data.text[row]), position[row]});
    std::ranges::copy(read.values.matrix().row(from),
                      values.matrix().row(static_cast<Index>(i)).begin());
  }
  return values;
}

}  // namespace gnomon::detail
