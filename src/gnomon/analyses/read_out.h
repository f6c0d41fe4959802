// SPDX-License-Identifier: Apache-2.0
// in: a reporter and its model   out: what the report reads of the residual stream, row by row
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gnomon/activations/capture.h"
#include "gnomon/analyses/audit_ladder.h"
#include "gnomon/directions/direction.h"
#include "gnomon/train/report_model.h"

namespace gnomon {

// Whether numbers at the site are those of the residual stream as the checkpoint has it: the space
// in which neurons write. The output of a norm is another space.
bool is_stream_site(const Site& site);

// The head as one vector in units of the activation, whatever the row: regression without hidden
// layers. Nothing for other reporters.
//   report of `target` = weight · feature + bias
std::optional<LinearHead> linear_head(const Reporter& reporter, Index target);

// d report / d feature [n_row, n_feature] of a reporter with a head, in units of the activation per
// unit of the feature: the head's weights where it is linear, else its exact gradient at each row.
// For bins the report is their mean under the softmax. Throws InternalError for a token reporter.
Tensor<double> head_gradients(const Reporter& reporter, MatrixView<const double> features,
                              Index target);

// At which token of a row's text a gradient is asked for: where the head reads (or whose logits
// report), or that of the targets.
enum class ReadOutToken { feature, target };

// d report / d stream [n_row, d_model]: the exact gradient of each row's own report of `target`, in
// units of the activation, with respect to the numbers at `site` and the row's token, through
// everything that lies between. Zero where the report cannot depend on that token.
//
// Rows of one text are worked on one after the other, so that none receives another's gradient.
// Throws ArgumentError (wrong_site) where `site` is no residual stream, or lies after the site that
// the report is read from.
template <class T>
Tensor<double> report_gradients(const ReportModel<T>& model, Index target, const Site& site,
                                ReadOutToken token, std::span<const Index> rows,
                                const RunOptions& options);

// What a report reads at one site of the stream.
struct ReadOut {
  Site site;
  ReadOutToken token = ReadOutToken::feature;
  std::string origin;                 // "head weights", "gradient of the report", ...
  bool constant = false;              // one vector for every row: a linear head at its own site
  std::vector<Index> rows;            // of ReporterData
  Tensor<double> gradient;            // [n_row, d_model], or [1, d_model] where constant
  std::vector<double> mean;           // [d_model], over rows
  std::optional<double> resultant;    // |mean of g / |g||, 1: the same direction for every row
  std::optional<double> mean_cosine;  // of g with the mean, over rows whose g is not 0
  std::optional<double> spread;       // sqrt(mean |g - mean|²) / |mean|
  Index n_zero = 0;                   // rows whose gradient is 0

  double length() const { return norm(mean); }
};

// The read-out of `target` at the site where the head reads; of a token reporter, whose features
// are logits, at data().feature_site. Throws ArgumentError (wrong_site) where that is no residual
// stream, and as report_gradients.
template <class T>
ReadOut read_out_at_feature(const ReportModel<T>& model, Index target, std::span<const Index> rows,
                            const RunOptions& options);

// The read-out of `target` at `site` and the target's token. Throws as report_gradients.
template <class T>
ReadOut read_out_at(const ReportModel<T>& model, Index target, const Site& site,
                    std::span<const Index> rows, const RunOptions& options);

// Mean, resultant, cosine and spread of `gradient`.
void summarise(ReadOut& read_out);

}  // namespace gnomon
