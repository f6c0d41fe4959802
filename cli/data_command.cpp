// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands.h"
#include "cli/option_values.h"
#include "cli/resolve_model.h"
#include "cli/study_options.h"
#include "cli/version.h"
#include "gnomon/analyses/data_set.h"
#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/report/data_set_files.h"
#include "gnomon/report/data_set_text.h"
#include "gnomon/report/run_id.h"

namespace gnomon::cli {
namespace {

struct DataOptions {
  std::string model;
  std::vector<std::string> targets;
  std::vector<std::string> texts;
  bool sentences = false;
  SentenceGroup sentence_group = SentenceGroup::none;
  double near_duplicates = NearDuplicateOptions{}.threshold;
  Index balance = 0;
  Index balance_rows = BalanceOptions{}.smallest_rows;
  SplitFractions split;
  Precision precision = Precision::float32;
  std::string out;
};

double parse_number(std::string_view option, std::string_view given) {
  double value = 0;
  const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), value);
  if (error != std::errc() || end != given.data() + given.size()) {
    throw ArgumentError(
        fmt::format("{}: found \"{}\", expected a number", option, std::string(given)));
  }
  return value;
}

SplitFractions parse_split(const std::string& given) {
  std::vector<double> parts;
  for (std::size_t begin = 0; begin <= given.size();) {
    const std::size_t end = std::min(given.find(',', begin), given.size());
    parts.push_back(parse_number("--split", std::string_view(given).substr(begin, end - begin)));
    begin = end + 1;
  }
  if (parts.size() != 3) {
    throw ArgumentError(
        fmt::format("--split: found {} numbers, expected 3: train, validation and test",
                    parts.size()),
        "--split 0.7,0.15,0.15");
  }
  return {parts[0], parts[1], parts[2]};
}

struct AllTexts {
  std::vector<TextRecord> records;
  std::vector<TextSourceRecord> sources;
};

AllTexts read_all_texts(const Context& context, const DataOptions& options) {
  AllTexts all;
  for (const std::string& given : options.texts) {
    TextSource source = options.sentences ? read_sentence_texts(given, options.sentence_group)
                                          : read_texts(given, context.options.seed);
    context.message(fmt::format("Read     {}", source.description));
    all.sources.push_back({std::filesystem::path(given).filename().string(), source.sha256,
                           std::ssize(source.records)});
    for (TextRecord& record : source.records) all.records.push_back(std::move(record));
  }
  return all;
}

std::vector<Target> parse_targets(const DataOptions& options, const ModelConfig& config) {
  std::vector<Target> targets;
  for (const std::string& target : options.targets)
    targets.push_back(make_target(parse_site(target, config), config));
  return targets;
}

// "data/smollm2-135m_blocks.8.mlp.hook_post-481--last_s0_k3f9": the same request, the same folder.
std::filesystem::path default_folder(const Context& context, const DataOptions& options,
                                     const DataSet& data, const DataSetLeakage& leakage) {
  std::vector<std::string> words = {options.model, data.target_name(0)};
  if (data.n_target() > 1) words.push_back(fmt::format("and-{}", data.n_target() - 1));
  words.push_back(fmt::format("s{}", context.options.seed));
  return std::filesystem::path("data") /
         run_id(words, sha256_hex(dump_json(data_set_json(data, leakage))));
}

