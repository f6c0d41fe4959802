// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/original_audit.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>
#include <numeric>
#include <set>

#include "gnomon/analyses/detail/original_conclusions.h"
#include "gnomon/analyses/original_sampling.h"
#include "gnomon/stats/distance.h"
#include "gnomon/stats/regression.h"

namespace gnomon {
namespace {

// Constants of the original program.
constexpr double kPartFraction = 0.15;  // val and test, the defaults; not stored in a run
constexpr double kHeadInitSd = 0.02;
constexpr double kSmallestRate = 1e-6;  // eta_min of its cosine schedule
constexpr Index kFirstSentences = 20;   // of its text generator
constexpr Index kSecondSentences = 15;
constexpr Index kMostPredictions = 100;
constexpr Index kKlCells = 30;

// float32 arithmetic in logarithm and cosine, on numbers of about 5 sd.
constexpr double kInitTolerance = 2e-7;

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double population_variance(const std::vector<double>& values) {
  const double mean = mean_of(values);
  double sum = 0;
  for (const double value : values) sum += (value - mean) * (value - mean);
  return sum / static_cast<double>(values.size());
}

// The share of the variance of `values` that lies between the means of equal keys.
std::optional<double> variance_share(const std::vector<std::string_view>& keys,
                                     const std::vector<double>& values) {
  if (values.empty()) return std::nullopt;
  const double total = population_variance(values);
  if (!(total > 0)) return std::nullopt;
  std::map<std::string_view, std::vector<double>> by_key;
  for (std::size_t i = 0; i < values.size(); ++i) by_key[keys[i]].push_back(values[i]);
  const double mean = mean_of(values);
  double between = 0;
  for (const auto& [key, group] : by_key) {
    const double distance = mean_of(group) - mean;
    between += static_cast<double>(group.size()) * distance * distance;
  }
  return between / (total * static_cast<double>(values.size()));
}

class Auditor {
 public:
  explicit Auditor(const OriginalRun& run) : run_(run) {
    for (const OriginalRow& row : run.rows) {
      labels_.push_back(row.activation);
      label_of_.emplace(row.text, row.activation);
    }
  }

  OriginalAudit audit() && {
    count_texts();
    regenerate_texts();
    regenerate_splits();
    if (audit_.splits) measure_baselines();
    if (!run_.predictions.empty()) check_actuals();
    check_head();
    test_projections();
    measure_drift();
    check_training();
    check_log();
    audit_.conclusions = detail::original_conclusions(run_, audit_);
    return std::move(audit_);
  }

 private:
  const std::string& text_of(Index row) const {
    return run_.rows[static_cast<std::size_t>(row)].text;
  }
  double label_of(Index row) const { return labels_[static_cast<std::size_t>(row)]; }

  void count_texts() {
    audit_.n_row = std::ssize(run_.rows);
    std::map<std::string_view, Index> copies;
    for (const OriginalRow& row : run_.rows)
      audit_.max_multiplicity = std::max(audit_.max_multiplicity, ++copies[row.text]);
    audit_.n_distinct = std::ssize(copies);
    audit_.label_mean = mean_of(labels_);
    audit_.label_sd = std::sqrt(population_variance(labels_));
    audit_.label_min = *std::ranges::min_element(labels_);
    audit_.label_max = *std::ranges::max_element(labels_);
  }

  // The program repeats a list of texts that is shorter than the data set is to be.
  void regenerate_texts() {
    audit_.n_drawn = smallest_period();
    std::map<Index, std::string_view> firsts;
    std::map<Index, std::string_view> rests;
    const auto pairs =
        numpy_choice_pairs(audit_.n_drawn, kFirstSentences, kSecondSentences, kOriginalSeed);
    bool agree = true;
    for (Index i = 0; i < audit_.n_drawn && agree; ++i) {
      const auto [first, rest] = first_sentence(text_of(i));
      const ChoicePair& pair = pairs[static_cast<std::size_t>(i)];
      agree = !rest.empty() && firsts.emplace(pair.first, first).first->second == first &&
              rests.emplace(pair.second, rest).first->second == rest;
    }
    // Few texts, or texts all of one sentence, agree with any draws.
    constexpr std::size_t kEnough = 10;
    audit_.generator_reproduced = agree && distinct_values(firsts) == firsts.size() &&
                                  distinct_values(rests) == rests.size() &&
                                  firsts.size() >= kEnough && rests.size() >= kEnough;
  }

