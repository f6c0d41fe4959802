// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "cli/context.h"
#include "gnomon/analyses/rounding.h"
#include "gnomon/model/model.h"
#include "gnomon/text/corpus.h"
#include "gnomon/text/text_record.h"

namespace gnomon::cli {

// What `projections` and `audit` have in common: a model, a target, texts, and where the run goes.
struct StudyOptions {
  std::string model;
  std::string target;
  std::string texts;
  Precision precision = Precision::float32;
  std::string weights = "raw";  // --weights, only where the command has the option
  bool as_original = false;     // --as-original, likewise
  std::string out;
  std::string runs_dir = "runs";
  std::string name;
};

// Adds --model, --target, --texts, --precision, --out, --runs-dir and --name.
void add_study_options(CLI::App& command, StudyOptions& options);

// --texts: a file, or "builtin:NAME" or "builtin:NAME:COUNT".
struct TextSource {
  std::vector<TextRecord> records;
  std::string description;  // "newslines.txt, 1354 lines", "builtin:scenes, 500 texts"
  std::string sha256;       // of the file, or of the generated texts
  std::size_t n_distinct = 0;
};
TextSource read_texts(const std::string& given, std::uint64_t seed);
// The sentences of a plain-text file; throws ArgumentError for a generator.
TextSource read_sentence_texts(const std::string& given, SentenceGroup group);
CLI::Option* add_texts_option(CLI::App& command, std::string& texts);

// --weights: which steps of weight processing are taken on a copy of the model.
CLI::Option* add_weights_option(CLI::App& command, std::string& weights);
// The model of --model with the steps of --weights taken.
Model load_model(const std::string& model, const std::string& weights);

}  // namespace gnomon::cli
