// SPDX-License-Identifier: Apache-2.0
// in: features or logits of some rows   out: reports in activation units, the loss and its gradient
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gnomon/targets/bin_code.h"
#include "gnomon/tokens/tokenizer.h"
#include "gnomon/train/report_head.h"
#include "gnomon/train/train_options.h"

namespace gnomon {

// What turns features, or the model's own next-token logits, into reports of one or several
// targets.
//
// A reporter has "outputs": for regression one number a target, the report in units of the training
// labels' standard deviation; for classification the K logits of each target's bins; for token
// reporters the logits of their K tokens. From outputs come the loss and, in the units of the
// activation, the report: what a regression gives, or the mean of the bins' means under the
// softmax.
class Reporter {
 public:
  // `labels` [n_train, n_target] of the training rows. Throws ArgumentError (bad_data) for a target
  // that does not vary on them, for more bins than distinct values, and for several targets with a
  // token reporter; (usage) for hidden layers that the kind does not have.
  static Reporter with_head(const ReporterOptions& options, MatrixView<const double> labels,
                            MatrixView<const double> training_features, Random random);
  // Throws ArgumentError also where a digit or word is not one token of the vocabulary, naming it.
  static Reporter with_tokens(const ReporterOptions& options, MatrixView<const double> labels,
                              const Tokenizer& tokenizer);

  // A reporter as it was stored.
  struct Parts {
    ReporterOptions options;
    Scaling labels;
    std::vector<BinCode> codes;
    std::optional<ReportHead> head;
    std::vector<TokenId> tokens;
    std::vector<std::string> words;
  };
  static Reporter from_parts(Parts parts);

  const ReporterOptions& options() const { return options_; }
  Index n_target() const { return n_target_; }
  // Outputs of one target.
  Index n_class() const;
  Index n_output() const { return n_target_ * n_class(); }
  bool has_head() const { return head_.has_value(); }
  bool uses_bins() const { return !codes_.empty(); }
  ReportHead& head() { return *head_; }
  const ReportHead& head() const { return *head_; }
  const std::vector<TokenId>& tokens() const { return tokens_; }  // of a token reporter's classes
  const std::vector<std::string>& words() const { return words_; }
  const std::vector<BinCode>& codes() const { return codes_; }  // one for each target
  const Scaling& labels() const { return labels_; }

  // Reports [n, n_target].
  Tensor<double> reports(MatrixView<const double> outputs) const;

  // The mean over rows and targets, and its gradient with respect to the outputs where the mean is
  // over `n_total` rows (the rows of a batch that is worked on in parts). Regression: half the
  // squared error in units of the training variance, so that the mean's loss is 1/2. Otherwise
  // cross-entropy in nats.
  struct Loss {
    std::vector<double> row;  // of each row, mean over targets
    Tensor<double> grad_output;
  };
  Loss loss(MatrixView<const double> outputs, MatrixView<const double> labels, Index n_total) const;

  // Class labels of one target's activations.
  std::vector<Index> classes(std::span<const double> activation, Index target) const;
  // The class with the largest output, [n], of one target.
  std::vector<Index> most_likely(MatrixView<const double> outputs, Index target) const;

  // d report / d outputs of one row and target: how the report's gradient at the feature site is
  // made of the outputs'.
  std::vector<double> report_gradient(std::span<const double> outputs, Index target) const;

  // The head at the ridge solution of the training rows, in place of its start; regression without
  // hidden layers. `groups` are those of cross-validation.
  void set_ridge(MatrixView<const double> features, MatrixView<const double> labels,
                 std::span<const Index> groups, std::uint64_t seed);

 private:
  Reporter() = default;

  ReporterOptions options_;
  Index n_target_ = 0;
  Scaling labels_;
  std::vector<BinCode> codes_;
  std::optional<ReportHead> head_;
  std::vector<TokenId> tokens_;
  std::vector<std::string> words_;
};

}  // namespace gnomon