  static std::size_t distinct_values(const std::map<Index, std::string_view>& map) {
    std::set<std::string_view> values;
    for (const auto& [key, value] : map) values.insert(value);
    return values.size();
  }

  // By the prefix function of Knuth, Morris and Pratt, as the texts may be many.
  Index smallest_period() const {
    std::vector<Index> border(run_.rows.size(), 0);
    for (std::size_t i = 1; i < border.size(); ++i) {
      Index k = border[i - 1];
      while (k > 0 && run_.rows[i].text != text_of(k)) k = border[static_cast<std::size_t>(k - 1)];
      border[i] = run_.rows[i].text == text_of(k) ? k + 1 : 0;
    }
    return std::ssize(run_.rows) - border.back();
  }

  void regenerate_splits() {
    const Index n = audit_.n_row;
    const auto n_part = static_cast<Index>(static_cast<double>(n) * kPartFraction);
    if (n_part < 1) {
      audit_.why_no_splits = fmt::format("{} rows are too few for parts of 15 %", n);
      return;
    }
    const std::vector<Index> order = torch_permutation(n, kOriginalSeed);
    const auto slice = [&](Index first, Index count) {
      OriginalPart part;
      part.rows.assign(order.begin() + first, order.begin() + first + count);
      return part;
    };
    OriginalSplits splits;
    splits.train = slice(0, n - 2 * n_part);
    splits.val = slice(n - 2 * n_part, n_part);
    splits.test = slice(n - n_part, n_part);
    std::set<std::string_view> in_train;
    for (const Index row : splits.train.rows) in_train.insert(text_of(row));
    for (OriginalPart* part : {&splits.train, &splits.val, &splits.test}) {
      std::set<std::string_view> texts;
      std::vector<double> labels;
      for (const Index row : part->rows) {
        texts.insert(text_of(row));
        labels.push_back(label_of(row));
        if (in_train.contains(text_of(row))) ++part->n_with_text_in_train;
      }
      part->n_distinct = std::ssize(texts);
      part->label_variance = population_variance(labels);
    }
    confirm(std::move(splits));
  }

  // A split that was not stored is only taken where something that was stored agrees with it.
  void confirm(OriginalSplits splits) {
    std::vector<std::string> agreed;
    std::vector<std::string> differed;
    if (!run_.predictions.empty()) {
      (predictions_are_of(splits.test) ? agreed : differed)
          .push_back(
              fmt::format("the {} texts of the stored test predictions", run_.predictions.size()));
    }
    if (run_.training) {
      const auto check = [&](const OriginalPart& part, const OriginalMetrics& metrics,
                             const char* name) {
        if (!metrics.mse || !metrics.r2 || !(*metrics.r2 < 1)) return;
        const double implied = *metrics.mse / (1 - *metrics.r2);
        // mse and r2 are float32 numbers.
        const double tolerance = 1e-6 * implied * (2 + std::abs(*metrics.r2) / (1 - *metrics.r2));
        (std::abs(implied - part.label_variance) <= tolerance ? agreed : differed)
            .push_back(fmt::format("the label variance {:.5f} that mse / (1 - r2) of {} implies",
                                   implied, name));
      };
      check(splits.train, run_.training->train.back(), "train");
      check(splits.val, run_.training->val.back(), "val");
    }
    if (!differed.empty() || agreed.empty()) {
      audit_.why_no_splits =
          differed.empty()
              ? "nothing stored tells which rows were in which part"
              : fmt::format("torch.randperm with seed 42 and parts of 15 % disagree with {}",
                            differed.front());
      return;
    }
    for (const std::string& each : agreed)
      splits.evidence += (splits.evidence.empty() ? "" : "; ") + each;
    audit_.splits = std::move(splits);
  }

