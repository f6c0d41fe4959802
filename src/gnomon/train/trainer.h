// SPDX-License-Identifier: Apache-2.0
// in: a report model   out: the same after training, with everything that was seen on the way
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gnomon/train/optimizer.h"
#include "gnomon/train/report_model.h"

namespace gnomon {

// What an optimizer changes: the parameters of the model, or the low-rank matrices in their place;
// and the layers of the head. The model and the head own the memory.
template <class T>
std::vector<OptimizedTensor<T>> model_tensors(ReportModel<T>& model);
std::vector<OptimizedTensor<double>> head_tensors(ReportHead& head);

// What is written to metrics.jsonl: one line for each, in this order. `kind` is "step", "epoch" or
// "monitor"; names are those of docs/methods/training.md.
struct MetricRecord {
  std::string kind;
  Index step = 0;   // updates done
  Index epoch = 0;  // epochs done
  std::vector<std::pair<std::string, double>> values;
};

// The activation of the model being trained against the snapshot, on the validation rows, for one
// target. Absent numbers are undefined, such as the correlation with a constant.
struct DriftRecord {
  Index epoch = 0;
  Index target = 0;
  double mean = 0;
  double sd = 0;
  std::vector<double> quantiles;  // at 0, 0.05, 0.25, 0.5, 0.75, 0.95, 1
  double wasserstein = 0;         // W1 from the snapshot, in units of the activation
  double kolmogorov_smirnov = 0;
  std::optional<double> correlation;  // of live with snapshot values
};

struct EpochRecord {
  Index epoch = 0;  // from 1; 0 is before the first update
  Index step = 0;
  double train_loss =
      0;                // mean over the epoch's rows, as the updates saw them; of epoch 0: none, 0
  double val_loss = 0;  // mean over validation rows
  std::optional<double> val_r;
  std::optional<double> val_r2;  // R²(identity), mean over targets
  double metric = 0;             // the one that chooses the best epoch
  bool best = false;
};

struct TrainState {
  Index epoch = 0;  // epochs done
  Index step = 0;   // updates done
  Index best_epoch = 0;
  double best_metric = 0;
  Index epochs_without_better = 0;
  bool stopped_early = false;
  // Largest difference between the loss of rows in an update and in an evaluation before it,
  // relative: the two run the same pass.
  double train_eval_gap = 0;
  std::vector<EpochRecord> history;
  std::vector<DriftRecord> drift;
};

template <class T>
class Trainer {
 public:
  struct Events {
    std::function<void(const MetricRecord&)> metric;
    // After every epoch, when the state can be stored; `best` where it is the best so far.
    std::function<void(const Trainer&, bool best)> epoch_end;
    std::function<void(Index step, Index n_step)> progress;
  };

  // Throws ArgumentError where there are no training or validation rows or a setting is out of
  // range.
  explicit Trainer(ReportModel<T>& model);

  // Trains from the state it has to the end; where nothing is trained, a ridge head in front of an
  // untouched model, that is one look at the validation rows. Throws NumericError where a loss or
  // gradient is not finite, naming step, tensor and index; Error (interrupted).
  void run(const Events& events);

  const TrainState& state() const { return state_; }
  ReportModel<T>& model() { return model_; }
  const ReportModel<T>& model() const { return model_; }
  Index steps_per_epoch() const { return static_cast<Index>(batches(0).size()); }

  // Null where nothing of that kind is trained.
  const Optimizer<T>* model_optimizer() const {
    return model_optimizer_ ? &*model_optimizer_ : nullptr;
  }
  const Optimizer<double>* head_optimizer() const {
    return head_optimizer_ ? &*head_optimizer_ : nullptr;
  }
  // Goes on from a stored state; parameters and head must be those stored with it.
  void restore(TrainState state, std::optional<typename Optimizer<T>::State> model_optimizer,
               std::optional<Optimizer<double>::State> head_optimizer);

 private:
  // The texts of each update of an epoch: whole texts until batch_rows rows are together.
  std::vector<std::vector<Index>> batches(Index epoch) const;
  double update(const std::vector<Index>& texts, double learning_rate, const Events& events,
                bool detailed);
  // A part of a batch of n_row rows and n_lm_token predicted tokens. Throws Error
  // (out_of_resources) where it does not fit into memory.
  ReportPass run_part(std::span<const Index> texts, Index n_row, Index n_lm_token);
  void validate(const Events& events, double train_loss);
  void watch_drift(const Events& events);
  void require_finite(double loss, double sum_of_squares) const;
  std::vector<std::pair<std::string, double>> gradient_norms() const;

  ReportModel<T>& model_;
  const TrainOptions& options_;
  std::vector<Index> training_texts_;
  std::vector<Index> validation_texts_;
  std::optional<Optimizer<T>> model_optimizer_;
  std::optional<Optimizer<double>> head_optimizer_;
  TrainState state_;
};

}  // namespace gnomon
