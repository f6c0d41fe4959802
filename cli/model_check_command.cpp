// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>

#include "cli/commands.h"
#include "cli/model_commands.h"
#include "cli/number_text.h"
#include "cli/resolve_model.h"
#include "cli/study_options.h"
#include "gnomon/analyses/model_check.h"
#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/base/json.h"
#include "gnomon/model/fetch.h"
#include "gnomon/model/hub_cache.h"
#include "gnomon/report/text_table.h"
#include "gnomon/report/wrapped_text.h"
#include "gnomon/text/visible_text.h"

namespace gnomon::cli {
namespace {

struct CheckedFile {
  std::string path;
  std::uintmax_t bytes = 0;
  std::string sha256;
  std::string known;  // the name under which `gnomon model fetch` has a file of this hash, or empty
  std::optional<std::string> hub_hash;  // by which the hub's cache names it; compared
};

// The name is the hash that the hub gave: SHA-256 for a large file, git's SHA-1 for any other.
void require_hub_content(const std::filesystem::path& path, const CheckedFile& file) {
  if (!file.hub_hash) return;
  const bool is_sha256 = file.hub_hash->size() == file.sha256.size();
  if (is_sha256 ? *file.hub_hash == file.sha256 : has_content(path, *file.hub_hash)) return;
  throw FileError(
      fmt::format("\"{}\" has other content than the Hugging Face hub's, whose hash is {}{}",
                  file.path, *file.hub_hash,
                  is_sha256 ? fmt::format("; its own is {}", file.sha256) : std::string()),
      fmt::format("the file is damaged or was changed: remove \"{}\" and fetch the model again",
                  visible_text(std::filesystem::weakly_canonical(path).string())));
}

// What loading reads of a folder: the files of the weights, and these where they are there.
std::vector<ModelFile> files_of(const Model& model) {
  std::vector<ModelFile> files = model.source().files;
  if (model.source().format != "safetensors") return files;
  const std::filesystem::path folder = files.front().path.parent_path();
  for (const char* name :
       {"model.safetensors.index.json", "tokenizer.json", "vocab.json", "merges.txt"}) {
    std::error_code error;
    const std::uintmax_t bytes = std::filesystem::file_size(folder / name, error);
    if (!error) files.push_back({folder / name, bytes});
  }
  return files;
}

std::vector<CheckedFile> checked_files(const Model& model) {
  std::vector<CheckedFile> files;
  for (const ModelFile& file : files_of(model)) {
    CheckedFile checked = {visible_text(file.path.string()), file.bytes, sha256_file(file.path), "",
                           hub_content_hash(file.path)};
    require_hub_content(file.path, checked);
    for (const KnownModel& known : known_models()) {
      if (known.sha256 == checked.sha256) checked.known = known.name;
    }
    files.push_back(std::move(checked));
  }
  return files;
}

Json check_json(const CheckResult& check) {
  return {{"status", check_status_name(check.status)},
          {"value", number_or_null(check.value)},
          {"tolerance", number_or_null(check.tolerance)}};
}

Json result_json(const Model& model, const std::vector<CheckedFile>& files, const ModelCheck& check,
                 const WeightProcessing& processing) {
  Json json;
  json["name"] = visible_text(model.source().name);
  json["architecture"] = model.config().architecture;
  json["n_parameters"] = check.n_parameters;
  json["passed"] = check.passed();
  json["weights"] = weight_processing_name(processing);
  json["files"] = Json::array();
  for (const CheckedFile& file : files) {
    json["files"].push_back({{"path", file.path},
                             {"bytes", file.bytes},
                             {"sha256", file.sha256},
                             {"known", file.known.empty() ? Json(nullptr) : Json(file.known)},
                             {"hub_hash", file.hub_hash ? Json(*file.hub_hash) : Json(nullptr)}});
  }
  json["text_tokens"] = check.text_tokens;
  json["identities"] = Json::array();
  for (std::size_t i = 0; i < check.float32.size(); ++i) {
    json["identities"].push_back({{"id", check.float32[i].id},
                                  {"title", check.float32[i].title},
                                  {"unit", check.float32[i].why},
                                  {"float32", check_json(check.float32[i])},
                                  {"float64", check_json(check.float64[i])}});
  }
  json["processing"] = Json::array();
  for (const CheckResult& one : check.processing) {
    Json row = check_json(one);
    row["id"] = one.id;
    row["title"] = one.title;
    json["processing"].push_back(std::move(row));
  }
  json["sites"] = Json::array();
  for (const SiteGap& gap : check.gaps) {
    json["sites"].push_back({{"site", hook_point(gap.kind).name},
                             {"layer", gap.layer < 0 ? Json(nullptr) : Json(gap.layer)},
                             {"gap", gap.fraction}});
  }
  return json;
}

std::string value_text(const CheckResult& check) {
  const std::string value = check.value ? fmt::format("{:.2g}", *check.value) : "-";
  return check.status == CheckStatus::fail ? value + " !" : value;
}

std::string result_text(const Context& context, const Model& model,
                        const std::vector<CheckedFile>& files, const ModelCheck& check,
                        const WeightProcessing& processing) {
  constexpr int kIndent = 12;
  std::string text = labelled_text("model", visible_text(model.source().name), kIndent);
  for (const CheckedFile& file : files) {
    text += labelled_text("file", fmt::format("{}  {}", file.path, size_text(file.bytes)), kIndent);
    text += labelled_text("sha256", file.sha256, kIndent);
    if (file.hub_hash)
      text += labelled_text("", "the content that the Hugging Face hub's hash names", kIndent);
    if (!file.known.empty())
      text += labelled_text(
          "", fmt::format("the file that `gnomon model fetch {}` fetches", file.known), kIndent);
  }
  text += labelled_text("weights",
                        fmt::format("{} numbers, all finite", grouped_number(check.n_parameters)),
                        kIndent);
  if (!processing.raw())
    text += labelled_text("processed", weight_processing_name(processing), kIndent);
  text += fmt::format(
      "\nIdentities in every block, on random texts of {} tokens; of the worst\n"
      "block the largest error as a fraction of its rounding bound, or numbers that\n"
      "differ in a bit\n\n",
      fmt::join(check.text_tokens, ", "));
  TextTable identities(
      {{"identity", Align::left, true}, {"float32", Align::right}, {"float64", Align::right}});
  for (std::size_t i = 0; i < check.float32.size(); ++i) {
    identities.add_row(
        {check.float32[i].title, value_text(check.float32[i]), value_text(check.float64[i])});
  }
  text += identities.render(context.text_style());
  if (!check.processing.empty()) {
    text +=
        "\nProcessed against raw weights in float64: the largest difference from what the\n"
        "processing says, as a fraction of the site's root mean square\n\n";
    TextTable processed({{"hook points", Align::left, true}, {"error", Align::right}});
    for (const CheckResult& one : check.processing) processed.add_row({one.title, value_text(one)});
    text += processed.render(context.text_style());
  }
  text +=
      "\nLargest |float32 - float64| as a fraction of the site's root mean square, in\n"
      "the block where it is largest\n\n";
  TextTable gaps({{"site"}, {"block", Align::right}, {"gap", Align::right}});
  for (const SiteGap& gap : check.gaps) {
    gaps.add_row({std::string(hook_point(gap.kind).name),
                  gap.layer < 0 ? std::string("") : std::to_string(gap.layer),
                  fmt::format("{:.1e}", gap.fraction)});
  }
  return text + gaps.render(context.text_style());
}

struct CheckOptions {
  std::string name;
  std::string weights = "raw";
};

void run_check(const Context& context, const CheckOptions& options) {
  const Model model = Model::load(resolve_model(options.name));
  const WeightProcessing processing = parse_weight_processing(options.weights, model.config());
  const std::vector<CheckedFile> files = checked_files(model);
  Progress progress = context.progress("Check", model.config().n_layers, "blocks");
  const ModelCheck check =
      check_model(model, context.options.seed, progress.callback(), processing);
  progress.finish();
  if (context.options.json) {
    context.out << dump_json(result_json(model, files, check, processing));
  } else {
    context.out << result_text(context, model, files, check, processing);
  }
  const auto require = [](const std::vector<CheckResult>& checks, std::string_view where) {
    for (const CheckResult& one : checks) {
      if (one.status != CheckStatus::fail) continue;
      throw CheckError(fmt::format("{}: {} in {}: found {:.3g}, expected at most {:.3g}", one.id,
                                   one.title, where, one.value.value_or(0),
                                   one.tolerance.value_or(0)));
    }
  };
  require(check.float32, "float32");
  require(check.float64, "float64");
  require(check.processing, "processed weights");
}

}  // namespace

void add_model_check_command(CLI::App& model, Context& context) {
  auto options = std::make_shared<CheckOptions>();
  CLI::App* command = model.add_subcommand(
      "check", "Files, weights and identities of a model, in float32 and float64");
  command->add_option("name", options->name, kModelHelp)->type_name("MODEL")->required();
  add_weights_option(*command, options->weights);
  command->footer(
      "gnomon model check smollm2-135m\n"
      "gnomon model check ./gpt2 --json\n"
      "gnomon model check gnomon-books --weights transformerlens");
  on_run(*command, context, [&context, options] { run_check(context, *options); });
}

}  // namespace gnomon::cli
