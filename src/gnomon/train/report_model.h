// SPDX-License-Identifier: Apache-2.0
// in: a model, a reporter and texts   out: reports, losses and their gradients, by one forward pass
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "gnomon/activations/capture.h"
#include "gnomon/model/backward.h"
#include "gnomon/train/lora.h"
#include "gnomon/train/reporter.h"
#include "gnomon/train/reporter_data.h"
#include "gnomon/train/train_options.h"
#include "gnomon/train/unchanged_numbers.h"

namespace gnomon {

// What one pass over some texts gave, for their rows in the order of the texts.
struct ReportPass {
  std::vector<Index> rows;  // of ReporterData
  Tensor<double> outputs;   // [n, reporter.n_output()]
  Tensor<double> live;      // [n, n_target] activation of the model as it is; empty unless asked
  Index n_top = 0;          // token reporters: rows whose right token led the whole vocabulary
  // The report's loss of each row. Sums go over rows in order, so that they do not depend on how
  // texts were put together.
  std::vector<double> row_loss;
  double live_loss = 0;  // Σ mean over targets of (live - snapshot)² / training variance
  double lm_loss = 0;    // nats, over n_lm_token
  Index n_lm_token = 0;

  double report_loss() const;  // the sum, not the mean
};

// A model whose chosen parameters may change, with the reporter that is read from it. Training and
// evaluation run the same pass (rule R1); what cannot change during training is computed once:
// features where no parameter of the model changes, else the stream that enters the first block
// that does. Without `unchanged` everything is computed every time, with the same bits.
template <class T>
class ReportModel {
 public:
  // `parameters` are those that training changes; the rest stays the base model's. For lora they
  // are the matrices that get a low-rank change. Throws as trained_parameters and Reporter do.
  // InternalError where `unchanged` was filled from another base model or other data.
  ReportModel(
      const Model& base, std::shared_ptr<const ReporterData> data, const TrainOptions& options,
      const RunOptions& run,
      std::shared_ptr<UnchangedNumbers<T>> unchanged = std::make_shared<UnchangedNumbers<T>>());

  const ReporterData& data() const { return *data_; }
  const TrainOptions& options() const { return options_; }
  Reporter& reporter() { return *reporter_; }
  const Reporter& reporter() const { return *reporter_; }
  const Model& model() const { return model_; }  // with the parameters as they are now
  ParameterSet<T>& parameters() { return *parameters_; }
  const ParameterSet<T>& parameters() const { return *parameters_; }
  ParameterSet<T>& gradients() { return grad_; }
  std::optional<LoraAdapter<T>>& lora() { return lora_; }
  const std::optional<LoraAdapter<T>>& lora() const { return lora_; }
  bool trains_model() const { return !parameters_->empty(); }
  // Whether training can move a target's activation.
  bool moves_target() const;
  // Sets gradients() and the head's to 0.
  void clear_gradients();
  // Makes parameters() follow the low-rank matrices.
  void refresh();

  // The rows of these texts. `with_live` asks for the activation of the model as it is.
  ReportPass run(std::span<const Index> texts, bool with_live) const;
  // The same, adding the gradient of the batch's mean loss to gradients() and the head's:
  //   Σ report_loss / n_row + live_weight Σ live_loss / n_row + lm_weight Σ lm_loss / n_lm_token
  // where the texts are a part of a batch of n_row rows and n_lm_token predicted tokens.
  ReportPass run_with_gradients(std::span<const Index> texts, Index n_row, Index n_lm_token);

  // Features of rows as the model is now, for heads.
  Tensor<double> features(std::span<const Index> rows) const;
  // Texts that have rows of this part, ascending.
  std::vector<Index> texts_of(Part part) const;
  Index n_rows_of_text(Index text) const;
  Index n_tokens_of_text(Index text) const;

 private:
  struct Batch;
  struct TokenLabels;
  void make_reporter(const Model& base);
  void use_unchanged(const Model& base);
  void store_streams();
  void store_features();
  std::size_t batch_end(std::span<const Index> texts, std::size_t first) const;
  Batch make_batch(std::span<const Index> texts) const;
  void forward(const Batch& batch, ReportPass& pass, bool with_live, ForwardTrace<T>* trace,
               Tensor<double>* features) const;
  void read_rows(const HookContext& context, MatrixView<const T> values, const Batch& batch,
                 bool at_feature, std::optional<Index> coordinate, MatrixView<double> to) const;
  TokenLabels token_labels(const HookContext& context, const Batch& batch,
                           const ReportPass& pass) const;
  void read_tokens(const HookContext& context, MatrixView<const T> logits, const Batch& batch,
                   ReportPass& pass) const;
  void add_token_gradient(const HookContext& context, const Batch& batch, const ReportPass& pass,
                          MatrixView<const double> grad_outputs, Index n_row,
                          MatrixView<T> grad) const;
  bool uses_vocabulary_loss() const;
  Tensor<double> labels_of(const ReportPass& pass) const;
  void add_losses(ReportPass& pass) const;
  bool uses_logits() const { return !reporter_->has_head() || options_.lm_weight > 0; }

  std::shared_ptr<const ReporterData> data_;
  TrainOptions options_;
  RunOptions run_;
  std::shared_ptr<ParameterSet<T>> parameters_;
  Model model_;
  ParameterSet<T> grad_;
  std::optional<LoraAdapter<T>> lora_;
  std::optional<Reporter> reporter_;
  std::vector<std::vector<Index>> rows_of_text_;
  Index first_changed_ = 0;  // block; n_layers where no block changes
  std::shared_ptr<UnchangedNumbers<T>> unchanged_;
  // In unchanged_; nothing where they are not used.
  const Tensor<T>* streams_ = nullptr;  // blocks.{first_changed_}.hook_resid_pre of all tokens
  std::vector<Index> stream_row_;       // first row of each text in it
  const Tensor<double>* features_ = nullptr;
  ForwardTrace<T> trace_;
};

}  // namespace gnomon
