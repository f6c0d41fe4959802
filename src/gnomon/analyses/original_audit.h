// SPDX-License-Identifier: Apache-2.0
// in: what an original run's files say    out: the same figures computed again
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gnomon/analyses/original_run.h"
#include "gnomon/stats/correlation.h"

namespace gnomon {

// Every figure is from the run's files alone; docs/methods/original_audit.md has the definitions.
// A figure that they do not allow is absent, and a `why` beside it says what is missing.

struct OriginalPart {
  std::vector<Index> rows;
  Index n_distinct = 0;            // texts
  Index n_with_text_in_train = 0;  // rows
  double label_variance = 0;       // population
};
struct OriginalSplits {
  OriginalPart train;
  OriginalPart val;
  OriginalPart test;
  std::string evidence;  // what of the run agrees with them
};

// R²(identity) on the split's parts of a prediction made from the training rows.
struct OriginalBaseline {
  std::optional<double> val_r2;
  std::optional<double> test_r2;
};

// The column "actual" of the stored predictions against the labels of the same texts.
struct OriginalActuals {
  Index n_row = 0;
  Index n_labelled = 0;  // rows whose text is in the data set
  Index n_matching = 0;  // |actual - label| at most kActualTolerance
  std::optional<double> r_with_label;
  std::optional<double> r_prediction_with_label;
  std::optional<double> sd_actual;  // population
  std::optional<double> sd_label;
  // Shares of variance that the mean by first sentence, and by what follows it, explains.
  std::optional<double> actual_by_first;
  std::optional<double> actual_by_rest;
  std::optional<double> label_by_first;  // of all rows of the data set
  std::optional<double> label_by_rest;
  double mse = 0;  // prediction against "actual"
  std::optional<double> r;
  double mean_error = 0;
  double error_sd = 0;  // population
  std::optional<double> mse_against_label;
};
inline constexpr double kActualTolerance = 1e-3;  // of labels of 5 to 25, stored to 6 decimals

struct OriginalHeadAudit {
  std::string type;
  double weight_norm = 0;
  double bias_largest = 0;  // |bias| at most; the bias itself where there is one
  std::vector<double> bias;
  // Whether the weights are those that torch draws for this layer from seed 42.
  std::optional<bool> equals_random_init;
  std::string why_no_init;
  std::optional<double> init_distance;  // largest |weight - init|
  std::optional<double> init_cosine;
  std::optional<double> init_norm;
  std::optional<double> learned_norm;    // |weight - init|
  std::optional<double> largest_change;  // of one weight
  std::optional<Index> target_rank;      // of |weight| of the target's coordinate, 1: the largest
  std::optional<Index> target_learned_rank;  // of |weight - init|
  std::optional<bool> best_equals_final;     // byte for byte
};

struct OriginalProjection {
  std::string name;
  double r = 0;
  std::optional<double> stored_p;
  CorrelationTest by_rows;
  CorrelationTest by_texts;
};

struct OriginalKl {
  double epsilon = 0;
  double nats = 0;
};
struct OriginalDrift {
  Index n = 0;
  Index n_outside = 0;  // final values outside the initial range, which the histogram drops
  std::vector<OriginalKl> kl;
  std::string why_no_kl;
  double wasserstein1 = 0;
  double kolmogorov_smirnov = 0;
  double initial_mean = 0;
  double initial_sd = 0;  // population
  double final_mean = 0;
  double final_sd = 0;
  std::optional<double> r_final_with_label;
};

struct OriginalSchedule {
  Index steps_per_epoch = 0;
  Index n_epoch = 0;
  Index t_max = 0;  // what the schedule was told, in epochs
  double start = 0;
  double end = 0;
};

// Of one epoch: the loss in training mode, and of the same rows in evaluation mode.
struct OriginalLossPair {
  Index epoch = 0;  // from 1
  double train_mode = 0;
  double evaluation_mode = 0;
};

struct OriginalExamples {
  Index n = 0;
  // Whose text begins as one of the data set, or of its training rows, that has the same label.
  Index n_in_data = 0;
  Index n_in_train = 0;  // 0 where the parts are not known
  double mse = 0;
};

struct OriginalConclusion {
  std::string claim;
  std::string verdict;  // "not shown", "artefact", "untested", "open"
  std::string why;
};

struct OriginalAudit {
  Index n_row = 0;
  Index n_distinct = 0;
  Index max_multiplicity = 0;
  Index n_drawn = 0;  // rows before the list repeats itself; n_row where it does not
  // The rows are the draws of the program's generator of two sentences from seed 42.
  bool generator_reproduced = false;
  double label_mean = 0;
  double label_sd = 0;  // population, as the study's
  double label_min = 0;
  double label_max = 0;

  std::optional<OriginalSplits> splits;
  std::string why_no_splits;
  OriginalBaseline lookup;     // the mean label of the same text in train; unseen: mean of train
  OriginalBaseline sentences;  // additive: an effect of the first sentence and one of the rest
  OriginalBaseline rest;       // the mean by what follows the first sentence
  std::optional<OriginalActuals> actuals;
  std::optional<OriginalHeadAudit> head;
  std::string why_no_head;
  std::vector<OriginalProjection> projections;
  std::optional<OriginalDrift> drift;
  std::optional<OriginalSchedule> schedule;
  std::optional<OriginalLossPair> loss_best;
  std::optional<OriginalLossPair> loss_last;
  // Of the best epoch: at most this much R² on val is left once the best constant is subtracted,
  // 1 - (mse - mae²) / variance of the labels.
  std::optional<double> val_r2_bound;
  std::optional<double> val_r2_best;
  std::optional<double> val_r2_last;
  std::optional<OriginalExamples> examples;
  std::optional<double> scan_score;  // variance ln(1 + range) of the logged numbers
  std::vector<OriginalConclusion> conclusions;
};

OriginalAudit audit_original_run(const OriginalRun& run);

// "The first sentence." and what follows it: a text is cut behind its first ". ".
std::pair<std::string_view, std::string_view> first_sentence(std::string_view text);

// The study's divergence of two samples: 30 cells over the range of `initial`, densities of what
// falls into them, plus epsilon, made to sum to 1; Σ p ln (p / q). Empty where all of `final`, or
// the whole range, is missing.
std::optional<double> original_kl(const std::vector<double>& initial,
                                  const std::vector<double>& final_values, double epsilon);

}  // namespace gnomon