void run_data(const Context& context, const DataOptions& options) {
  if (options.sentence_group != SentenceGroup::none && !options.sentences)
    throw ArgumentError("--sentence-groups: expected --sentences with it");
  const Model model = Model::load(resolve_model(options.model));
  const std::vector<Target> targets = parse_targets(options, model.config());
  AllTexts texts = read_all_texts(context, options);

  DataSetOptions settings;
  settings.seed = context.options.seed;
  settings.fractions = options.split;
  settings.precision = options.precision;
  settings.near.reset();
  if (options.near_duplicates != 0) {
    settings.near.emplace();
    settings.near->threshold = options.near_duplicates;
  }
  if (options.balance > 0) settings.balance = {options.balance, options.balance_rows};
  Progress progress = context.progress("Measure", 0, "tokens");
  settings.run.progress = progress.callback();
  DataSet data = build_data_set(model, targets, std::move(texts.records), settings);
  progress.finish();
  data.sources = std::move(texts.sources);

  const DataSetLeakage leakage = measure_leakage(data);
  const std::filesystem::path folder = options.out.empty()
                                           ? default_folder(context, options, data, leakage)
                                           : std::filesystem::path(options.out);
  const Json version = version_json();
  const Json tool = {{"version", version["version"]}, {"commit", version["commit"]}};
  const WrittenDataSet written = write_data_set(folder, data, leakage, tool);
  if (context.options.json) {
    Json json = {{"path", folder.string()}, {"already_there", written.already_there}};
    json.update(data_set_json(data, leakage));
    json["sha256"] = written.sha256;
    context.out << dump_json(json);
    return;
  }
  context.out << data_set_text(data, leakage, context.text_style())
              << "\nData set: " << folder.string()
              << (written.already_there ? " (was there already)" : "") << "\n";
}

}  // namespace

void add_data_command(CLI::App& app, Context& context) {
  auto options = std::make_shared<DataOptions>();
  CLI::App* command =
      app.add_subcommand("data", "Make a data set for training and scoring a reporter");
  command->group(kStudyGroup);
  add_model_option(*command, options->model)->required();
  command
      ->add_option("--target", options->targets,
                   "The number to report, 'blocks.8.mlp.hook_post[481]@last'; may be repeated, for "
                   "targets of one position")
      ->type_name("SITE")
      ->required();
  command
      ->add_option("--texts", options->texts,
                   "A file of texts: one a line, or .csv or .jsonl with a field \"text\"; or the "
                   "generator builtin:scenes, with a count builtin:scenes:1000; may be repeated")
      ->type_name("FILE")
      ->required();
  command->add_flag("--sentences", options->sentences,
                    "Split plain-text files with paragraphs, such as books, into sentences");
  add_choice_option(*command, "--sentence-groups", options->sentence_group,
                    {{"none", SentenceGroup::none},
                     {"chapter", SentenceGroup::chapter},
                     {"book", SentenceGroup::book}},
                    "With --sentences: keep the sentences of a chapter or book in one part");
  command
      ->add_option_function<std::string>(
          "--near-duplicates",
          [options](const std::string& given) {
            options->near_duplicates = parse_number("--near-duplicates", given);
          },
          "Texts of at least this Jaccard similarity, of 5-character shingles, stay in one part; "
          "0.8 unless given, 0: do not look")
      ->type_name("J");
  add_integer_option(
      *command, "--balance", options->balance, 2, 100000,
      "Drop rows so that this many bins of equal width over the first target's range "
      "hold as many rows as possible alike");
  add_integer_option(*command, "--balance-rows", options->balance_rows, 1, Index{1} << 40,
                     "With --balance: at least so many rows remain, 200 unless given");
  command
      ->add_option_function<std::string>(
          "--split", [options](const std::string& given) { options->split = parse_split(given); },
          "Shares of train, validation and test; 0.7,0.15,0.15 unless given")
      ->type_name("A,B,C");
  add_precision_option(*command, options->precision);
  command->add_option("--out", options->out, "The folder to make; by default a new one in data/")
      ->type_name("DIR");
  command->footer(
      "gnomon data --model smollm2-135m --texts news.txt \\\n"
      "  --target 'blocks.8.mlp.hook_post[481]@last' --out data/news\n"
      "gnomon data --model smollm2-135m --texts book.txt --sentences --balance 10 \\\n"
      "  --target 'blocks.8.mlp.hook_post[481]' --target 'blocks.8.mlp.hook_post[7]'");
  on_run(*command, context, [&context, options] { run_data(context, *options); });
}

}  // namespace gnomon::cli