  // The stored predictions are all of the test rows, or 100 of them.
  bool predictions_are_of(const OriginalPart& test) const {
    std::map<std::string_view, Index> left;
    for (const Index row : test.rows) ++left[text_of(row)];
    for (const OriginalPrediction& row : run_.predictions) {
      if (--left[row.text] < 0) return false;
    }
    return std::ssize(run_.predictions) == std::min(std::ssize(test.rows), kMostPredictions);
  }

  template <class Predict>
  OriginalBaseline score(Predict predict) const {
    const auto r2 = [&](const OriginalPart& part) {
      std::vector<double> predicted;
      std::vector<double> truth;
      for (const Index row : part.rows) {
        predicted.push_back(predict(std::string_view(text_of(row))));
        truth.push_back(label_of(row));
      }
      return r2_identity(predicted, truth);
    };
    return {r2(audit_.splits->val), r2(audit_.splits->test)};
  }

  using Means = std::map<std::string_view, double>;

  // Mean of label - offset(text) over the training rows of each key.
  template <class Key, class Offset>
  Means means_by(Key key, Offset offset) const {
    std::map<std::string_view, std::pair<double, Index>> sums;
    for (const Index row : audit_.splits->train.rows) {
      const std::string_view text = text_of(row);
      auto& [sum, count] = sums[key(text)];
      sum += label_of(row) - offset(text);
      ++count;
    }
    Means means;
    for (const auto& [name, sum] : sums) means[name] = sum.first / static_cast<double>(sum.second);
    return means;
  }

  static double value_or(const Means& means, std::string_view key, double otherwise) {
    const auto found = means.find(key);
    return found == means.end() ? otherwise : found->second;
  }

  void measure_baselines() {
    const auto whole = [](std::string_view text) { return text; };
    const auto first = [](std::string_view text) { return first_sentence(text).first; };
    const auto rest = [](std::string_view text) { return first_sentence(text).second; };
    const auto nothing = [](std::string_view) { return 0.0; };
    const double mean =
        means_by([](std::string_view) { return std::string_view(); }, nothing).begin()->second;
    const Means by_text = means_by(whole, nothing);
    audit_.lookup = score([&](std::string_view text) { return value_or(by_text, text, mean); });
    const Means by_rest = means_by(rest, nothing);
    audit_.rest = score([&](std::string_view text) { return value_or(by_rest, rest(text), mean); });

    // Least squares by alternating exact steps: the sum of squares never grows, and the fitted
    // values converge to the projection.
    constexpr int kMostSteps = 2000;
    const double tolerance = 1e-10 * audit_.label_sd;
    Means first_effect;
    Means rest_effect;
    for (int step = 0; step < kMostSteps; ++step) {
      Means next_first = means_by(first, [&](std::string_view text) {
        return mean + value_or(rest_effect, rest(text), 0);
      });
      Means next_rest = means_by(
          rest, [&](std::string_view text) { return mean + value_or(next_first, first(text), 0); });
      double change = 0;
      for (const auto& [key, value] : next_rest)
        change = std::max(change, std::abs(value - value_or(rest_effect, key, 0)));
      first_effect = std::move(next_first);
      rest_effect = std::move(next_rest);
      if (change <= tolerance) break;
    }
    audit_.sentences = score([&](std::string_view text) {
      return mean + value_or(first_effect, first(text), 0) + value_or(rest_effect, rest(text), 0);
    });
  }

