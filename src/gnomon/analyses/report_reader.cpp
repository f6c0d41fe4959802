// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/report_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "gnomon/analyses/read_out.h"
#include "gnomon/train/option_names.h"

namespace gnomon {

template <class T>
ReportReader<T>::ReportReader(const ReportModel<T>& model, Index target)
    : reporter_(model.reporter()), target_(target) {
  const ModelConfig& config = model.model().config();
  SiteAt at = model.data().feature_site;
  if (reporter_.has_head()) {
    read_out_.site = at.site;
    if (at.site.coordinate) read_out_.columns = {*at.site.coordinate};
    read_out_.site.coordinate.reset();
  } else {
    at.site = {HookKind::logits, -1, std::nullopt};
    read_out_.site = at.site;
    for (const TokenId token : reporter_.tokens()) read_out_.columns.push_back(token);
  }
  site_width_ = site_width(read_out_.site.kind, config);
  name_ = site_at_name(at, config);
}

template <class T>
Index ReportReader<T>::width() const {
  return read_out_.columns.empty() ? site_width_ : static_cast<Index>(read_out_.columns.size());
}

template <class T>
std::string ReportReader<T>::definition() const {
  if (reporter_.has_head()) {
    return fmt::format("report of the {} head at {}, in units of the activation",
                       option_name(reporter_.options().kind), name_);
  }
  return fmt::format(
      "mean of the bins under the softmax over the {} tokens of the {} reporter, in units of the "
      "activation",
      reporter_.tokens().size(), option_name(reporter_.options().kind));
}

template <class T>
std::vector<double> ReportReader<T>::reports(MatrixView<const T> rows) const {
  Tensor<double> outputs({rows.rows, rows.cols});
  for (Index i = 0; i < rows.rows; ++i)
    std::ranges::copy(rows.row(i), outputs.matrix().row(i).begin());
  if (reporter_.has_head()) outputs = reporter_.head().forward(outputs.matrix());
  return column(reporter_.reports(outputs.matrix()).matrix(), target_);
}

template <class T>
std::vector<double> ReportReader<T>::gradient(std::span<const T> row) const {
  Tensor<double> features({1, static_cast<Index>(row.size())});
  std::ranges::copy(row, features.data());
  if (!reporter_.has_head()) return reporter_.report_gradient(features.values(), target_);
  const Tensor<double> gradient =
      head_gradients(reporter_, std::as_const(features).matrix(), target_);
  return {gradient.values().begin(), gradient.values().end()};
}

template <class T>
std::optional<std::vector<double>> ReportReader<T>::linear_weight() const {
  std::optional<LinearHead> head = linear_head(reporter_, target_);
  if (!head) return std::nullopt;
  return std::move(head->weight);
}

template class ReportReader<float>;
template class ReportReader<double>;

}  // namespace gnomon
