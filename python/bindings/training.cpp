// SPDX-License-Identifier: Apache-2.0
// A reporter trained in memory: without a run directory, for a notebook.
#include <algorithm>
#include <memory>
#include <optional>

#include "cli/experiment_config.h"
#include "cli/experiment_evaluation.h"
#include "cli/experiment_inputs.h"
#include "gnomon/activations/capture.h"
#include "gnomon/analyses/study.h"
#include "gnomon/base/error.h"
#include "gnomon/train/trainer.h"
#include "python/bindings/arguments.h"
#include "python/bindings/bindings.h"
#include "python/bindings/calls.h"
#include "python/bindings/records.h"

namespace gnomon::python {
namespace {

// A model with its reporter, at its best epoch.
struct TrainedReporter {
  std::shared_ptr<const ReporterData> data;
  std::shared_ptr<ReportModel<float>> model;
  TrainState state;
};

// One row for each text and position of the targets, with the activations of the model as it is.
ReporterData reporter_data(const Model& model, const StudyTexts& texts,
                           const std::vector<Target>& targets, const SiteAt& feature_site) {
  std::vector<SiteAt> sites;
  for (const Target& target : targets) {
    if (target.at.position != targets.front().at.position)
      throw ArgumentError("train_reporter: the targets are at different positions");
    sites.push_back(target.at);
  }
  const std::vector<Activations<float>> measured =
      capture<float>(model, texts.ids, sites, {}, RunOptions{}).activations;
  ReporterData data;
  data.ids = texts.ids;
  data.targets = targets;
  data.feature_site = feature_site;
  data.text = measured.front().text;
  data.position = measured.front().position;
  data.activation = Tensor<double>({data.n_row(), static_cast<Index>(targets.size())});
  for (Index row = 0; row < data.n_row(); ++row) {
    const auto text = static_cast<std::size_t>(data.text[static_cast<std::size_t>(row)]);
    data.group.push_back(texts.groups.group_of_row[text]);
    data.part.push_back(texts.part[text]);
    for (std::size_t t = 0; t < targets.size(); ++t) {
      data.activation.matrix()(row, static_cast<Index>(t)) =
          static_cast<double>(measured[t].values.matrix()(row, 0));
    }
  }
  resolve_feature_positions(data);
  return data;
}

// Everything that training changes, as it was at one moment.
class Snapshot {
 public:
  explicit Snapshot(const ReportModel<float>& model) : lora_(model.lora()) {
    for (const auto& [key, entry] : model.parameters().entries()) {
      const std::span<const float> values = entry.values.values();
      parameters_.emplace_back(values.begin(), values.end());
    }
    if (model.reporter().has_head()) head_ = model.reporter().head();
  }

  // The parameters' memory does not move: the model reads it.
  void restore(ReportModel<float>& model) const {
    std::size_t i = 0;
    for (auto& [key, entry] : model.parameters().entries()) {
      std::ranges::copy(parameters_[i], entry.values.values().begin());
      ++i;
    }
    if (lora_) model.lora() = lora_;
    if (head_) model.reporter().head() = *head_;
  }

