// SPDX-License-Identifier: Apache-2.0
// The other side of torch_train.py, which starts it: the same jobs on the same texts, targets and
// head, batches in the order of the file, without schedule and clipping.
//
//   train_job FOLDER DATA.json JOB THREADS BATCH_TEXTS STEPS EPOCHS REPEATS LEARNING_RATE
//
// `full` is timed over its updates alone; `after` and `head` from the base model to the last
// update, with what is computed once. Prints one JSON object.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "gnomon/base/error.h"
#include "gnomon/base/json.h"
#include "gnomon/base/threads.h"
#include "gnomon/kernels/detail/instruction_set.h"
#include "gnomon/train/trainer.h"
#include "machine.h"

namespace gnomon::bench {
namespace {

constexpr Index kAfter = 3;  // blocks that `after` trains
constexpr std::size_t kLosses = 5;

struct Settings {
  std::string job;
  Index batch_texts = 0, steps = 0, epochs = 0, repeats = 0;
  double learning_rate = 0;
};

struct Result {
  std::vector<double> first_losses;
  Index n_token = 0;
  double seconds = 0;
};

std::shared_ptr<ReporterData> read_data(const Json& json, const ModelConfig& config) {
  auto data = std::make_shared<ReporterData>();
  data->ids = json.at("texts").get<std::vector<std::vector<TokenId>>>();
  const Index last = config.n_layers - 1;
  data->targets = {make_target(
      parse_site(fmt::format("blocks.{}.mlp.hook_post[0]@last", last - kAfter), config), config)};
  data->feature_site = parse_site(fmt::format("blocks.{}.hook_resid_post@last", last), config);
  for (std::size_t t = 0; t < data->ids.size(); ++t) {
    data->text.push_back(static_cast<Index>(t));
    data->position.push_back(static_cast<Index>(data->ids[t].size()) - 1);
    data->group.push_back(static_cast<Index>(t));
    data->part.push_back(Part::train);
  }
  data->activation =
      Tensor<double>({data->n_row(), 1}, json.at("targets").get<std::vector<double>>());
  resolve_feature_positions(*data);
  return data;
}

Result train(const Model& base, const std::shared_ptr<const ReporterData>& data, const Json& head,
             const Settings& settings, Index n_step) {
  const auto begin = std::chrono::steady_clock::now();
  TrainOptions options;
  options.trained.part = settings.job == "full"    ? TrainedPart::all
                         : settings.job == "after" ? TrainedPart::after_target
                                                   : TrainedPart::none;
  ReportModel<float> model(base, data, options, RunOptions{});
  ReportHead& report = model.reporter().head();
  ReportHead::Layer& layer = report.layers().front();
  const auto weight = head.at("weight").get<std::vector<double>>();
  std::ranges::copy(weight, layer.weight.values().begin());
  layer.bias.values()[0] = head.at("bias").get<double>();
  Optimizer<float> body(options.optimizer, model_tensors(model));
  Optimizer<double> head_optimizer(options.optimizer, head_tensors(report));
  const bool updates_only = settings.job == "full";
  const auto start = updates_only ? std::chrono::steady_clock::now() : begin;

  std::vector<Index> order(data->ids.size());
  std::iota(order.begin(), order.end(), Index{0});
  const auto n_text = static_cast<Index>(order.size());
  const Index n_batch = (n_text + settings.batch_texts - 1) / settings.batch_texts;
  Result result;
  for (Index step = 0; step < n_step; ++step) {
    const Index first = step % n_batch * settings.batch_texts;
    const Index n = std::min(settings.batch_texts, n_text - first);
    model.clear_gradients();
    const ReportPass pass =
        model.run_with_gradients(std::span<const Index>(order).subspan(
                                     static_cast<std::size_t>(first), static_cast<std::size_t>(n)),
                                 n, 1);
    if (!body.tensors().empty()) body.step(settings.learning_rate, 1);
    head_optimizer.step(settings.learning_rate, 1);
    // The library's loss is half the squared error.
    if (result.first_losses.size() < kLosses)
      result.first_losses.push_back(2 * pass.report_loss() / static_cast<double>(n));
    for (Index t = first; t < first + n; ++t) result.n_token += model.n_tokens_of_text(t);
  }
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

Result forward(const Model& model, const ReporterData& data) {
  const auto start = std::chrono::steady_clock::now();
  const SiteAt site = data.feature_site;
  capture<float>(model, data.ids, {&site, 1}, {}, {});
  Result result;
  result.n_token = n_tokens_of(data.ids);
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

Json spread(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t n = values.size();
  return {{"median", (values[n / 2] + values[(n - 1) / 2]) / 2},
          {"min", values.front()},
          {"max", values.back()}};
}

int run(const std::vector<std::string>& words) {
  if (words.size() != 9) throw ArgumentError("train_job: started by torch_train.py compare");
  set_threads(std::stoi(words[3]));
  const Settings settings{words[2],
                          std::stol(words[4]),
                          std::stol(words[5]),
                          std::stol(words[6]),
                          std::stol(words[7]),
                          std::stod(words[8])};
  const Model base = Model::load(words[0]);
  const Json json = read_json_file(words[1]);
  const auto data = read_data(json, base.config());
  const auto n_text = static_cast<Index>(data->ids.size());
  const Index n_batch = (n_text + settings.batch_texts - 1) / settings.batch_texts;
  const Index n_step = settings.job == "full" ? settings.steps : settings.epochs * n_batch;
  base.weights<float>();
  std::vector<double> seconds, rates;
  Result result;
  // The first run of all warms allocator and caches, and is left out.
  for (Index repeat = 0; repeat <= settings.repeats; ++repeat) {
    const Index n = repeat == 0 ? std::min<Index>(n_step, kLosses) : n_step;
    result = settings.job == "forward" ? forward(base, *data)
                                       : train(base, data, json.at("head"), settings, n);
    if (repeat == 0) continue;
    seconds.push_back(result.seconds);
    rates.push_back(static_cast<double>(result.n_token) / result.seconds);
  }
  fmt::print("{}", dump_json({{"instruction_set", detail::instruction_set_name()},
                              {"seconds", spread(seconds)},
                              {"tokens_per_second", spread(rates)},
                              {"tokens", result.n_token},
                              {"first_losses", result.first_losses}}));
  return 0;
}

}  // namespace
}  // namespace gnomon::bench

int main(int argc, char** argv) {
  try {
    return gnomon::bench::run(std::vector<std::string>(argv + 1, argv + argc));
  } catch (const std::exception& error) {
    fmt::print(stderr, "train_job: {}\n", error.what());
    return 1;
  }
}
