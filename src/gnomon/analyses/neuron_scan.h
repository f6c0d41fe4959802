// SPDX-License-Identifier: Apache-2.0
// in: a model and token ids   out: statistics of every neuron
#pragma once

#include <array>
#include <optional>
#include <span>
#include <vector>

#include "gnomon/activations/capture.h"
#include "gnomon/analyses/rounding.h"
#include "gnomon/model/model.h"
#include "gnomon/stats/column_groups.h"
#include "gnomon/stats/column_tops.h"

namespace gnomon {

// Probabilities at which quantiles are given; least and largest value are exact and apart.
inline constexpr std::array kScanQuantiles = {0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99};
inline constexpr Index kScanTopTexts = 5;
// Positions below this one are groups of their own.
inline constexpr Index kScanOwnPositions = 32;

struct ScanOptions {
  Index first_layer = 0;
  Index last_layer = -1;  // inclusive; -1 is the last of the model
  // @all or @last: the rows of the statistics.
  Position position = {Position::Kind::all, -1};
  Precision precision = Precision::float32;
  Index n_sample_rows = 512;   // rows kept for the quantiles
  Index n_token_groups = 256;  // tokens that are groups of their own
  std::uint64_t seed = 0;      // of the choice of those rows
  RunOptions run;
};

// One neuron, blocks.{layer}.mlp.hook_post[neuron], over the rows of a scan.
struct NeuronStatistics {
  Index layer = 0;
  Index neuron = 0;
  double mean = 0;
  std::optional<double> sd;  // empty where there is one row
  double min = 0;
  double max = 0;
  std::array<double, kScanQuantiles.size()> quantiles = {};  // of the sampled rows
  std::optional<double> skewness;                            // empty where all values are equal
  double share_positive = 0;
  // Empty where all values are equal, or no group has a second row.
  std::optional<VarianceExplained> by_token;
  std::optional<VarianceExplained> by_position;
  std::vector<ColumnTop> top;  // texts by their largest value, place is the token's position
  // variance ln(1 + max - min), the original study's; 0 for a constant neuron.
  std::optional<double> score;
  // (ln score - mean) / sd over the layer's neurons whose score is not 0.
  std::optional<double> standardised;
  // Rank of the score in the layer, 0 for the smallest to 1 for the largest.
  std::optional<double> layer_quantile;
};

// How rows were put into groups for `explained`.
struct ScanGrouping {
  Index n_group = 0;
  double share_own = 0;  // rows whose token (position) is a group of its own
};

struct NeuronScan {
  ModelConfig config;
  Index first_layer = 0;
  Index last_layer = 0;
  Position position;
  Precision precision = Precision::float32;
  std::uint64_t seed = 0;
  Index n_text = 0;
  Index n_row = 0;          // n of every statistic
  Index n_sampled_row = 0;  // of the quantiles; all rows where it equals n_row
  ScanGrouping token;
  ScanGrouping position_groups;
  std::vector<NeuronStatistics> neurons;  // layer by layer
};

// Group of a position: itself below 32, then [32, 48), [48, 64), [64, 96), [96, 128), ...: each
// power of two in two halves.
Index scan_position_group(Index position);

// Statistics of every neuron of the chosen layers in one pass over the texts; the pass ends at the
// last layer's hook_post. No value is kept but those of the sampled rows: memory is about
// 8 (groups of tokens and positions) + 4 n_sample_rows + 350 bytes a neuron, whatever the texts.
//
// Groups of tokens are the n_token_groups most frequent ones of the rows, of those that come twice
// or more; all other tokens are one group. What groups explain is at most what token identity
// explains. Same texts, options and seed give the same bits with any number of threads.
// Definitions and accuracy: docs/methods/scan.md.
//
// Throws ArgumentError: out_of_range for layers that the model does not have, usage for a position
// other than @all and @last, as check_texts does, and bad_data where there is no text. NumericError
// where a neuron's value is not finite.
NeuronScan scan_neurons(const Model& model, std::span<const std::vector<TokenId>> texts,
                        const ScanOptions& options);

}  // namespace gnomon
