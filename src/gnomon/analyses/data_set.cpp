// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/data_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "gnomon/base/error.h"

namespace gnomon {
namespace {

// The rows of a look-up's table in a row-by-row split: a million is minutes of split_by_group.
constexpr Index kMostSplitRows = 200000;

void check_targets(const Model& model, const std::vector<Target>& targets) {
  if (targets.empty())
    throw ArgumentError("build_data_set: found no target, expected at least one");
  const ModelConfig& config = model.config();
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const std::string name = site_at_name(targets[i].at, config);
    if (targets[i].at.position != targets[0].at.position) {
      throw ArgumentError(
          fmt::format("build_data_set: \"{}\" and \"{}\" have different positions, expected one "
                      "position for all targets of a data set",
                      site_at_name(targets[0].at, config), name),
          "make a data set for each position");
    }
    for (std::size_t k = 0; k < i; ++k) {
      if (targets[k].at == targets[i].at)
        throw ArgumentError(fmt::format("build_data_set: target \"{}\" is given twice", name));
    }
  }
}

template <class T>
void measure(DataSet& data, const Model& model, const RunOptions& options) {
  std::vector<SiteAt> sites;
  for (const Target& target : data.targets) sites.push_back(target.at);
  const std::vector<Activations<T>> read =
      capture<T>(model, data.texts.ids, sites, {}, options).activations;
  data.text = read[0].text;
  data.position = read[0].position;
  data.activation = Tensor<double>({data.n_row(), data.n_target()});
  for (Index k = 0; k < data.n_target(); ++k) {
    const auto values = read[static_cast<std::size_t>(k)].values.values();
    for (Index r = 0; r < data.n_row(); ++r)
      data.activation.matrix()(r, k) = static_cast<double>(values[static_cast<std::size_t>(r)]);
  }
}

void require_variation(const DataSet& data, std::span<const Index> rows, std::string_view which) {
  for (Index k = 0; k < data.n_target(); ++k) {
    const std::vector<double> values = take(data.activation_of(k), rows);
    const auto [low, high] = std::ranges::minmax(values);
    const double rounding =
        4 * std::numeric_limits<double>::epsilon() * std::max(std::abs(low), std::abs(high));
    if (high - low > rounding) continue;
    throw ArgumentError(
        ErrorCode::bad_data,
        fmt::format("the activation of \"{}\" is {} in all {} {}, expected one that "
                    "varies",
                    data.target_name(k), low, rows.size(), which),
        "choose another target, or other texts");
  }
}

std::vector<Index> all_rows(const DataSet& data) {
  std::vector<Index> rows(static_cast<std::size_t>(data.n_row()));
  std::iota(rows.begin(), rows.end(), Index{0});
  return rows;
}

template <class T>
void keep(std::vector<T>& values, std::span<const Index> chosen) {
  std::vector<T> kept;
  kept.reserve(chosen.size());
  for (const Index i : chosen) kept.push_back(std::move(values[static_cast<std::size_t>(i)]));
  values = std::move(kept);
}

// Keeps the chosen rows and the texts that still have one.
void keep_rows(DataSet& data, std::span<const Index> rows) {
  data.activation = take_rows(std::as_const(data.activation).matrix(), rows);
  keep(data.text, rows);
  keep(data.position, rows);
  std::vector<Index> texts;  // rows are in the order of texts
  for (Index& text : data.text) {
    if (texts.empty() || texts.back() != text) texts.push_back(text);
    text = std::ssize(texts) - 1;
  }
  data.counts.n_unused = data.texts.n_text() - std::ssize(texts);
  keep(data.texts.records, texts);
  keep(data.texts.ids, texts);
  keep(data.texts.n_copies, texts);
}

// Of every text the number of its normalised form, in order of first appearance.
std::vector<Index> wordings(const StudyTexts& texts) {
  std::unordered_map<std::string, Index> number_of;
  std::vector<Index> wording;
  for (const TextRecord& record : texts.records) {
    const auto n = static_cast<Index>(number_of.size());
    wording.push_back(number_of.try_emplace(normalised_text(record.text), n).first->second);
  }
  return wording;
}

// The rows of `part` whose wording also stands in train.
Index n_rows_in_train(const DataSet& data, const std::vector<Index>& wording, Part part) {
  std::unordered_set<Index> in_train;
  for (std::size_t t = 0; t < wording.size(); ++t) {
    if (data.texts.part[t] == Part::train) in_train.insert(wording[t]);
  }
  Index n = 0;
  for (const Index row : data.rows_of(part))
    n += in_train.contains(wording[static_cast<std::size_t>(data.text[row])]) ? 1 : 0;
  return n;
}

void require_no_leakage(const DataSet& data) {
  const std::vector<Index> wording = wordings(data.texts);
  const Index n = n_rows_in_train(data, wording, Part::val) +
                  n_rows_in_train(data, wording, Part::test) +
                  find_leakage(data.texts.groups.group_of_row, data.texts.part).n_rows;
  if (n > 0) {
    throw CheckError(fmt::format(
        "build_data_set: {} rows have a text or group that stands in another part too", n));
  }
}

RowSplitLeakage split_rows_singly(const DataSet& data) {
  const std::vector<Index> wording = wordings(data.texts);
  StudyData rows = data.study_rows(0);
  StudyData copies;
  for (Index r = 0; r < data.n_row(); ++r) {
    const auto t = static_cast<std::size_t>(data.text[r]);
    for (Index c = 0; c < data.texts.n_copies[t]; ++c) {
      if (copies.n_row() == kMostSplitRows) break;
      copies.text.push_back(data.text[r]);
      copies.position.push_back(data.position[r]);
      copies.n_token.push_back(rows.n_token[static_cast<std::size_t>(r)]);
      copies.token.push_back(rows.token[static_cast<std::size_t>(r)]);
      copies.group.push_back(wording[t]);
      copies.activation.push_back(rows.activation[static_cast<std::size_t>(r)]);
    }
  }
  std::vector<Index> each_its_own(copies.text.size());
  std::iota(each_its_own.begin(), each_its_own.end(), Index{0});
  copies.part = split_by_group(each_its_own, data.fractions, data.seed).part_of_row;

  const std::vector<Index> training = copies.rows_of(Part::train);
  const std::vector<Index> test = copies.rows_of(Part::test);
  std::unordered_set<Index> in_train;
  for (const Index row : training) in_train.insert(copies.group[static_cast<std::size_t>(row)]);
  RowSplitLeakage leakage;
  leakage.n_test = std::ssize(test);
  for (const Index row : test)
    leakage.n_in_train += in_train.contains(copies.group[static_cast<std::size_t>(row)]) ? 1 : 0;
  for (const BaselineResult& baseline : simple_baselines(copies, training, test)) {
    if (baseline.name == "lookup") leakage.lookup_r2 = baseline.r2_identity;
  }
  return leakage;
}

LeakageTable leakage_of(const DataSet& data, Index target, const std::vector<Index>& wording) {
  StudyData rows = data.study_rows(target);
  const std::vector<Index> training = rows.rows_of(Part::train);
  const std::vector<Index> val = rows.rows_of(Part::val);
  const std::vector<Index> test = rows.rows_of(Part::test);
  std::vector<Index> held_out = val;
  held_out.insert(held_out.end(), test.begin(), test.end());
  const std::vector<double> val_truth = take(rows.activation, val);
  const std::vector<double> test_truth = take(rows.activation, test);

  LeakageTable table{data.target_name(target), {}};
  const auto add = [&](const BaselinePrediction& prediction) {
    BaselinePrediction part{prediction.name, prediction.definition, {}};
    const auto middle = prediction.value.begin() + std::ssize(val);
    part.value.assign(prediction.value.begin(), middle);
    LeakageRow row{prediction.name, prediction.definition, score_baseline(part, val_truth), {}};
    part.value.assign(middle, prediction.value.end());
    row.test = score_baseline(part, test_truth);
    table.rows.push_back(std::move(row));
  };
  // Before the look-up's key replaces the groups that cross-validation goes by.
  const BaselinePrediction unigram =
      unigram_prediction(rows, data.texts.ids, training, held_out, data.seed);
  for (std::size_t r = 0; r < rows.group.size(); ++r)
    rows.group[r] = wording[static_cast<std::size_t>(rows.text[r])];
  std::vector<BaselinePrediction> simple = simple_predictions(rows, training, held_out);
  const auto named = [&](std::string_view name) -> BaselinePrediction& {
    return *std::ranges::find(simple, name, &BaselinePrediction::name);
  };
  named("lookup").definition = "training mean of the same normalised text and position";
  add(named("lookup"));
  add(unigram);
  for (const char* name : {"last_token", "position", "length"}) add(named(name));
  return table;
}

}  // namespace

