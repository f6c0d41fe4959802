// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/experiment_options.h"
#include "cli/experiment_output.h"
#include "cli/resolve_model.h"
#include "cli/study_options.h"
#include "gnomon/analyses/encoded_texts.h"
#include "gnomon/analyses/neuron_ranking.h"
#include "gnomon/analyses/neuron_scan.h"
#include "gnomon/base/error.h"
#include "gnomon/report/scan_text.h"

namespace gnomon::cli {
namespace {

constexpr const char* kModel = "gnomon-books";
constexpr const char* kTexts = "builtin:scenes:600";
constexpr std::size_t kShown = 5;
// Of the activation's variance: where the token or its position explain more, a report needs to
// read little else.
constexpr double kMostExplained = 0.5;

bool explained(const std::optional<VarianceExplained>& by) {
  return !by || by->adjusted > kMostExplained;
}

// Scans the blocks between the first and the last two, so that a report has blocks to pass through,
// and takes the first neuron that is more than a look-up of its token or position.
std::string choose_neuron(const Context& context) {
  const Model model = Model::load(resolve_model(kModel));
  const TextSource source = read_texts(kTexts, context.options.seed);
  const EncodedTexts texts = encode_texts(model, source.records);
  ScanOptions options;
  options.first_layer = 1;
  options.last_layer = model.config().n_layers - 3;
  options.position = {Position::Kind::last, -1};
  options.seed = context.options.seed;
  const NeuronScan scan = scan_neurons(model, texts.ids, options);
  const NeuronRanking ranking;
  std::vector<Index> order = rank_neurons(scan, ranking);
  std::erase_if(order, [&](Index i) {
    const NeuronStatistics& neuron = scan.neurons[static_cast<std::size_t>(i)];
    return explained(neuron.by_token) || explained(neuron.by_position);
  });
  if (order.empty()) throw InternalError("demo: token or position explain every neuron");
  const NeuronStatistics& best = scan.neurons[static_cast<std::size_t>(order.front())];
  const std::span<const Index> shown = std::span(order).first(std::min(kShown, order.size()));
  if (!context.options.json) {
    context.out << scan_text(scan, ranking, shown, texts, model.tokenizer(), context.text_style())
                << std::flush;
  }
  return fmt::format("blocks.{}.mlp.hook_post[{}]@last", best.layer, best.neuron);
}

// One run of the experiment; the blocks after the target's are trained where `after_target`.
void run_part(const Context& context, const std::string& unit, bool after_target,
              const std::string& out) {
  ExperimentOptions options;
  options.set = {fmt::format("model.path={}", kModel), fmt::format("data.texts=[\"{}\"]", kTexts),
                 fmt::format("target.units=[\"{}\"]", unit), "evaluate.bootstrap=1000"};
  options.set.emplace_back(after_target ? "train.trained.part=after_target"
                                        : "train.trained.part=none");
  // A head on stored features costs next to nothing: it may take as long as it likes.
  options.set.emplace_back(after_target ? "train.epochs=10" : "train.epochs=200");
  options.set.emplace_back(after_target ? "train.optimizer.learning_rate=1e-3"
                                        : "train.optimizer.learning_rate=1e-2");
  ExperimentRunOptions run;
  run.out = out;
  const ResolvedExperiment experiment = resolve_experiment(experiment_sources(context, options));
  show_experiment(context, run_experiment(context, experiment, run), 1);
}

void demo_command(const Context& context, const std::string& out) {
  const std::string root = out.empty() ? "runs/demo" : out;
  context.message(
      fmt::format("Neurons of {} that vary, and not with token or position alone", kModel));
  const std::string unit = choose_neuron(context);
  context.message(fmt::format("\nA head on the last stream reports {}", unit));
  run_part(context, unit, false, root + "/head");
  context.message("\nThe blocks after the target's and a head report it");
  run_part(context, unit, true, root + "/after_target");
  context.message(fmt::format("       gnomon compare {0}/head {0}/after_target", root));
}

}  // namespace

void add_demo_command(CLI::App& app, Context& context) {
  const auto out = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand(
      "demo", "The whole experiment on the embedded model, without a network, in under a minute");
  command->group(kStudyGroup);
  command->add_option("--out", *out, "Folder for the two runs, `runs/demo` unless given")
      ->type_name("DIR");
  command->footer("gnomon demo");
  on_run(*command, context, [&context, out] { demo_command(context, *out); });
}

}  // namespace gnomon::cli
