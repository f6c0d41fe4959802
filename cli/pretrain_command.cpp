// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/config_source.h"
#include "cli/number_text.h"
#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/base/nearest_name.h"
#include "gnomon/model/family.h"
#include "gnomon/model/model_folder.h"
#include "gnomon/text/paragraphs.h"
#include "gnomon/tokens/tokenizer_json.h"
#include "gnomon/train/pretrain.h"

namespace gnomon::cli {
namespace {

namespace fs = std::filesystem;

struct PretrainConfig {
  std::string name = "model";
  std::string description;
  std::string licence;
  std::string tokenizer;  // folder with tokenizer.json, relative to the configuration file
  std::vector<std::string> held_out;  // files of --texts that are not trained on
  std::vector<std::string> prompts;   // continued in the model card
  ModelConfig sizes;
  PretrainOptions train;
};

using Setters = std::map<std::string, std::function<void(PretrainConfig&, const GivenValue&)>>;

[[noreturn]] void throw_wrong_type(const GivenValue& given, std::string_view expected) {
  throw ArgumentError(fmt::format("{}: \"{}\" is {}, expected {}", given.place, given.key,
                                  given.value.dump(), expected));
}

template <class Access>
auto set_whole(Access access, Index smallest) {
  return [access, smallest](PretrainConfig& config, const GivenValue& given) {
    if (!given.value.is_number_integer() || given.value.get<Index>() < smallest)
      throw_wrong_type(given, fmt::format("a whole number from {}", smallest));
    access(config) = given.value.get<Index>();
  };
}

template <class Access>
auto set_number(Access access) {
  return [access](PretrainConfig& config, const GivenValue& given) {
    const double value = given.value.is_number() ? given.value.get<double>() : -1;
    if (!(value >= 0) || !std::isfinite(value)) throw_wrong_type(given, "a number from 0");
    access(config) = value;
  };
}

template <class Access>
auto set_text(Access access) {
  return [access](PretrainConfig& config, const GivenValue& given) {
    if (!given.value.is_string()) throw_wrong_type(given, "a text");
    access(config) = given.value.get<std::string>();
  };
}

template <class Access>
auto set_texts(Access access) {
  return [access](PretrainConfig& config, const GivenValue& given) {
    if (!given.value.is_array()) throw_wrong_type(given, "a list of texts");
    for (const Json& entry : given.value) {
      if (!entry.is_string()) throw_wrong_type(given, "a list of texts");
      access(config).push_back(entry.get<std::string>());
    }
  };
}

const Setters& setters() {
  using C = PretrainConfig;
  static const Setters kSetters = {
      {"name", set_text([](C & c) -> auto& { return c.name; })},
      {"description", set_text([](C & c) -> auto& { return c.description; })},
      {"licence", set_text([](C & c) -> auto& { return c.licence; })},
      {"tokenizer", set_text([](C & c) -> auto& { return c.tokenizer; })},
      {"held_out", set_texts([](C & c) -> auto& { return c.held_out; })},
      {"prompts", set_texts([](C & c) -> auto& { return c.prompts; })},
      {"model.n_layers", set_whole(
                             [](C & c) -> auto& { return c.sizes.n_layers; }, 1)},
      {"model.d_model", set_whole(
                            [](C & c) -> auto& { return c.sizes.d_model; }, 1)},
      {"model.n_heads", set_whole(
                            [](C & c) -> auto& { return c.sizes.n_heads; }, 1)},
      {"model.n_ctx", set_whole(
                          [](C & c) -> auto& { return c.sizes.n_ctx; }, 2)},
      {"train.epochs", set_whole(
                           [](C & c) -> auto& { return c.train.epochs; }, 1)},
      {"train.batch_tokens", set_whole(
                                 [](C & c) -> auto& { return c.train.batch_tokens; }, 1)},
      {"train.part_tokens", set_whole(
                                [](C & c) -> auto& { return c.train.part_tokens; }, 1)},
      {"train.warmup_steps", set_whole(
                                 [](C & c) -> auto& { return c.train.schedule.warmup_steps; }, 0)},
      {"train.save_every", set_whole(
                               [](C & c) -> auto& { return c.train.save_every; }, 0)},
      {"train.learning_rate",
       set_number([](C & c) -> auto& { return c.train.optimizer.learning_rate; })},
      {"train.weight_decay",
       set_number([](C & c) -> auto& { return c.train.optimizer.weight_decay; })},
      {"train.beta1", set_number([](C & c) -> auto& { return c.train.optimizer.beta1; })},
      {"train.beta2", set_number([](C & c) -> auto& { return c.train.optimizer.beta2; })},
      {"train.final_fraction",
       set_number([](C & c) -> auto& { return c.train.schedule.final_fraction; })},
      {"train.clip_norm", set_number([](C & c) -> auto& { return c.train.clip_norm; })},
  };
  return kSetters;
}

PretrainConfig read_pretrain_config(const std::string& path) {
  PretrainConfig config;
  for (const GivenValue& given : read_config_file(path)) {
    const auto setter = setters().find(given.key);
    if (setter == setters().end()) {
      std::vector<std::string> keys;
      for (const auto& [key, set] : setters()) keys.push_back(key);
      const auto nearest = nearest_name(given.key, keys);
      throw ArgumentError(fmt::format("{}: there is no setting \"{}\"", given.place, given.key),
                          nearest ? fmt::format("did you mean \"{}\"?", *nearest) : "");
    }
    setter->second(config, given);
  }
  if (config.tokenizer.empty())
    throw ArgumentError(fmt::format("\"{}\": \"tokenizer\" is missing", path),
                        "name the folder that holds tokenizer.json");
  return config;
}

struct Book {
  std::string file;
  std::vector<std::vector<TokenId>> samples;
};

std::vector<Book> read_books(const fs::path& folder, const Tokenizer& tokenizer, Index n_ctx) {
  std::vector<fs::path> paths;
  if (!fs::is_directory(folder)) {
    throw FileError(ErrorCode::not_found, fmt::format("\"{}\" is no folder", folder.string()),
                    "--texts is a folder of plain texts, *.txt");
  }
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".txt") paths.push_back(entry.path());
  }
  std::ranges::sort(paths);
  if (paths.empty())
    throw FileError(ErrorCode::not_found, fmt::format("\"{}\" holds no *.txt", folder.string()));
  std::vector<Book> books;
  const std::vector<TokenId> line_feed = tokenizer.encode("\n");
  for (const fs::path& path : paths) {
    std::vector<std::vector<TokenId>> paragraphs;
    for (const std::string& paragraph : read_paragraphs(path))
      paragraphs.push_back(tokenizer.encode(paragraph));
    books.push_back({path.filename().string(), pack_samples(paragraphs, line_feed, n_ctx)});
  }
  return books;
}

