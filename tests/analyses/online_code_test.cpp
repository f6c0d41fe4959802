// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/online_code.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "analyses/planted_rows.h"

namespace gnomon::test {
namespace {

std::vector<Index> all_rows(const PlantedRows& rows) {
  std::vector<Index> all;
  for (Index r = 0; r < rows.data.n_row(); ++r) all.push_back(r);
  return all;
}

OnlineCode code_of(const PlantedRows& rows, const std::vector<double>& labels,
                   std::uint64_t seed = 1) {
  const std::vector<std::span<const double>> columns = {labels};
  return online_codes(rows.features.matrix(), columns, rows.data.group, all_rows(rows), {{}, seed})
      .front();
}

TEST(OnlineCodeTest, BlocksDoubleAndHoldEveryRow) {
  const PlantedRows rows = planted_rows(1, 100, 4, 1, 1);
  const OnlineCode code = code_of(rows, rows.data.activation);
  ASSERT_TRUE(code.defined());
  // 100 groups: ends at 12, 25, 50 and 100.
  ASSERT_EQ(code.blocks.size(), 4U);
  Index before = 0;
  double bits = 0;
  for (const OnlineBlock& block : code.blocks) {
    EXPECT_EQ(block.n_training, before);
    before += block.n;
    bits += block.bits;
  }
  EXPECT_EQ(before, rows.data.n_row());
  EXPECT_NEAR(code.bits_per_row, bits / static_cast<double>(rows.data.n_row()), 1e-12);
  EXPECT_NEAR(code.prior_bits_per_row, 2.0470956, 1e-7);
  EXPECT_EQ(code.blocks.front().sd, 1);
}

// A Gaussian with R² of what is predicted saves log2(1 / (1 - R²)) / 2 bits a row, less the 0.0145
// bits that the prior's share costs, once the fit is good: the last block.
TEST(OnlineCodeTest, TheLastBlockSavesWhatTheoryGives) {
  const double noise = 0.5;
  const PlantedRows rows = planted_rows(2, 2000, 4, 1, noise);  // signal variance 2
  const OnlineCode code = code_of(rows, rows.data.activation);
  const double r2 = 2 / (2 + noise * noise);
  const OnlineBlock& last = code.blocks.back();
  const double per_row = last.bits / static_cast<double>(last.n);
  const double expected = code.prior_bits_per_row - 0.5 * std::log2(1 / (1 - r2)) - std::log2(0.99);
  // The mean of z²/2 over n rows has a standard deviation of 1 / sqrt(2 n) nats.
  const double tolerance = 4 / std::sqrt(2 * static_cast<double>(last.n)) / std::numbers::ln2;
  EXPECT_NEAR(per_row, expected, tolerance);
  EXPECT_NEAR(last.sd, std::sqrt(1 - r2), 0.03);
}

TEST(OnlineCodeTest, NoiseSavesNothing) {
  const PlantedRows rows = planted_rows(3, 300, 6, 0, 1);
  const OnlineCode code = code_of(rows, rows.data.activation);
  EXPECT_LT(code.saved_bits_per_row(), 0.02);
  EXPECT_GT(code.saved_bits_per_row(), -0.3);
}

// Both are predicted perfectly in the end; what needs fewer rows is cheaper.
TEST(OnlineCodeTest, FewerFeaturesAreCheaper) {
  const PlantedRows rows = planted_rows(4, 200, 60, 1, 0);
  std::vector<double> one_feature;
  for (Index r = 0; r < rows.data.n_row(); ++r) one_feature.push_back(rows.features.matrix()(r, 3));
  const OnlineCode narrow = code_of(rows, one_feature);
  const OnlineCode wide = code_of(rows, rows.data.activation);
  // No further than the smallest sd allows, 1e-3: log2(1e-3) + 2.05 = -7.9 bits.
  EXPECT_LT(wide.blocks.back().bits / static_cast<double>(wide.blocks.back().n), -4);
  EXPECT_GT(narrow.bits_per_row, -8);
  EXPECT_LT(narrow.bits_per_row, wide.bits_per_row);
}

TEST(OnlineCodeTest, AnOutlierCostsALimitedNumberOfBits) {
  const PlantedRows rows = planted_rows(5, 100, 4, 1, 0.01);
  std::vector<double> labels = rows.data.activation;
  const double before = code_of(rows, labels).bits_per_row;
  labels[7] += 30;
  const OnlineCode code = code_of(rows, labels);
  EXPECT_TRUE(std::isfinite(code.bits_per_row));
  // Against the prior: z = 30 / sd of the labels, about 8 for a sd near 3.7; every other row at
  // most log2(100) bits above the prior.
  EXPECT_LT(code.bits_per_row, 2.05 + std::log2(100.0) + 1);
  EXPECT_GT(code.bits_per_row, before);
}

TEST(OnlineCodeTest, SaysWhyThereIsNone) {
  const PlantedRows rows = planted_rows(6, 19, 3, 1, 1);
  EXPECT_EQ(code_of(rows, rows.data.activation).why, "fewer than 20 text groups");
  const PlantedRows more = planted_rows(6, 30, 3, 1, 1);
  EXPECT_EQ(code_of(more, std::vector<double>(more.data.activation.size(), 3)).why,
            "the labels are constant");
}

TEST(OnlineCodeTest, SameSeedSameBits) {
  const PlantedRows rows = planted_rows(7, 60, 4, 1, 1);
  EXPECT_EQ(code_of(rows, rows.data.activation, 3).bits_per_row,
            code_of(rows, rows.data.activation, 3).bits_per_row);
  EXPECT_NE(code_of(rows, rows.data.activation, 3).bits_per_row,
            code_of(rows, rows.data.activation, 4).bits_per_row);
  // Units do not matter.
  std::vector<double> scaled = rows.data.activation;
  for (double& value : scaled) value = 1024 * value;
  EXPECT_NEAR(code_of(rows, rows.data.activation, 3).bits_per_row,
              code_of(rows, scaled, 3).bits_per_row, 1e-9);
}

}  // namespace
}  // namespace gnomon::test
