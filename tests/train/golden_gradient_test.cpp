// SPDX-License-Identifier: Apache-2.0
// Loss, every gradient and ten AdamW updates of the tiny models against PyTorch
// (tests/golden/README.md, tools/make_gradient_golden.py).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "gnomon/activations/next_token.h"
#include "gnomon/base/json.h"
#include "gnomon/kernels/dequantize.h"
#include "gnomon/tensor/safetensors.h"
#include "gnomon/train/optimizer.h"

namespace gnomon {
namespace {

namespace fs = std::filesystem;

// Both sides compute in double with sums of at most a few hundred terms, through at most four
// blocks: 1e-10 of the tensor's largest entry leaves a factor of 1e4 over what was found. Models
// whose goldens are stored as float32 are compared to its rounding.
constexpr double kDouble = 1e-10;
constexpr double kStoredFloat = 1e-6;

struct Golden {
  explicit Golden(const std::string& name)
      : model(Model::load(fs::path(GNOMON_TEST_DATA) / "models" / name)),
        folder(fs::path(GNOMON_TEST_DATA) / "gradients" / name),
        expected(read_json_file(folder / "expected.json")),
        gradients(folder / "gradients.safetensors") {
    const Json prompts =
        read_json_file(fs::path(GNOMON_TEST_DATA) / "models" / name / "expected.json")["prompts"];
    for (const Json& prompt : expected["prompts"]) {
      names.push_back(prompt.get<std::string>());
      ids.push_back(prompts[names.back()]["ids"].get<std::vector<TokenId>>());
    }
    batch = pack(ids);
    parameters = std::make_shared<ParameterSet<double>>(
        copy_parameters<double>(model, model_parameters(model.config())));
  }