  void check_actuals() {
    OriginalActuals& found = audit_.actuals.emplace();
    std::vector<double> actual;
    std::vector<double> predicted;
    std::vector<double> labelled_actual;
    std::vector<double> labelled_predicted;
    std::vector<double> label;
    std::vector<std::string_view> firsts;
    std::vector<std::string_view> rests;
    for (const OriginalPrediction& row : run_.predictions) {
      actual.push_back(row.actual);
      predicted.push_back(row.predicted);
      const auto [first, rest] = first_sentence(row.text);
      firsts.push_back(first);
      rests.push_back(rest);
      const auto stored = label_of_.find(row.text);
      if (stored == label_of_.end()) continue;
      labelled_actual.push_back(row.actual);
      labelled_predicted.push_back(row.predicted);
      label.push_back(stored->second);
      if (std::abs(row.actual - stored->second) <= kActualTolerance) ++found.n_matching;
    }
    found.n_row = std::ssize(actual);
    found.n_labelled = std::ssize(label);
    found.r = pearson(predicted, actual).r;
    found.sd_actual = std::sqrt(population_variance(actual));
    found.actual_by_first = variance_share(firsts, actual);
    found.actual_by_rest = variance_share(rests, actual);
    std::vector<double> error;
    for (std::size_t i = 0; i < actual.size(); ++i) error.push_back(predicted[i] - actual[i]);
    found.mean_error = mean_of(error);
    found.error_sd = std::sqrt(population_variance(error));
    found.mse = found.mean_error * found.mean_error + found.error_sd * found.error_sd;
    firsts.clear();
    rests.clear();
    for (const OriginalRow& row : run_.rows) {
      const auto [first, rest] = first_sentence(row.text);
      firsts.push_back(first);
      rests.push_back(rest);
    }
    found.label_by_first = variance_share(firsts, labels_);
    found.label_by_rest = variance_share(rests, labels_);
    if (label.empty()) return;
    found.r_with_label = pearson(labelled_actual, label).r;
    found.r_prediction_with_label = pearson(labelled_predicted, label).r;
    found.sd_label = std::sqrt(population_variance(label));
    double sum = 0;
    for (std::size_t i = 0; i < label.size(); ++i)
      sum += (labelled_predicted[i] - label[i]) * (labelled_predicted[i] - label[i]);
    found.mse_against_label = sum / static_cast<double>(label.size());
  }

  void check_head() {
    const std::optional<OriginalHead>& head = run_.best_head ? run_.best_head : run_.final_head;
    if (!head) {
      audit_.why_no_head = "no head.pt could be read";
      return;
    }
    const Tensor<float>* weight = head->find("output.weight");
    if (weight == nullptr || weight->shape().size() != 2 || weight->size() == 0) {
      audit_.why_no_head = head->tensors.empty() ? "the head has no parameters of its own"
                                                 : "head.pt has no matrix output.weight";
      return;
    }
    OriginalHeadAudit found;
    found.type = run_.head_type;
    if (run_.best_head && run_.final_head)
      found.best_equals_final = run_.best_head->sha256 == run_.final_head->sha256;
    double square = 0;
    for (const float value : weight->values()) {
      if (!std::isfinite(value)) {
        audit_.why_no_head = "output.weight has a number that is not finite";
        return;
      }
      square += static_cast<double>(value) * static_cast<double>(value);
    }
    found.weight_norm = std::sqrt(square);
    if (const Tensor<float>* bias = head->find("output.bias")) {
      for (const float value : bias->values()) {
        if (!std::isfinite(value)) {
          audit_.why_no_head = "output.bias has a number that is not finite";
          return;
        }
        found.bias.push_back(static_cast<double>(value));
        found.bias_largest = std::max(found.bias_largest, std::abs(found.bias.back()));
      }
    }
    if (head->find("hidden.weight") != nullptr) {
      found.why_no_init = "the head has a hidden layer, whose draws are not made again";
    } else {
      compare_with_init(found, *weight);
    }
    audit_.head = std::move(found);
  }