// For a block of Markdown that shows text as it is.
std::string quoted_block(const std::string& text) {
  std::string result = "> ";
  for (const char c : text) {
    result += c;
    if (c == '\n') result += "> ";
  }
  return result;
}

struct Outcome {
  LanguageModelLoss held_out;
  CountBaselines baselines;
  Index n_parameters = 0;
  Index n_token = 0;  // of the training samples
  std::vector<std::string> continuations;
};

std::string model_card(const PretrainConfig& config, const std::vector<Book>& books,
                       const Outcome& outcome) {
  std::string card = "---\n";
  if (!config.licence.empty()) card += fmt::format("license: {}\n", config.licence);
  card += "language: en\n---\n\n";
  card += fmt::format("# {}\n\n{}\n\n", config.name, config.description);
  const ModelConfig& s = config.sizes;
  card += fmt::format(
      "GPT-2 family: {} blocks, d_model {}, {} heads, d_mlp {}, context {} tokens, vocabulary {}, "
      "tied unembedding; {} parameters, stored as float16.\n\n",
      s.n_layers, s.d_model, s.n_heads, s.d_mlp, s.n_ctx, s.d_vocab,
      grouped_number(outcome.n_parameters));
  card += "## Loss\n\nMean over the predicted tokens of the held-out books, in nats a token:\n\n";
  card += "| | loss | perplexity |\n|---|---|---|\n";
  const auto row = [&](const std::string& name, double loss) {
    card += fmt::format("| {} | {:.3f} | {:.1f} |\n", name, loss, std::exp(loss));
  };
  row("this model, as stored", outcome.held_out.mean());
  row(fmt::format("bigram counts (interpolated, k = {:g})", outcome.baselines.bigram_k),
      outcome.baselines.bigram);
  row("unigram counts", outcome.baselines.unigram);
  card += fmt::format("\n{} tokens were scored. The counts are of the training books.\n\n",
                      grouped_number(outcome.held_out.n_token));
  const PretrainOptions& t = config.train;
  card += fmt::format(
      "## Recipe\n\n`gnomon pretrain`, seed {}: {} epochs over {} tokens in samples of at most {} "
      "tokens; {} tokens an update; AdamW with learning rate {:g}, betas {:g} and {:g}, weight "
      "decay {:g} of matrices; {} updates of warm-up, then cosine decay to {:g} of the rate; "
      "gradients clipped to norm {:g}. Paragraphs are unwrapped and separated by line feeds; no "
      "token is added before a text.\n\n",
      t.seed, t.epochs, grouped_number(outcome.n_token), s.n_ctx, grouped_number(t.batch_tokens),
      t.optimizer.learning_rate, t.optimizer.beta1, t.optimizer.beta2, t.optimizer.weight_decay,
      t.schedule.warmup_steps, t.schedule.final_fraction, t.clip_norm);
  card += "## Texts\n\n| book | samples | use |\n|---|---|---|\n";
  for (const Book& book : books) {
    const bool held_out = std::ranges::count(config.held_out, book.file) > 0;
    card += fmt::format("| {} | {} | {} |\n", book.file, book.samples.size(),
                        held_out ? "held out" : "training");
  }
  if (!outcome.continuations.empty())
    card += "\n## Continuations\n\nTemperature 0.8, from the 40 most likely tokens:\n";
  for (const std::string& text : outcome.continuations) card += "\n" + quoted_block(text) + "\n";
  return card;
}

