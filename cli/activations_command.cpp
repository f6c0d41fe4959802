// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/number_text.h"
#include "cli/resolve_model.h"
#include "cli/study_options.h"
#include "gnomon/activations/activation_file.h"
#include "gnomon/activations/capture.h"
#include "gnomon/base/error.h"
#include "gnomon/base/json.h"

namespace gnomon::cli {
namespace {

struct ActivationsOptions {
  std::string model;
  std::vector<std::string> sites;
  std::string texts;
  std::string out;
  Precision precision = Precision::float32;
};

template <class T>
void capture_to_file(const Context& context, const ActivationsOptions& options, const Model& model,
                     const std::vector<SiteAt>& sites, const std::vector<std::vector<TokenId>>& ids,
                     const std::map<std::string, std::string>& metadata) {
  Progress progress = context.progress("Capture", 0, "tokens");
  RunOptions run_options;
  run_options.progress = progress.callback();
  const CaptureResult<T> captured = capture<T>(model, ids, sites, {}, run_options);
  progress.finish();
  write_activations<T>(options.out, captured.activations, ids, model.config(), metadata);
}

void run_activations(const Context& context, const ActivationsOptions& options) {
  const Model model = Model::load(resolve_model(options.model));
  std::vector<SiteAt> sites;
  for (const std::string& site : options.sites) {
    sites.push_back(parse_site(site, model.config()));
    if (std::count(sites.begin(), sites.end(), sites.back()) > 1) {
      throw ArgumentError(
          fmt::format("--site \"{}\" is given twice", site_at_name(sites.back(), model.config())));
    }
  }
  const TextSource source = read_texts(options.texts, context.options.seed);
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
  const std::map<std::string, std::string> metadata = {
      {"model", model.source().name},
      {"model_sha256", model.sha256()},
      {"texts_sha256", source.sha256},
      {"precision", std::string(precision_name(options.precision))}};
  if (options.precision == Precision::float32) {
    capture_to_file<float>(context, options, model, sites, ids, metadata);
  } else {
    capture_to_file<double>(context, options, model, sites, ids, metadata);
  }
  if (context.options.json) {
    Json json = {{"out", options.out}, {"n_texts", ids.size()}, {"sites", Json::array()}};
    for (const SiteAt& at : sites) json["sites"].push_back(site_at_name(at, model.config()));
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
                   "'blocks.3.hook_resid_post@all'; may be repeated")
      ->type_name("SITE")
      ->required();
  add_texts_option(*command, options->texts)->required();
  command->add_option("--out", options->out, "The safetensors file to write")
      ->type_name("FILE")
      ->required();
  add_precision_option(*command, options->precision);
  command->footer(
      "gnomon activations --model smollm2-135m --texts builtin:scenes \\\n"
      "  --site 'blocks.8.mlp.hook_post[481]@last' --out activations.safetensors");
  on_run(*command, context, [&context, options] { run_activations(context, *options); });
}

}  // namespace gnomon::cli
