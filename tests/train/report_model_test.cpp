// SPDX-License-Identifier: Apache-2.0
// The reporter's loss through the model: gradients against central differences in double.
#include "gnomon/train/report_model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>

#include "gnomon/base/error.h"
#include "gnomon/base/random.h"
#include "train/reporter_cases.h"

namespace gnomon {
namespace {

using test::TinyFamily;

constexpr double kStep = 1e-5;
// Central differences of a loss of order 1 to 10: eps / h is 1e-11, the third derivative's part h²
// is 1e-10 times what the model's curvature makes of it.
constexpr double kTolerance = 1e-6;

TrainOptions options_of(ReporterKind kind) {
  TrainOptions options;
  options.reporter.kind = kind;
  options.reporter.n_bin = 4;
  options.trained.part = TrainedPart::all;
  options.seed = 3;
  return options;
}

std::vector<Index> some_texts() { return {2, 3, 4, 7, 8, 9}; }

double mean_loss(const ReportModel<double>& model) {
  const TrainOptions& options = model.options();
  const ReportPass pass = model.run(some_texts(), options.live_weight > 0);
  const auto n = static_cast<double>(pass.rows.size());
  double loss = pass.report_loss() / n + options.live_weight * pass.live_loss / n;
  if (options.lm_weight > 0)
    loss += options.lm_weight * pass.lm_loss / static_cast<double>(pass.n_lm_token);
  return loss;
}

Index n_predicted(const ReportModel<double>& model) {
  Index n = 0;
  for (const Index text : some_texts())
    n += static_cast<Index>(model.data().ids[static_cast<std::size_t>(text)].size()) - 1;
  return n;
}

// Every parameter of the model along a random direction, and of the head entry by entry.
void expect_gradients(const Model& base, const TrainOptions& options) {
  ReportModel<double> model(base, test::tiny_reporter_data(base), options, {});
  const auto n_row = static_cast<Index>(some_texts().size());
  model.run_with_gradients(some_texts(), n_row, n_predicted(model));
  if (model.lora()) model.lora()->gradients(model.gradients());
  Random random(1, "direction");
  const auto check = [&](std::span<double> values, std::span<const double> grad,
                         const std::string& name) {
    std::vector<double> start(values.begin(), values.end()), direction;
    for (std::size_t i = 0; i < start.size(); ++i) direction.push_back(random.normal());
    const auto at = [&](double h) {
      for (std::size_t i = 0; i < start.size(); ++i) values[i] = start[i] + h * direction[i];
      model.refresh();
      return mean_loss(model);
    };
    const double numeric = (at(kStep) - at(-kStep)) / (2 * kStep);
    std::ranges::copy(start, values.begin());
    model.refresh();
    double exact = 0;
    for (std::size_t i = 0; i < start.size(); ++i) exact += grad[i] * direction[i];
    EXPECT_NEAR(exact, numeric, kTolerance * (1 + std::abs(numeric))) << name;
  };
  if (model.lora()) {
    for (LoraMatrix<double>& matrix : model.lora()->matrices()) {
      check(matrix.a.values(), matrix.grad_a.values(), matrix.row.name + " A");
      check(matrix.b.values(), matrix.grad_b.values(), matrix.row.name + " B");
    }
  } else {
    for (auto& [key, entry] : model.parameters().entries())
      check(entry.values.values(), model.gradients().find(key)->values(), entry.row.name);
  }
  if (!model.reporter().has_head()) return;
  for (ReportHead::Layer& layer : model.reporter().head().layers()) {
    check(layer.weight.values(), layer.grad_weight.values(), "head weight");
    check(layer.bias.values(), layer.grad_bias.values(), "head bias");
  }
}

TEST(ReportModel, RegressionGradients) {
  for (const TinyFamily family : {TinyFamily::gpt2, TinyFamily::llama, TinyFamily::gpt_neox})
    expect_gradients(test::tiny_model(family), options_of(ReporterKind::regression));
}

TEST(ReportModel, HiddenLayerClassificationGradients) {
  TrainOptions options = options_of(ReporterKind::classification);
  options.reporter.hidden = {5};
  expect_gradients(test::tiny_model(TinyFamily::gpt2), options);
}

TEST(ReportModel, TokenReporterGradients) {
  for (const TokenLoss loss : {TokenLoss::full_vocabulary, TokenLoss::restricted}) {
    TrainOptions options = options_of(ReporterKind::digit);
    options.reporter.token_loss = loss;
    expect_gradients(test::tiny_model(TinyFamily::gpt2), options);
  }
}

TEST(ReportModel, GradientsOfTheOtherLossTerms) {
  TrainOptions options = options_of(ReporterKind::regression);
  options.lm_weight = 0.3;
  expect_gradients(test::tiny_model(TinyFamily::llama), options);
  options.lm_weight = 0;
  options.live_weight = 0.5;
  // Off its start, where the term and its gradient are 0.
  expect_gradients(test::tiny_model(TinyFamily::gpt2), options);
  options = options_of(ReporterKind::digit);
  options.lm_weight = 0.2;
  expect_gradients(test::tiny_model(TinyFamily::gpt2), options);
}

TEST(ReportModel, LoraGradients) {
  for (const TinyFamily family : {TinyFamily::gpt2, TinyFamily::llama, TinyFamily::gpt_neox}) {
    TrainOptions options = options_of(ReporterKind::regression);
    options.trained.part = TrainedPart::lora;
    options.trained.lora_rank = 2;
    options.trained.components = {Component::attention, Component::mlp};
    expect_gradients(test::tiny_model(family), options);
  }
}

TEST(ReportModel, RecomputationGivesTheSameGradients) {
  const Model& base = test::tiny_model(TinyFamily::llama);
  std::vector<std::string> digests;
  for (const bool recompute : {false, true}) {
    TrainOptions options = options_of(ReporterKind::regression);
    options.recompute = recompute;
    ReportModel<float> model(base, test::tiny_reporter_data(base), options, {});
    model.run_with_gradients(some_texts(), 6, 1);
    digests.push_back(model.gradients().sha256());
  }
  EXPECT_EQ(digests[0], digests[1]);
}

TEST(ReportModel, RefusesWhatCannotBeReported) {
  const Model& base = test::tiny_model(TinyFamily::gpt2);
  const auto data = test::tiny_reporter_data(base);
  const auto refused = [&](const TrainOptions& options, const std::string& part) {
    try {
      ReportModel<float> model(base, data, options, {});
      ADD_FAILURE() << part;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    }
  };
  TrainOptions options = options_of(ReporterKind::digit);
  options.trained.part = TrainedPart::none;
  refused(options, "no parameters of its own");
  options = options_of(ReporterKind::on_off);
  refused(options, "tokens in this vocabulary");
  options = options_of(ReporterKind::classification);
  options.reporter.n_bin = 100;
  refused(options, "distinct");
  options = options_of(ReporterKind::regression);
  options.trained.part = TrainedPart::selected;
  options.trained.name_patterns = {"atn.c_attn"};
  refused(options, "matches no parameter");
  options.trained.name_patterns = {};
  refused(options, "names nothing to train");
  options.trained.part = TrainedPart::from_layer;
  options.trained.from_layer = 2;
  refused(options, "expected 0 to 1");
  options.trained.part = TrainedPart::none;
  options.reporter.head = HeadMode::random;
  refused(options, "frozen at its random start");
  auto constant = std::make_shared<ReporterData>(*data);
  for (double& value : constant->activation.values()) value = 0.25;
  try {
    ReportModel<float> model(base, constant, options_of(ReporterKind::regression), {});
    ADD_FAILURE();
  } catch (const ArgumentError& error) {
    EXPECT_NE(std::string(error.what()).find("never varies"), std::string::npos) << error.what();
  }
}

TEST(ReportModel, SharesNumbersOnlyOfTheSameBaseAndData) {
  const Model& base = test::tiny_model(TinyFamily::gpt2);
  TrainOptions options = options_of(ReporterKind::regression);
  options.trained.part = TrainedPart::none;
  const auto data = test::tiny_reporter_data(base);
  const auto unchanged = std::make_shared<UnchangedNumbers<float>>();
  const ReportModel<float> first(base, data, options, {}, unchanged);
  options.seed = 7;
  const ReportModel<float> second(base, data, options, {}, unchanged);
  std::vector<Index> rows(static_cast<std::size_t>(data->n_row()));
  std::iota(rows.begin(), rows.end(), Index{0});
  EXPECT_TRUE(std::ranges::equal(first.features(rows).values(), second.features(rows).values()));
  EXPECT_THROW(ReportModel<float>(base, test::tiny_reporter_data(base), options, {}, unchanged),
               InternalError);
}

}  // namespace
}  // namespace gnomon