struct PretrainCommand {
  std::string config;
  std::string texts;
  std::string out;
};

void run_pretrain(const Context& context, const PretrainCommand& command) {
  PretrainConfig config = read_pretrain_config(command.config);
  config.train.seed = context.options.seed;
  const fs::path tokenizer_folder = fs::path(command.config).parent_path() / config.tokenizer;
  const Tokenizer tokenizer(read_tokenizer_json(tokenizer_folder / "tokenizer.json"));
  ModelConfig& sizes = config.sizes;
  sizes.architecture = "gpt2";
  sizes.d_vocab = tokenizer.d_vocab();
  sizes.n_kv_heads = sizes.n_heads;
  sizes.d_head = sizes.n_heads > 0 ? sizes.d_model / sizes.n_heads : 0;
  sizes.d_mlp = 4 * sizes.d_model;
  sizes.norm_eps = 1e-5;
  check_config(sizes, command.config);
  if (sizes.d_model % sizes.n_heads != 0) {
    throw ArgumentError(fmt::format("\"{}\": d_model is {} and n_heads {}, expected a multiple",
                                    command.config, sizes.d_model, sizes.n_heads));
  }

  const std::vector<Book> books = read_books(command.texts, tokenizer, sizes.n_ctx);
  std::vector<std::vector<TokenId>> training, held_out;
  for (const Book& book : books) {
    auto& to = std::ranges::count(config.held_out, book.file) > 0 ? held_out : training;
    to.insert(to.end(), book.samples.begin(), book.samples.end());
  }
  for (const std::string& name : config.held_out) {
    if (std::ranges::none_of(books, [&](const Book& book) { return book.file == name; }))
      throw ArgumentError(
          fmt::format("held_out names \"{}\", which is not in \"{}\"", name, command.texts));
  }
  if (held_out.empty() || training.empty()) {
    throw ArgumentError(ErrorCode::bad_data,
                        "there must be books to train on and books that are held out",
                        "held_out = [\"one-of-the-files.txt\"] in the configuration");
  }

  const fs::path folder = command.out;
  fs::create_directories(folder / "pretrain_state");
  const fs::path state = folder / "pretrain_state";
  // The start is written and read as any model is.
  write_model_folder(state / "start", sizes, random_parameters(sizes, config.train.seed),
                     Dtype::f32);
  const Model start = Model::load(state / "start");
  const auto parameters =
      std::make_shared<ParameterSet<float>>(copy_parameters<float>(start, model_parameters(sizes)));
  const Model model = start.with_parameters<float>(parameters);
  Outcome outcome;
  outcome.n_parameters = parameters->size();
  for (const auto& sample : training) outcome.n_token += static_cast<Index>(sample.size());
  context.message(fmt::format("Texts    {} books, {} samples, {} tokens to train on; {} held out",
                              books.size(), training.size(), grouped_number(outcome.n_token),
                              held_out.size()));
  context.message(fmt::format("Model    {} parameters", grouped_number(outcome.n_parameters)));

  Progress progress = context.progress("Pretrain", 0, "updates");
  Index said = -1;
  pretrain(model, *parameters, training, config.train, state, [&](const PretrainProgress& at) {
    progress.update(at.step, at.n_step);
    if (at.step % 100 != 0 || at.step == said) return;
    said = at.step;
    context.message(fmt::format("update {:5} of {}  loss {:.3f}  rate {:.2e}  {:.0f} tokens/s",
                                at.step, at.n_step, at.train_loss, at.learning_rate,
                                at.tokens_per_second));
  });
  progress.finish();

  write_model_folder(folder, sizes, *parameters, Dtype::f16);
  for (const char* name : {"tokenizer.json", "tokenizer_config.json"}) {
    if (fs::exists(tokenizer_folder / name))
      write_file_atomic(folder / name, read_text_file(tokenizer_folder / name));
  }
  // Scored as stored: float16 is part of the model.
  const Model stored = Model::load(folder);
  outcome.held_out = language_model_loss<float>(stored, held_out, {});
  outcome.baselines = count_baselines(training, held_out, sizes.d_vocab);
  for (const std::string& prompt : config.prompts) {
    outcome.continuations.push_back(tokenizer.decode(
        sample_continuation(stored, tokenizer.encode(prompt), 60, 0.8, 40, config.train.seed)));
  }
  write_file_atomic(folder / "README.md", model_card(config, books, outcome));
  std::error_code ignored;
  fs::remove_all(state, ignored);

  if (context.options.json) {
    Json json;
    json["model"] = folder.string();
    json["n_parameters"] = outcome.n_parameters;
    json["held_out_loss"] = outcome.held_out.mean();
    json["held_out_tokens"] = outcome.held_out.n_token;
    json["bigram_loss"] = outcome.baselines.bigram;
    json["unigram_loss"] = outcome.baselines.unigram;
    context.out << dump_json(json);
    return;
  }
  context.out << fmt::format(
      "held-out loss {:.3f} nats a token over {} tokens; bigram {:.3f}, unigram {:.3f}\n"
      "written to {}\n",
      outcome.held_out.mean(), grouped_number(outcome.held_out.n_token), outcome.baselines.bigram,
      outcome.baselines.unigram, folder.string());
}

}  // namespace

void add_pretrain_command(CLI::App& app, Context& context) {
  const auto options = std::make_shared<PretrainCommand>();
  CLI::App* command = app.add_subcommand(
      "pretrain", "Train a small GPT-2 language model from plain texts, and write it as a folder");
  command->group(kSetUpGroup);
  command->add_option("--config", options->config, "Sizes, tokenizer and recipe, in TOML or JSON")
      ->required()
      ->type_name("FILE");
  command->add_option("--texts", options->texts, "Folder of plain texts, *.txt")
      ->required()
      ->type_name("DIR");
  command
      ->add_option("--out", options->out,
                   "Folder for the model; an unfinished training in it goes on")
      ->required()
      ->type_name("DIR");
  command->footer(
      "gnomon pretrain --config assets/gnomon-books/pretrain.toml --texts books \\\n"
      "  --out model");
  on_run(*command, context, [&context, options] { run_pretrain(context, *options); });
}

}  // namespace gnomon::cli
