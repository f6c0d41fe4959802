// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/feature_rows.h"

#include <fmt/format.h>

#include <map>
#include <utility>

#include "gnomon/base/error.h"

namespace gnomon {
namespace {

template <class T>
Tensor<double> read_rows(const Model& model, const StudyTexts& texts, const StudyData& data,
                         const SiteAt& at, const RunOptions& options) {
  const std::vector<SiteAt> sites = {at};
  const Activations<T> read =
      std::move(capture<T>(model, texts.ids, sites, {}, options).activations[0]);
  std::map<std::pair<Index, Index>, Index> row_of;
  std::map<Index, Index> n_row_of_text;
  for (Index r = 0; r < read.n_row(); ++r) {
    const auto row = static_cast<std::size_t>(r);
    row_of[{read.text[row], read.position[row]}] = r;
    ++n_row_of_text[read.text[row]];
  }
  const auto find = [&](Index text, Index position) {
    // The only row of a text has the smallest position of that text.
    const auto found =
        n_row_of_text[text] == 1 ? row_of.lower_bound({text, 0}) : row_of.find({text, position});
    if (found == row_of.end()) {
      throw ArgumentError(
          ErrorCode::wrong_site,
          fmt::format("feature_rows: {} has no row for token {} of text {}, expected the positions "
                      "of the target or one position of each text",
                      site_at_name(at, data.config), position, text),
          "read the features at the target's position, or at @last");
    }
    return found->second;
  };
  Tensor<double> rows({data.n_row(), read.values.matrix().cols});
  for (Index r = 0; r < data.n_row(); ++r) {
    const auto row = static_cast<std::size_t>(r);
    const auto from = read.values.matrix().row(find(data.text[row], data.position[row]));
    std::copy(from.begin(), from.end(), rows.matrix().row(r).begin());
  }
  return rows;
}

}  // namespace

Tensor<double> feature_rows(const Model& model, const StudyTexts& texts, const StudyData& data,
                            const SiteAt& at, const RunOptions& options) {
  return data.precision == Precision::float32 ? read_rows<float>(model, texts, data, at, options)
                                              : read_rows<double>(model, texts, data, at, options);
}

}  // namespace gnomon
