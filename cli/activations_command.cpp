// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands.h"
#include "cli/number_text.h"
#include "cli/study_options.h"
#include "gnomon/activations/activation_file.h"
#include "gnomon/base/error.h"
#include "gnomon/base/json.h"

namespace gnomon::cli {
namespace {

struct ActivationsOptions {
  std::string model;
  std::vector<std::string> sites;
  std::string of;
  std::string texts;
  std::string out;
  Precision precision = Precision::float32;
  std::string weights = "raw";
};

constexpr std::string_view kLoss = "loss";

void run_activations(const Context& context, const ActivationsOptions& options) {
  const Model model = load_model(options.model, options.weights);
  ActivationsRequest request;
  std::vector<RequestedSite>& sites = request.sites;
  const auto name = [&](const RequestedSite& site) {
    return activations_name(site.at, site.gradient, model.config());
  };
  for (const std::string& site : options.sites) {
    sites.push_back(parse_requested_site(site, model.config()));
    if (std::ranges::count(sites, sites.back()) > 1)
      throw ArgumentError(fmt::format("--site \"{}\" is given twice", name(sites.back())));
  }
  const bool has_gradients = std::ranges::any_of(sites, &RequestedSite::gradient);
  if (has_gradients == options.of.empty()) {
    throw ArgumentError(has_gradients ? "a \"_grad\" site needs --of, what the gradient is of"
                                      : "--of needs a \"_grad\" site",
                        "gradients: --site blocks.0.hook_resid_pre_grad@all --of loss");
  }
  if (has_gradients && options.of != kLoss) request.of = parse_site(options.of, model.config());
  const TextSource source = read_texts(options.texts, context.options.seed);
  // Half a gigabyte takes a third of a second: beside the forward pass.
  std::future<std::string> model_sha256 =
      std::async(std::launch::async, [&] { return model.sha256(); });
  std::vector<std::vector<TokenId>> ids;
  for (const TextRecord& record : source.records) {
    Encoding encoding = model.tokenizer().encode_with_offsets(record.text);
    if (encoding.n_dropped_bytes > 0) {
      throw ArgumentError(ErrorCode::bad_data,
                          fmt::format("text {} has {} bytes without a token in the vocabulary",
                                      record.source, encoding.n_dropped_bytes));
    }
    ids.push_back(std::move(encoding.ids));
    const auto n_token = static_cast<Index>(ids.back().size());
    if (n_token == 0 || n_token > model.config().n_ctx) {
      throw ArgumentError(ErrorCode::bad_data,
                          fmt::format("text {} has {} tokens, expected 1 to {}", record.source,
                                      n_token, model.config().n_ctx),
                          "take the text out of the file: nothing is cut");
    }
  }
  std::map<std::string, std::string> metadata = {
      {"model", model.source().name},
      {"texts_sha256", source.sha256},
      {"precision", std::string(precision_name(options.precision))},
      {"weights", model.source().weights}};
  if (has_gradients) {
    metadata["gradient_of"] =
        request.of ? site_at_name(*request.of, model.config()) : std::string(kLoss);
  }
  const auto with_hash = [&] {
    metadata["model_sha256"] = model_sha256.get();
    return metadata;
  };
  Progress progress = context.progress("Capture", n_tokens_of(ids), "tokens");
  RunOptions run_options;
  run_options.progress = progress.callback();
  if (options.precision == Precision::float32) {
    capture_to_file<float>(model, ids, request, options.out, with_hash, run_options);
  } else {
    capture_to_file<double>(model, ids, request, options.out, with_hash, run_options);
  }
  progress.finish();
  if (context.options.json) {
    Json json = {{"out", options.out},
                 {"n_texts", ids.size()},
                 {"weights", model.source().weights},
                 {"sites", Json::array()}};
    for (const RequestedSite& site : sites) json["sites"].push_back(name(site));
    context.out << dump_json(json);
  } else {
    context.message(fmt::format("Wrote {}: {} sites of {} texts, {}", options.out, sites.size(),
                                ids.size(), size_text(std::filesystem::file_size(options.out))));
  }
}

}  // namespace

void add_activations_command(CLI::App& app, Context& context) {
  auto options = std::make_shared<ActivationsOptions>();
  CLI::App* command =
      app.add_subcommand("activations", "Write the numbers at chosen sites to a file");
  command->group(kStudyGroup);
  add_model_option(*command, options->model)->required();
  command
      ->add_option("--site", options->sites,
                   "A hook point, possibly one coordinate of it, at a position: "
                   "'blocks.3.hook_resid_post@all'; with _grad after its name the gradient there; "
                   "may be repeated")
      ->type_name("SITE")
      ->required();
  command
      ->add_option("--of", options->of,
                   "What gradients are of: a site with a coordinate, or loss, the mean next-token "
                   "loss of the text")
      ->type_name("SITE");
  add_texts_option(*command, options->texts)->required();
  command->add_option("--out", options->out, "The safetensors file to write")
      ->type_name("FILE")
      ->required();
  add_precision_option(*command, options->precision);
  add_weights_option(*command, options->weights);
  command->footer(
      "gnomon activations --model smollm2-135m --texts builtin:scenes \\\n"
      "  --site 'blocks.8.mlp.hook_post[481]@last' --out activations.safetensors");
  on_run(*command, context, [&context, options] { run_activations(context, *options); });
}

}  // namespace gnomon::cli