std::vector<Index> DataSet::rows_of(Part wanted) const {
  std::vector<Index> rows;
  for (Index r = 0; r < n_row(); ++r) {
    if (part(r) == wanted) rows.push_back(r);
  }
  return rows;
}

std::vector<double> DataSet::activation_of(Index target) const {
  std::vector<double> values;
  for (Index r = 0; r < n_row(); ++r) values.push_back(activation.matrix()(r, target));
  return values;
}

std::string DataSet::target_name(Index target) const {
  return site_at_name(targets[static_cast<std::size_t>(target)].at, config);
}

StudyData DataSet::study_rows(Index target) const {
  StudyData rows;
  rows.config = config;
  rows.target = targets[static_cast<std::size_t>(target)];
  rows.precision = precision;
  rows.text = text;
  rows.position = position;
  rows.describe_rows(texts);
  rows.activation = activation_of(target);
  return rows;
}

DataSet build_data_set(const Model& model, const std::vector<Target>& targets,
                       std::vector<TextRecord> records, const DataSetOptions& options) {
  check_targets(model, targets);
  DataSet data;
  data.config = model.config();
  data.model_name = model.source().name;
  data.model_sha256 = model.sha256();
  data.precision = options.precision;
  data.seed = options.seed;
  data.fractions = options.fractions;
  data.near = options.near;
  data.targets = targets;
  data.counts.n_read = std::ssize(records);

  PrepareOptions prepare;
  prepare.seed = options.seed;
  prepare.fractions = options.fractions;
  prepare.deduplicate = true;
  if (options.near) {
    data.near->seed = options.seed;
    prepare.rules.push_back(GroupRule::near_duplicate);
    prepare.near = *options.near;
  }
  prepare.position = targets[0].at.position;
  data.texts = prepare_texts(model, std::move(records), prepare);
  data.counts.n_excluded = std::ssize(data.texts.excluded);
  data.counts.n_duplicates = data.counts.n_read - data.counts.n_excluded - data.texts.n_text();

  if (options.precision == Precision::float32) {
    measure<float>(data, model, options.run);
  } else {
    measure<double>(data, model, options.run);
  }
  data.counts.n_measured = data.n_row();
  require_variation(data, all_rows(data), "rows");
  if (options.balance) {
    data.balance = balance_rows(data.activation_of(0), *options.balance, options.seed);
    if (std::ssize(data.balance->kept) < data.n_row()) {
      keep_rows(data, data.balance->kept);
      group_and_split(data.texts, prepare);
    }
  }
  require_variation(data, data.rows_of(Part::train), "training rows");
  require_no_leakage(data);
  return data;
}

DataSetLeakage measure_leakage(const DataSet& data) {
  const std::vector<Index> wording = wordings(data.texts);
  DataSetLeakage leakage;
  leakage.n_val_in_train = n_rows_in_train(data, wording, Part::val);
  leakage.n_test_in_train = n_rows_in_train(data, wording, Part::test);
  for (Index k = 0; k < data.n_target(); ++k)
    leakage.targets.push_back(leakage_of(data, k, wording));
  leakage.row_split = split_rows_singly(data);
  return leakage;
}

}  // namespace gnomon