 private:
  std::vector<std::vector<float>> parameters_;
  std::optional<LoraAdapter<float>> lora_;
  std::optional<ReportHead> head_;
};

TrainedReporter train(const Model& model, const StudyTexts& texts,
                      const std::vector<Target>& targets, const SiteAt& feature_site,
                      const TrainOptions& options,
                      const std::function<void(Index, Index)>& progress) {
  TrainedReporter trained;
  trained.data = std::make_shared<ReporterData>(reporter_data(model, texts, targets, feature_site));
  trained.model = std::make_shared<ReportModel<float>>(model, trained.data, options, RunOptions{});
  Trainer<float> trainer(*trained.model);
  std::optional<Snapshot> best;
  Trainer<float>::Events events;
  events.epoch_end = [&](const Trainer<float>& at, bool is_best) {
    if (is_best) best.emplace(at.model());
  };
  events.progress = progress;
  trainer.run(events);
  if (best) best->restore(*trained.model);
  trained.state = trainer.state();
  return trained;
}

void bind_trained(nb::module_& module) {
  Record<EpochRecord>(module, "EpochRecord",
                      "One epoch of a training; 0 is before the first update.")
      .field("epoch", &EpochRecord::epoch)
      .field("step", &EpochRecord::step, "Updates done.")
      .field("train_loss", &EpochRecord::train_loss)
      .field("val_loss", &EpochRecord::val_loss)
      .field("val_r", &EpochRecord::val_r)
      .field("val_r2", &EpochRecord::val_r2, "R²(identity), mean over targets.")
      .field("best", &EpochRecord::best);
  nb::class_<TrainedReporter>(module, "TrainedReporter",
                              "A model with its reporter, at the best epoch of its training. Rows "
                              "are those of the texts and "
                              "positions of the targets; whole text groups are in one part.")
      .def_prop_ro(
          "model", [](const TrainedReporter& self) { return self.model->model(); },
          "The model with its parameters as they are now; it can be run and edited as any other.")
      .def_prop_ro("history", [](const TrainedReporter& self) { return self.state.history; })
      .def_prop_ro("best_epoch", [](const TrainedReporter& self) { return self.state.best_epoch; })
      .def_prop_ro("text",
                   [](nb::handle_t<TrainedReporter> self) {
                     return member_array(nb::cast<const TrainedReporter&>(self).data->text, self);
                   })
      .def_prop_ro("position",
                   [](nb::handle_t<TrainedReporter> self) {
                     return member_array(nb::cast<const TrainedReporter&>(self).data->position,
                                         self);
                   })
      .def_prop_ro("group",
                   [](nb::handle_t<TrainedReporter> self) {
                     return member_array(nb::cast<const TrainedReporter&>(self).data->group, self);
                   })
      .def_prop_ro(
          "activation",
          [](nb::handle_t<TrainedReporter> self) {
            return member_array(nb::cast<const TrainedReporter&>(self).data->activation, self);
          },
          "[n_row, n_target] of the model before training: the truth.")
      .def(
          "rows_of",
          [](const TrainedReporter& self, const std::string& part) {
            return owned_array(self.data->rows_of(part_of(part)));
          },
          nb::arg("part"),
          nb::sig("def rows_of(self, part: str) -> numpy.typing.NDArray[numpy.int64]"),
          "Row numbers of 'train', 'val' or 'test'.")
      .def(
          "reports",
          [](const TrainedReporter& self) {
            return owned_array(
                long_call([&] { return cli::experiment_reports(*self.model, nullptr); }));
          },
          nb::sig("def reports(self) -> numpy.typing.NDArray[numpy.float64]"),
          "[n_row, n_target] in units of the activation.");
}

}  // namespace

void bind_training(nb::module_& module) {
  bind_trained(module);
  module.def(
      "train_reporter",
      [](const Model& model, const StudyTexts& texts, const std::vector<Target>& targets,
         const std::vector<std::string>& set, const std::optional<SiteArgument>& feature_site,
         const nb::object& progress) {
        const ModelConfig& config = model.config();
        const TrainOptions options = cli::resolve_experiment({.set = set}).config.train;
        if (targets.empty()) throw ArgumentError("train_reporter: no target is given");
        const SiteAt at = feature_site && !feature_site->value.is_none()
                              ? site_of(*feature_site, config)
                              : cli::default_feature_site(targets, config);
        const auto listener = progress_function(progress, "Train", "steps");
        return long_call([&] { return train(model, texts, targets, at, options, listener); });
      },
      nb::arg("model"), nb::arg("texts"), nb::arg("targets"), nb::arg("set"),
      nb::arg("feature_site").none(), nb::arg("progress").none(),
      "For gnomon.train_reporter, which says what it does.");
}

}  // namespace gnomon::python
