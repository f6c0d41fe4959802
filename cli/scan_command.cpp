// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <numeric>
#include <string>

#include "cli/commands.h"
#include "cli/number_text.h"
#include "cli/option_values.h"
#include "cli/resolve_model.h"
#include "cli/study_options.h"
#include "gnomon/analyses/encoded_texts.h"
#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/base/quote.h"
#include "gnomon/report/scan_files.h"
#include "gnomon/report/scan_text.h"

namespace gnomon::cli {
namespace {

constexpr std::int64_t kLargestLayer = 1'000'000;

struct LayerRange {
  Index first = 0;
  Index last = -1;
};

struct ScanCommandOptions {
  std::string model;
  std::string texts;
  LayerRange layers;
  Position::Kind position = Position::Kind::all;
  NeuronRanking ranking;
  Index top = 20;
  Index token_groups = ScanOptions{}.n_token_groups;
  Index sample_rows = ScanOptions{}.n_sample_rows;
  std::string out;
  Precision precision = Precision::float32;
};

enum class OutFormat { none, csv, json };

// "8" or "4:11".
LayerRange parse_layers(const std::string& given) {
  const std::size_t colon = given.find(':');
  if (colon == std::string::npos) {
    const Index layer = parse_integer("--layers", given, 0, kLargestLayer);
    return {layer, layer};
  }
  const LayerRange layers = {
      parse_integer("--layers A:B, A", given.substr(0, colon), 0, kLargestLayer),
      parse_integer("--layers A:B, B", given.substr(colon + 1), 0, kLargestLayer)};
  if (layers.first > layers.last) {
    throw ArgumentError(
        fmt::format("--layers is {}, expected the smaller layer first", quote(given)),
        fmt::format("--layers {}:{}", layers.last, layers.first));
  }
  return layers;
}

OutFormat out_format(const std::string& out) {
  if (out.empty()) return OutFormat::none;
  const std::string extension = std::filesystem::path(out).extension().string();
  if (extension == ".csv") return OutFormat::csv;
  if (extension == ".json") return OutFormat::json;
  throw ArgumentError(
      fmt::format("--out is {}, expected a name that ends in .csv or .json", quote(out)));
}

NeuronScan scan(const Context& context, const ScanCommandOptions& options, const Model& model,
                const EncodedTexts& texts) {
  Progress progress = context.progress("Scan", 0, "tokens");
  ScanOptions scan_options;
  scan_options.first_layer = options.layers.first;
  scan_options.last_layer = options.layers.last;
  scan_options.position = {options.position, -1};
  scan_options.precision = options.precision;
  scan_options.n_sample_rows = options.sample_rows;
  scan_options.n_token_groups = options.token_groups;
  scan_options.seed = context.options.seed;
  scan_options.run.progress = progress.callback();
  NeuronScan result = scan_neurons(model, texts.ids, scan_options);
  progress.finish();
  return result;
}

void check_layers(const LayerRange& layers, const ModelConfig& config) {
  const Index last = config.n_layers - 1;
  if (layers.last <= last) return;
  throw ArgumentError(
      ErrorCode::out_of_range,
      fmt::format("--layers goes to layer {}, the model has layers 0 to {}", layers.last, last),
      fmt::format("--layers {}:{} is the nearest", std::min(layers.first, last), last));
}

void check_top(Index top, const LayerRange& layers, const ModelConfig& config) {
  const Index last = layers.last < 0 ? config.n_layers - 1 : layers.last;
  const Index n_layer = last - layers.first + 1;
  if (top <= n_layer * config.d_mlp) return;
  throw ArgumentError(
      ErrorCode::out_of_range,
      fmt::format("--top is {}, expected 1 to {}: {} layer{} of {} neurons", top,
                  n_layer * config.d_mlp, n_layer, n_layer == 1 ? "" : "s", config.d_mlp),
      "--out FILE.csv has all of them");
}

void run_scan(const Context& context, const ScanCommandOptions& options) {
  const OutFormat format = out_format(options.out);
  const Model model = Model::load(resolve_model(options.model));
  check_layers(options.layers, model.config());
  check_top(options.top, options.layers, model.config());
  const TextSource source = read_texts(options.texts, context.options.seed);
  const EncodedTexts texts = encode_texts(model, source.records);
  for (const ExcludedText& excluded : texts.excluded)
    context.message(fmt::format("left out {}: {}", excluded.source, excluded.why));
  const NeuronScan result = scan(context, options, model, texts);
  const std::vector<Index> order = rank_neurons(result, options.ranking);
  const std::span<const Index> shown =
      std::span(order).first(static_cast<std::size_t>(options.top));

  const auto with_source = [&](std::span<const Index> neurons) {
    Json json = {{"model", model.source().name},
                 {"model_sha256", model.sha256()},
                 {"texts", source.description},
                 {"texts_sha256", source.sha256}};
    json.update(scan_json(result, options.ranking, neurons, texts));
    return json;
  };
  if (format == OutFormat::csv)
    write_file_atomic(options.out, scan_csv(result, order, texts).text());
  if (format == OutFormat::json) write_file_atomic(options.out, dump_json(with_source(order)));
  if (context.options.json) {
    context.out << dump_json(with_source(shown));
  } else {
    context.out << scan_text(result, options.ranking, shown, texts, model.tokenizer(),
                             context.text_style());
  }
  if (format != OutFormat::none) {
    context.message(fmt::format("Wrote {}: {} neurons, {}", options.out, order.size(),
                                size_text(std::filesystem::file_size(options.out))));
  }
  if (!context.options.json) {
    context.message(fmt::format(
        "Next:  gnomon projections --model {} --texts {} \\\n         --target '{}@last'",
        options.model, options.texts,
        neuron_name(result.neurons[static_cast<std::size_t>(shown.front())])));
  }
}

}  // namespace

void add_scan_command(CLI::App& app, Context& context) {
  auto options = std::make_shared<ScanCommandOptions>();
  CLI::App* command = app.add_subcommand("scan", "Rank the neurons of a model by what they do");
  command->group(kStudyGroup);
  add_model_option(*command, options->model)->required();
  add_texts_option(*command, options->texts)->required();
  command
      ->add_option_function<std::string>(
          "--layers",
          [options](const std::string& given) { options->layers = parse_layers(given); },
          "The layers to scan, both ends included: 4:11, or one: 8; all unless given")
      ->type_name("A:B");
  add_choice_option(*command, "--position", options->position,
                    {{"@all", Position::Kind::all}, {"@last", Position::Kind::last}},
                    "The tokens of each text that count; @all unless given");
  command
      ->add_option_function<std::string>(
          "--rank",
          [options](const std::string& given) { options->ranking = parse_ranking(given); },
          "original: variance ln(1 + range); standardised: its logarithm standardised within the "
          "layer; quantile:Q: nearest to that quantile of it within the layer; original unless "
          "given")
      ->type_name("RANKING");
  add_integer_option(*command, "--top", options->top, 1, std::int64_t{1} << 40,
                     "Neurons to show; 20 unless given");
  add_integer_option(*command, "--token-groups", options->token_groups, 0, 1 << 20,
                     "Tokens that are told apart for the variance that tokens explain, the most "
                     "frequent; 256 unless given");
  add_integer_option(*command, "--sample-rows", options->sample_rows, 1, 1 << 20,
                     "Rows kept for the quantiles; 512 unless given");
  command->add_option("--out", options->out, "Also write every neuron to this .csv or .json file")
      ->type_name("FILE");
  add_precision_option(*command, options->precision);
  command->footer(
      "gnomon scan --model smollm2-135m --texts newslines.txt --top 10\n"
      "gnomon scan --model ./gpt2 --texts builtin:scenes --layers 6:8 \\\n"
      "  --position @last --rank standardised --out neurons.csv");
  on_run(*command, context, [&context, options] { run_scan(context, *options); });
}

}  // namespace gnomon::cli
