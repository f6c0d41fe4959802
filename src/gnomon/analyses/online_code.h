// SPDX-License-Identifier: Apache-2.0
// in: features, labels and groups   out: the bits that the labels take, given the features
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "gnomon/analyses/probe.h"

namespace gnomon {

struct OnlineCodeOptions {
  ProbeOptions probe = {};
  std::uint64_t seed = 0;  // of the order of groups
};

// Rows that were coded with one fit.
struct OnlineBlock {
  Index n_training = 0;  // rows before the block, which the fit learnt from; 0: the prior alone
  Index n = 0;
  double sd = 0;    // of the Gaussian, in standard deviations of the labels
  double bits = 0;  // of all rows of the block
};

struct OnlineCode {
  Index n = 0;  // rows
  // Bits per row of labels in units of their standard deviation. A density, so that only
  // differences between codes of one set of rows mean something; it can be negative.
  double bits_per_row = 0;
  // Of a Gaussian with the labels' own mean and standard deviation: log2(2 pi e) / 2 = 2.047.
  double prior_bits_per_row = 0;
  std::vector<OnlineBlock> blocks;
  std::string why;  // why there is no code; empty where there is one

  bool defined() const { return why.empty(); }
  double saved_bits_per_row() const { return prior_bits_per_row - bits_per_row; }
};

// Online (prequential) code of Voita and Titov 2020, arXiv:2003.12298, section 3.2, for numbers:
// the groups are put in random order and cut into blocks that double; each block is coded with the
// ridge fit of all blocks before it, so that a label which needs many rows to be learnt costs more
// than one that needs few, although both may be predicted well in the end. A row costs
//
//   -log2 [ 0.99 N(y; prediction, sd²) + 0.01 N(y; 0, 1) ]     y standardised
//
// with sd² the mean squared error of the fit's own cross-validation, at least 1e-6. The share of
// the prior keeps the cost of one outlier below that under the prior plus log2(100) bits. The first
// block, of 10 groups or more, is coded by the prior N(y; 0, 1).
//
// Codes the rows in `rows` (the training rows: coding is itself a test on rows not yet seen), for
// each column of labels. No code where a column is constant on them or where there are fewer than
// 20 groups. Throws as fit_probes does.
std::vector<OnlineCode> online_codes(MatrixView<const double> features,
                                     std::span<const std::span<const double>> labels,
                                     std::span<const Index> group, std::span<const Index> rows,
                                     const OnlineCodeOptions& options);

}  // namespace gnomon
