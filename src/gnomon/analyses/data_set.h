// SPDX-License-Identifier: Apache-2.0
// in: a model, targets and texts   out: rows to train and score a reporter on, and what predicts
// them without the model
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gnomon/analyses/baselines.h"
#include "gnomon/analyses/study.h"
#include "gnomon/targets/balance.h"

namespace gnomon {

struct DataSetOptions {
  std::uint64_t seed = 0;  // of groups, balance and split
  SplitFractions fractions = {};
  std::optional<NearDuplicateOptions> near = NearDuplicateOptions{};  // nothing: rule not applied
  std::optional<BalanceOptions> balance = {};  // over the range of the first target
  Precision precision = Precision::float32;
  RunOptions run = {};
};

// Where the texts came from.
struct TextSourceRecord {
  std::string name;  // "news.txt", "builtin:scenes:500"
  std::string sha256;
  Index n_records = 0;
};

// What happened to the texts on the way.
struct DataSetCounts {
  Index n_read = 0;        // records given
  Index n_duplicates = 0;  // dropped: the same as another but for white space at the ends
  Index n_excluded = 0;    // named in texts.excluded
  Index n_unused = 0;      // texts of which balancing kept no row
  Index n_measured = 0;    // rows before balancing
};

// One row for each text and position; every target has its value in every row. All targets have the
// same position.
struct DataSet {
  ModelConfig config;
  std::string model_name;
  std::string model_sha256;
  Precision precision = Precision::float32;
  std::uint64_t seed = 0;
  SplitFractions fractions;
  std::optional<NearDuplicateOptions> near;
  std::vector<TextSourceRecord> sources;  // the caller's to fill

  std::vector<Target> targets;
  StudyTexts texts;
  DataSetCounts counts;
  std::optional<Balance> balance;  // `kept` are indices into the rows measured

  std::vector<Index> text;      // of each row, index into texts
  std::vector<Index> position;  // token of the text
  Tensor<double> activation;    // [n_row, n_target] of the model as it was loaded: snapshots

  Index n_row() const { return static_cast<Index>(text.size()); }
  Index n_target() const { return static_cast<Index>(targets.size()); }
  Part part(Index row) const { return texts.part[static_cast<std::size_t>(text[row])]; }
  Index group(Index row) const {
    return texts.groups.group_of_row[static_cast<std::size_t>(text[row])];
  }
  std::vector<Index> rows_of(Part part) const;
  std::vector<double> activation_of(Index target) const;  // [n_row]
  std::string target_name(Index target) const;            // with its position
  // The rows and one target's activation as baselines read them; streams and weights stay empty.
  StudyData study_rows(Index target) const;
};

// Texts are deduplicated, left out where they cannot be measured, grouped and split by the steps of
// prepare_texts; balancing drops rows, after which texts without rows are gone and the rest is
// grouped and split anew.
//
// Throws ArgumentError: usage for no target, a target given twice, or targets of different
// positions; bad_data as prepare_texts and balance_rows do, and where a target does not vary over
// the rows or over the training rows. CheckError where a text stands in two parts in any
// normalised wording.
DataSet build_data_set(const Model& model, const std::vector<Target>& targets,
                       std::vector<TextRecord> records, const DataSetOptions& options);

// How well one baseline, fitted on the training rows, predicts the others.
struct LeakageRow {
  std::string name;
  std::string definition;
  BaselineResult val;
  BaselineResult test;
};

// What a reporter's score may be due to, for one target.
struct LeakageTable {
  std::string target;
  std::vector<LeakageRow> rows;  // lookup, unigram, last_token, position, length
};

// What a split of rows one by one would have done to the same texts with their dropped copies: the
// score of looking a text up.
struct RowSplitLeakage {
  Index n_test = 0;
  Index n_in_train = 0;             // test rows whose normalised text stands in train
  std::optional<double> lookup_r2;  // R²(identity) on the test rows, of the first target
};

struct DataSetLeakage {
  std::vector<LeakageTable> targets;
  // Rows whose normalised text stands in train.
  Index n_val_in_train = 0;
  Index n_test_in_train = 0;
  RowSplitLeakage row_split;
};

DataSetLeakage measure_leakage(const DataSet& data);

}  // namespace gnomon
