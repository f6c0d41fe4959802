// SPDX-License-Identifier: Apache-2.0
// in: a reporter   out: where its report is read, and how the row read there becomes the report
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gnomon/activations/patch.h"
#include "gnomon/train/report_model.h"

namespace gnomon {

// One target's report as a function of one row of the model: the features of a head, or the logits
// of a token reporter's tokens. In units of the activation whatever the reporter's kind.
template <class T>
class ReportReader {
 public:
  // The reporter must outlive it.
  ReportReader(const ReportModel<T>& model, Index target);

  const PatchReadOut& read_out() const { return read_out_; }
  Index width() const;                               // numbers in a row
  const std::string& name() const { return name_; }  // "blocks.3.hook_resid_post@last"
  std::string definition() const;

  // Reports [n] of rows [n, width].
  std::vector<double> reports(MatrixView<const T> rows) const;
  // d report / d row at this row.
  std::vector<double> gradient(std::span<const T> row) const;
  // Where report = weight · row + a constant: the weight. Else nothing.
  std::optional<std::vector<double>> linear_weight() const;

 private:
  const Reporter& reporter_;
  Index target_;
  Index site_width_;
  PatchReadOut read_out_;
  std::string name_;
};

}  // namespace gnomon
