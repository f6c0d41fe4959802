// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "cli/commands.h"
#include "cli/model_commands.h"
#include "cli/number_text.h"
#include "cli/option_values.h"
#include "cli/resolve_model.h"
#include "gnomon/base/error.h"
#include "gnomon/base/json.h"
#include "gnomon/model/config_reader.h"
#include "gnomon/model/family.h"
#include "gnomon/model/model.h"
#include "gnomon/model/model_folder.h"
#include "gnomon/text/visible_text.h"

namespace gnomon::cli {
namespace {

namespace fs = std::filesystem;

// Sizes left at 0 have a default that depends on the others.
struct Sizes {
  std::string family;
  Index n_layers = 0;
  Index d_model = 0;
  Index n_heads = 0;
  Index n_kv_heads = 0;
  Index d_head = 0;
  Index d_mlp = 0;
  Index d_vocab = 0;
  Index n_ctx = 0;
};

struct Shape {
  std::string_view name;
  std::string_view family;
  Index n_layers, d_model, n_heads, n_kv_heads, d_mlp, d_vocab, n_ctx;
  double norm_eps;
  double rope_theta;  // of rotary models
  bool tied;
};

// Radford et al. 2019, table 2; SmolLM2 and Pythia as their checkpoints have them.
constexpr std::array kShapes = {
    Shape{"gpt2", "gpt2", 12, 768, 12, 12, 3072, 50257, 1024, 1e-5, 0, true},
    Shape{"gpt2-medium", "gpt2", 24, 1024, 16, 16, 4096, 50257, 1024, 1e-5, 0, true},
    Shape{"gpt2-large", "gpt2", 36, 1280, 20, 20, 5120, 50257, 1024, 1e-5, 0, true},
    Shape{"gpt2-xl", "gpt2", 48, 1600, 25, 25, 6400, 50257, 1024, 1e-5, 0, true},
    Shape{"smollm2-135m", "llama", 30, 576, 9, 3, 1536, 49152, 8192, 1e-5, 100000, true},
    Shape{"pythia-70m", "gpt_neox", 6, 512, 8, 8, 2048, 50304, 2048, 1e-5, 10000, false},
};

struct InitCommand {
  Sizes sizes;
  std::string like;
  std::string out;
};

// The switches of a family stand in its reader of config.json alone.
ModelConfig with_switches(ModelConfig config, double theta) {
  const Family* family = find_family(config.architecture);
  if (family == nullptr) {
    std::vector<std::string> names;
    for (const Family* one : families()) names.emplace_back(one->architecture);
    throw_unknown_choice("--family", config.architecture, names);
  }
  const bool rotary = family->naming != "gpt2";
  const bool neox = family->naming == "gpt_neox";
  if (rotary) {
    // A quarter of a head's channels turn in GPT-NeoX, as transformers has it by default.
    config.rotary_frequency = rotary_frequencies(neox ? config.d_head / 4 : config.d_head, theta,
                                                 std::nullopt, "--d-head");
    config.activation = neox ? Activation::gelu : Activation::silu;
  }
  config.parallel_block = neox;
  check_config(config, "gnomon model init");
  if (neox && config.n_kv_heads != config.n_heads)
    throw ArgumentError("--n-kv-heads: a GPT-NeoX model has as many key-value heads as heads");
  if ((!rotary || neox) && config.d_head * config.n_heads != config.d_model) {
    throw ArgumentError(fmt::format("d_model is {} and n_heads {}, expected a multiple",
                                    config.d_model, config.n_heads));
  }
  const Json json = parse_json(config_json(config), "config.json");
  return family->config_from_json(json, "config.json");
}

ModelConfig config_of(const Shape& shape) {
  ModelConfig config;
  config.architecture = shape.family;
  config.n_layers = shape.n_layers;
  config.d_model = shape.d_model;
  config.n_heads = shape.n_heads;
  config.n_kv_heads = shape.n_kv_heads;
  config.d_head = shape.d_model / shape.n_heads;
  config.d_mlp = shape.d_mlp;
  config.d_vocab = shape.d_vocab;
  config.n_ctx = shape.n_ctx;
  config.norm_eps = shape.norm_eps;
  config.tied_unembedding = shape.tied;
  return with_switches(config, shape.rope_theta);
}

ModelConfig config_of(const Sizes& sizes) {
  const auto require = [](Index size, const char* option) {
    if (size == 0) {
      throw ArgumentError(fmt::format("{} is missing: expected it beside --family", option),
                          "or --like gpt2 for the sizes of a known model");
    }
  };
  require(sizes.n_layers, "--n-layers");
  require(sizes.d_model, "--d-model");
  require(sizes.n_heads, "--n-heads");
  require(sizes.d_vocab, "--d-vocab");
  require(sizes.n_ctx, "--n-ctx");
  ModelConfig config;
  config.architecture = sizes.family;
  config.n_layers = sizes.n_layers;
  config.d_model = sizes.d_model;
  config.n_heads = sizes.n_heads;
  config.n_kv_heads = sizes.n_kv_heads > 0 ? sizes.n_kv_heads : sizes.n_heads;
  config.d_head = sizes.d_head > 0 ? sizes.d_head : sizes.d_model / sizes.n_heads;
  config.d_mlp = sizes.d_mlp > 0 ? sizes.d_mlp : 4 * sizes.d_model;
  config.d_vocab = sizes.d_vocab;
  config.n_ctx = sizes.n_ctx;
  config.norm_eps = 1e-5;
  config.tied_unembedding = naming_of(sizes.family) == "gpt2";
  return with_switches(config, 10000);
}

void check_new_folder(const fs::path& folder) {
  if (!fs::exists(folder)) return;
  if (!fs::is_directory(folder) || !fs::is_empty(folder)) {
    throw ArgumentError(fmt::format("\"{}\" is there, expected a new or empty folder",
                                    visible_text(folder.string())));
  }
}

void run_init(const Context& context, const InitCommand& command) {
  const fs::path folder = command.out;
  check_new_folder(folder);
  std::optional<fs::path> model_folder;
  ModelConfig config;
  if (command.like.empty() == command.sizes.family.empty()) {
    throw ArgumentError("expected --family with sizes, or --like, one of the two",
                        "gnomon model init --like gpt2 --out DIR");
  }
  if (command.like.empty()) {
    config = config_of(command.sizes);
  } else {
    const auto* const shape = std::find_if(
        kShapes.begin(), kShapes.end(), [&](const Shape& one) { return one.name == command.like; });
    if (shape != kShapes.end()) {
      config = config_of(*shape);
    } else {
      const fs::path path = resolve_model(command.like);
      config = Model::load(path).config();
      if (fs::is_directory(path)) model_folder = path;
    }
  }
  const ParameterSet<float> parameters = random_parameters(config, context.options.seed);
  fs::create_directories(folder);
  write_model_folder(folder, config, parameters, Dtype::f32,
                     {{"seed", std::to_string(context.options.seed)}});
  // A folder's tokenizer fits a model of its vocabulary.
  if (model_folder) {
    for (const char* name :
         {"tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt"}) {
      if (fs::exists(*model_folder / name)) fs::copy_file(*model_folder / name, folder / name);
    }
  }
  if (context.options.json) {
    context.out << dump_json(Json{{"path", visible_text(folder.string())},
                                  {"architecture", config.architecture},
                                  {"n_parameters", parameters.size()},
                                  {"seed", context.options.seed}});
  } else {
    context.message(fmt::format("{}, {} parameters, random from seed {}", config.architecture,
                                grouped_number(parameters.size()), context.options.seed));
    context.out << visible_text(folder.string()) << '\n';
  }
}

}  // namespace

void add_model_init_command(CLI::App& model, Context& context) {
  auto command = std::make_shared<InitCommand>();
  CLI::App* init =
      model.add_subcommand("init", "A random model of given sizes and seed, as a folder");
  init->add_option("--family", command->sizes.family, "gpt2, llama, mistral, qwen2 or gpt_neox")
      ->type_name("FAMILY");
  init->add_option(
          "--like", command->like,
          "The sizes of gpt2, gpt2-medium, gpt2-large, gpt2-xl, smollm2-135m or "
          "pythia-70m, or of a model at hand, whose tokenizer is copied where it is a folder")
      ->type_name("MODEL");
  constexpr std::int64_t kLargest = 1 << 24;
  const auto size = [&](const char* option, Index& value, const char* help) {
    add_integer_option(*init, option, value, 1, kLargest, help);
  };
  size("--n-layers", command->sizes.n_layers, "Blocks");
  size("--d-model", command->sizes.d_model, "Width of the residual stream");
  size("--n-heads", command->sizes.n_heads, "Attention heads");
  size("--n-kv-heads", command->sizes.n_kv_heads, "Key-value heads; as many as heads unless given");
  size("--d-head", command->sizes.d_head, "Width of a head; d_model / n_heads unless given");
  size("--d-mlp", command->sizes.d_mlp, "Neurons of a block; 4 d_model unless given");
  size("--d-vocab", command->sizes.d_vocab, "Tokens of the vocabulary");
  size("--n-ctx", command->sizes.n_ctx, "Longest text in tokens");
  init->add_option("-o,--out", command->out, "The folder to make")->type_name("DIR")->required();
  init->footer(
      "gnomon model init --family gpt2 --n-layers 4 --d-model 128 --n-heads 4 \\\n"
      "  --d-vocab 1000 --n-ctx 128 --seed 11 --out tiny\n"
      "gnomon model init --like gpt2 --out random-gpt2");
  on_run(*init, context, [&context, command] { run_init(context, *command); });
}

}  // namespace gnomon::cli