  Model model;
  fs::path folder;
  Json expected;
  SafetensorsFile gradients;
  std::vector<std::string> names;
  std::vector<std::vector<TokenId>> ids;
  PackedBatch batch;
  std::shared_ptr<ParameterSet<double>> parameters;
};

std::vector<double> values_of(const StoredTensor& tensor) {
  Index n = 1;
  for (const Index axis : tensor.shape) n *= axis;
  std::vector<double> values(static_cast<std::size_t>(n));
  dequantize<double>(values, tensor.dtype, tensor.bytes);
  return values;
}

void expect_same(std::span<const double> actual, const StoredTensor& golden, double absolute = 0,
                 const std::vector<bool>& compared = {}) {
  const std::vector<double> expected = values_of(golden);
  ASSERT_EQ(actual.size(), expected.size()) << golden.name;
  double scale = 0;
  for (const double value : expected) scale = std::max(scale, std::abs(value));
  const double relative = golden.dtype == Dtype::f64 ? kDouble : kStoredFloat;
  // A gradient that is zero by algebra has only rounding.
  const double tolerance = std::max({relative * scale, absolute, 1e-14});
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (!compared.empty() && !compared[i]) continue;
    ASSERT_NEAR(actual[i], expected[i], tolerance) << golden.name << " at " << i;
  }
}

// Some exports leave the prefix out.
const StoredTensor* find_parameter_gradient(const SafetensorsFile& file, const std::string& name) {
  if (const StoredTensor* stored = file.find("parameters/" + name)) return stored;
  return file.find("parameters/" + name.substr(name.find('.') + 1));
}

class GoldenGradient : public testing::TestWithParam<const char*> {};

TEST_P(GoldenGradient, LossAndEveryParameter) {
  Golden golden(GetParam());
  const Model model = golden.model.with_parameters<double>(golden.parameters);
  ParameterSet<double> grad = zeros_like(*golden.parameters);
  ForwardTrace<double> trace;
  const auto n_predicted = golden.expected["n_predicted"].get<double>();
  const LanguageModelLoss loss =
      language_model_gradient<double>(model.config(), model.weights<double>(), golden.batch,
                                      1 / n_predicted, grad, trace, Backend::packed);
  EXPECT_EQ(static_cast<double>(loss.n_token), n_predicted);
  EXPECT_NEAR(loss.mean(), golden.expected["loss"].get<double>(), 1e-11);
  EXPECT_NEAR(language_model_loss<double>(golden.model, golden.ids, {}).mean(), loss.mean(), 1e-12);
  Index n_compared = 0;
  for (const auto& [key, entry] : grad.entries()) {
    const StoredTensor* stored = find_parameter_gradient(golden.gradients, entry.row.name);
    ASSERT_NE(stored, nullptr) << entry.row.name;
    expect_same(entry.values.values(), *stored);
    ++n_compared;
  }
  const auto n_stored = std::ranges::count_if(golden.gradients.tensors(), [](const auto& tensor) {
    return tensor.name.starts_with("parameters/");
  });
  EXPECT_EQ(n_compared, n_stored);
}

TEST_P(GoldenGradient, EverySite) {
  Golden golden(GetParam());
  const ModelConfig& config = golden.model.config();
  const double weight = 1 / golden.expected["n_predicted"].get<double>();
  Index n_compared = 0;
  for (const StoredTensor& stored : golden.gradients.tensors()) {
    if (stored.name.starts_with("parameters/")) continue;
    const std::size_t slash = stored.name.find('/');
    const auto prompt = std::ranges::find(golden.names, stored.name.substr(0, slash));
    ASSERT_NE(prompt, golden.names.end());
    const Site site = parse_site(stored.name.substr(slash + 1) + "@all", config).site;
    const std::vector<std::vector<TokenId>> one = {
        golden.ids[static_cast<std::size_t>(prompt - golden.names.begin())]};
    const PackedBatch batch = pack(one);
    ForwardTrace<double> trace;
    Hooks<double> hooks, grad_hooks;
    hooks.add(HookKind::logits, -1, [](const HookContext&, MatrixView<double>) {});
    run_forward<double>(config, golden.model.weights<double>(), batch, hooks, {}, Backend::packed,
                        nullptr, &trace);
    grad_hooks.add(HookKind::logits, -1, [&](const HookContext& context, MatrixView<double> grad) {
      next_token_gradient<double>(context, trace.logits.view(), weight, grad);
    });
    std::vector<double> values;
    // A pattern's gradient is of the keys that a query may see; PyTorch also has numbers where the
    // mask leaves nothing to change.
    std::vector<bool> seen;
    grad_hooks.add(site.kind, site.layer, [&](const HookContext& context, MatrixView<double> grad) {
      for (Index i = 0; i < grad.rows; ++i) {
        for (Index c = 0; c < grad.cols; ++c)
          seen.push_back(context.text < 0 || c <= i % static_cast<Index>(context.rows.size()));
      }
      for (Index i = 0; i < grad.rows; ++i)
        values.insert(values.end(), grad.row(i).begin(), grad.row(i).end());
    });
    run_backward<double>(config, golden.model.weights<double>(), batch, trace, grad_hooks, nullptr,
                         Backend::packed);
    expect_same(values, stored, 0, seen);
    ++n_compared;
  }
  EXPECT_GT(n_compared, 50);
}

TEST_P(GoldenGradient, TenAdamwSteps) {
  Golden golden(GetParam());
  const Model model = golden.model.with_parameters<double>(golden.parameters);
  ParameterSet<double> grad = zeros_like(*golden.parameters);
  std::vector<OptimizedTensor<double>> tensors;
  for (auto& [key, entry] : golden.parameters->entries()) {
    tensors.push_back({entry.row.name, entry.values.values(),
                       std::as_const(*grad.find(key)).values(), entry.row.is_matrix()});
  }
  OptimizerOptions options;
  options.learning_rate = 1e-3;
  Optimizer<double> optimizer(options, tensors);
  ForwardTrace<double> trace;
  const auto losses = golden.expected["adamw"]["losses"].get<std::vector<double>>();
  const double weight = 1 / golden.expected["n_predicted"].get<double>();
  for (std::size_t step = 0; step < losses.size(); ++step) {
    for (auto& [key, entry] : grad.entries()) std::ranges::fill(entry.values.values(), 0.0);
    const LanguageModelLoss loss =
        language_model_gradient<double>(model.config(), model.weights<double>(), golden.batch,
                                        weight, grad, trace, Backend::packed);
    EXPECT_NEAR(loss.mean(), losses[step], 1e-9) << "step " << step;
    if (step + 1 < losses.size()) optimizer.step(options.learning_rate, 1);
  }
  const fs::path after = golden.folder / "adamw_step_10.safetensors";
  if (!fs::exists(after)) return;
  const SafetensorsFile stored(after);
  for (const auto& [key, entry] : golden.parameters->entries()) {
    const StoredTensor* tensor = stored.find(entry.row.name);
    ASSERT_NE(tensor, nullptr) << entry.row.name;
    // GPT-2's key bias has a gradient that is zero by algebra; Adam divides its rounding by eps.
    expect_same(entry.values.values(), *tensor, 1e-8);
  }
}

INSTANTIATE_TEST_SUITE_P(Models, GoldenGradient,
                         testing::Values("gpt2-tiny", "gpt2-tiny-inner", "llama-tiny",
                                         "llama-tiny-untied", "llama-tiny-llama3", "qwen2-tiny",
                                         "gpt-neox-tiny", "gpt-neox-tiny-sequential"));

}  // namespace
}  // namespace gnomon
