// SPDX-License-Identifier: Apache-2.0
#include "cli/study_options.h"

#include <fmt/format.h>

#include <filesystem>
#include <set>

#include "cli/commands.h"
#include "cli/option_values.h"
#include "cli/resolve_model.h"
#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/model/weight_processing.h"
#include "gnomon/text/generator.h"

namespace gnomon::cli {
namespace {

constexpr std::string_view kBuiltin = "builtin:";
constexpr std::int64_t kBuiltinCount = 500;

TextSource generated_texts(const std::string& given, std::uint64_t seed) {
  std::string name = given.substr(kBuiltin.size());
  std::int64_t count = kBuiltinCount;
  if (const std::size_t colon = name.find(':'); colon != std::string::npos) {
    count = parse_integer("--texts builtin:NAME:COUNT", name.substr(colon + 1), 1,
                          std::int64_t{1} << 40);
    name.resize(colon);
  }
  TextSource source;
  source.records = generate_texts(name, count, seed);
  source.description = fmt::format("builtin:{}, {} texts", name, count);
  std::string all;
  for (const TextRecord& record : source.records) all += record.text + "\n";
  source.sha256 = sha256_hex(all);
  source.n_distinct = source.records.size();
  return source;
}

TextSource source_of(Corpus corpus, std::string_view what) {
  TextSource source;
  source.records = std::move(corpus.records);
  source.description =
      fmt::format("{}, {} {}", std::filesystem::path(corpus.report.path).filename().string(),
                  corpus.report.n_texts, what);
  source.sha256 = corpus.report.sha256;
  source.n_distinct = static_cast<std::size_t>(corpus.report.n_distinct);
  return source;
}

}  // namespace

TextSource read_texts(const std::string& given, std::uint64_t seed) {
  if (given.starts_with(kBuiltin)) return generated_texts(given, seed);
  return source_of(read_corpus(given), "texts");
}

TextSource read_sentence_texts(const std::string& given, SentenceGroup group) {
  if (given.starts_with(kBuiltin)) {
    throw ArgumentError(
        fmt::format("--sentences: \"{}\" gives sentences already, expected files of "
                    "plain text",
                    given));
  }
  return source_of(read_sentences(given, group), "sentences");
}

CLI::Option* add_texts_option(CLI::App& command, std::string& texts) {
  return command
      .add_option(
          "--texts", texts,
          "A file of texts: one a line, or .csv or .jsonl with a field \"text\"; or the generator "
          "builtin:scenes, with a count builtin:scenes:1000")
      ->type_name("FILE");
}

CLI::Option* add_weights_option(CLI::App& command, std::string& weights) {
  return command
      .add_option("--weights", weights,
                  "On a copy of the model: raw, its weights as stored; transformerlens, the steps "
                  "that TransformerLens takes by default; or some of fold_ln, "
                  "center_writing_weights, center_unembed, fold_value_biases with commas between "
                  "them")
      ->type_name("STEPS")
      ->capture_default_str();
}

Model load_model(const std::string& model, const std::string& weights) {
  const Model stored = Model::load(resolve_model(model));
  return process_weights(stored, parse_weight_processing(weights, stored.config()));
}

void add_study_options(CLI::App& command, StudyOptions& options) {
  add_model_option(command, options.model);
  command
      .add_option("--target", options.target,
                  "The number to report, a neuron or a residual coordinate at a position: "
                  "'blocks.8.mlp.hook_post[481]@last'")
      ->type_name("SITE");
  add_texts_option(command, options.texts);
  add_precision_option(command, options.precision);
  command
      .add_option("--out", options.out,
                  "The run directory to write; by default a new folder in --runs-dir")
      ->type_name("RUN");
  command.add_option("--runs-dir", options.runs_dir, "The folder of runs")
      ->type_name("DIR")
      ->capture_default_str();
  command.add_option("--name", options.name, "A name for the run, kept in run.json")
      ->type_name("NAME");
}

}  // namespace gnomon::cli