  void compare_with_init(OriginalHeadAudit& found, const Tensor<float>& weight) const {
    const Index n = weight.size();
    constexpr Index kFewest = 16;
    if (n < kFewest) {
      found.why_no_init = fmt::format("{} weights, torch fills fewer than 16 otherwise", n);
      return;
    }
    const Tensor<double> init =
        torch_linear_normal(weight.shape()[0], weight.shape()[1], kHeadInitSd, kOriginalSeed);
    double distance = 0;
    double dot = 0;
    double init_square = 0;
    double learned_square = 0;
    std::vector<double> learned(static_cast<std::size_t>(n));
    for (Index i = 0; i < n; ++i) {
      const double w = static_cast<double>(weight.data()[i]);
      const double start = init.data()[i];
      learned[static_cast<std::size_t>(i)] = w - start;
      distance = std::max(distance, std::abs(w - start));
      dot += w * start;
      init_square += start * start;
      learned_square += (w - start) * (w - start);
    }
    found.equals_random_init = distance <= kInitTolerance && found.bias_largest == 0;
    found.init_distance = distance;
    found.init_norm = std::sqrt(init_square);
    if (found.weight_norm > 0)
      found.init_cosine = dot / (found.weight_norm * std::sqrt(init_square));
    found.learned_norm = std::sqrt(learned_square);
    found.largest_change = distance;
    if (weight.shape()[0] == 1 && run_.index && *run_.index >= 0 && *run_.index < n) {
      const auto rank = [&](auto value_at) {
        Index larger = 0;
        for (Index i = 0; i < n; ++i) larger += value_at(i) > value_at(*run_.index) ? 1 : 0;
        return larger + 1;
      };
      found.target_rank = rank([&](Index i) { return std::abs(weight.data()[i]); });
      found.target_learned_rank =
          rank([&](Index i) { return std::abs(learned[static_cast<std::size_t>(i)]); });
    }
  }

  void test_projections() {
    if (!run_.projections.is_object()) return;
    const auto list = run_.projections.find("projections");
    if (list == run_.projections.end() || !list->is_object()) return;
    for (const auto& [name, value] : list->items()) {
      if (!value.is_object() || !value.contains("correlation") || !value["correlation"].is_number())
        continue;
      OriginalProjection projection;
      projection.name = name;
      projection.r = value["correlation"].get<double>();
      if (!(std::abs(projection.r) <= 1)) continue;
      if (value.contains("p_value") && value["p_value"].is_number())
        projection.stored_p = value["p_value"].get<double>();
      projection.by_rows = correlation_test(projection.r, static_cast<double>(audit_.n_row));
      projection.by_texts = correlation_test(projection.r, static_cast<double>(audit_.n_distinct));
      audit_.projections.push_back(std::move(projection));
    }
  }

  void measure_drift() {
    if (!run_.initial_activations || !run_.final_activations) return;
    const std::vector<double>& initial = *run_.initial_activations;
    const std::vector<double>& last = *run_.final_activations;
    OriginalDrift& drift = audit_.drift.emplace();
    drift.n = std::ssize(last);
    const auto [low, high] = std::ranges::minmax(initial);
    for (const double value : last) drift.n_outside += value < low || value > high ? 1 : 0;
    for (const double epsilon : {1e-3, 1e-6, 1e-10, 1e-15}) {
      if (const auto nats = original_kl(initial, last, epsilon))
        drift.kl.push_back({epsilon, *nats});
    }
    if (drift.kl.empty())
      drift.why_no_kl =
          "no final value lies in the range of the initial ones, or that range is empty";
    drift.wasserstein1 = wasserstein1(initial, last);
    drift.kolmogorov_smirnov = kolmogorov_smirnov(initial, last);
    drift.initial_mean = mean_of(initial);
    drift.initial_sd = std::sqrt(population_variance(initial));
    drift.final_mean = mean_of(last);
    drift.final_sd = std::sqrt(population_variance(last));
    if (last.size() == labels_.size()) drift.r_final_with_label = pearson(last, labels_).r;
  }

  void check_training() {
    if (!run_.training) return;
    const OriginalTraining& training = *run_.training;
    const auto pair_of = [&](Index epoch) -> std::optional<OriginalLossPair> {
      const auto i = static_cast<std::size_t>(epoch - 1);
      if (!training.train_loss[i] || !training.train[i].mse) return std::nullopt;
      return OriginalLossPair{epoch, *training.train_loss[i], *training.train[i].mse};
    };
    audit_.loss_last = pair_of(training.n_epoch());
    audit_.val_r2_last = training.val.back().r2;
    if (training.best_epoch) {
      audit_.loss_best = pair_of(*training.best_epoch);
      const OriginalMetrics& val = training.val[static_cast<std::size_t>(*training.best_epoch - 1)];
      audit_.val_r2_best = val.r2;
      if (val.mse && val.mae && audit_.splits && audit_.splits->val.label_variance > 0) {
        audit_.val_r2_bound =
            1 - (*val.mse - *val.mae * *val.mae) / audit_.splits->val.label_variance;
      }
    }
    if (!run_.learning_rate || !run_.batch_size || *run_.batch_size < 1 || !run_.epochs ||
        *run_.epochs < 1 || !audit_.splits) {
      return;
    }
    OriginalSchedule& schedule = audit_.schedule.emplace();
    const Index n_train = std::ssize(audit_.splits->train.rows);
    schedule.steps_per_epoch = (n_train + *run_.batch_size - 1) / *run_.batch_size;
    schedule.n_epoch = training.n_epoch();
    schedule.t_max = schedule.steps_per_epoch * *run_.epochs;
    schedule.start = *run_.learning_rate;
    const double progress =
        static_cast<double>(schedule.n_epoch) / static_cast<double>(schedule.t_max);
    schedule.end = kSmallestRate + (schedule.start - kSmallestRate) *
                                       (1 + std::cos(std::numbers::pi * progress)) / 2;
  }

  void check_log() {
    if (!run_.log) return;
    const OriginalLog& log = *run_.log;
    if (log.scan_variance && log.scan_range && *log.scan_range > -1)
      audit_.scan_score = *log.scan_variance * std::log1p(*log.scan_range);
    OriginalExamples examples;
    for (const OriginalLog::Example& example : log.examples) {
      if (!example.predicted || !example.actual) continue;
      ++examples.n;
      examples.mse +=
          (*example.predicted - *example.actual) * (*example.predicted - *example.actual);
      std::string_view start = example.text;
      if (start.ends_with("...")) start.remove_suffix(3);
      const auto is_row = [&](Index row) {
        return text_of(row).starts_with(start) &&
               std::abs(label_of(row) - *example.actual) <= kActualTolerance;
      };
      bool in_data = false;
      for (Index row = 0; row < audit_.n_row && !in_data; ++row) in_data = is_row(row);
      examples.n_in_data += in_data ? 1 : 0;
      if (audit_.splits && std::ranges::any_of(audit_.splits->train.rows, is_row))
        ++examples.n_in_train;
    }
    if (examples.n == 0) return;
    examples.mse /= static_cast<double>(examples.n);
    audit_.examples = examples;
  }

  const OriginalRun& run_;
  std::vector<double> labels_;
  std::map<std::string, double, std::less<>> label_of_;
  OriginalAudit audit_;
};

}  // namespace

OriginalAudit audit_original_run(const OriginalRun& run) { return Auditor(run).audit(); }

std::pair<std::string_view, std::string_view> first_sentence(std::string_view text) {
  const std::size_t end = text.find(". ");
  if (end == std::string_view::npos) return {text, {}};
  return {text.substr(0, end + 1), text.substr(end + 2)};
}

std::optional<double> original_kl(const std::vector<double>& initial,
                                  const std::vector<double>& final_values, double epsilon) {
  if (initial.empty() || final_values.empty()) return std::nullopt;
  const auto [low, high] = std::ranges::minmax(initial);
  if (!(low < high)) return std::nullopt;
  const double width = (high - low) / kKlCells;
  const auto density = [&](const std::vector<double>& values) {
    std::vector<double> cells(static_cast<std::size_t>(kKlCells), 0);
    double inside = 0;
    for (const double value : values) {
      if (value < low || value > high) continue;
      const auto cell = std::min<Index>(kKlCells - 1, static_cast<Index>((value - low) / width));
      ++cells[static_cast<std::size_t>(cell)];
      ++inside;
    }
    if (inside == 0) return std::vector<double>();
    for (double& cell : cells) cell = cell / (inside * width) + epsilon;
    const double sum = std::accumulate(cells.begin(), cells.end(), 0.0);
    for (double& cell : cells) cell /= sum;
    return cells;
  };
  const std::vector<double> p = density(initial);
  const std::vector<double> q = density(final_values);
  if (q.empty()) return std::nullopt;
  double nats = 0;
  for (std::size_t i = 0; i < p.size(); ++i) nats += p[i] * std::log(p[i] / q[i]);
  return nats;
}

}  // namespace gnomon
