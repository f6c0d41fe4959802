// SPDX-License-Identifier: Apache-2.0
#include "gnomon/targets/bin_code.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "gnomon/base/error.h"
#include "gnomon/base/random.h"
#include "support/expect_close.h"

namespace gnomon {
namespace {

std::vector<double> normal_values(std::uint64_t seed, std::size_t n) {
  Random random(seed, "bin code test");
  std::vector<double> values(n);
  for (double& value : values) value = 60.66 + 8.87 * random.normal();
  return values;
}

TEST(BinCode, EqualWidthByHand) {
  const BinCode code = equal_width_bins(std::vector<double>{0, 1, 2, 3, 9, 10}, 5);
  test::expect_close("edges", code.edges, std::vector<double>{2, 4, 6, 8}, {});
  EXPECT_EQ(code.n, (std::vector<Index>{2, 2, 0, 0, 2}));
  // The empty bins decode to their centres, the others to their means.
  test::expect_close("means", code.means, std::vector<double>{0.5, 2.5, 5, 7, 9.5}, {});
  EXPECT_EQ(code.encode(std::vector<double>{-100, 0, 1.999, 2, 5, 9.5, 10, 1e300}),
            (std::vector<Index>{0, 0, 0, 1, 2, 4, 4, 4}));
}

TEST(BinCode, EqualCountByHand) {
  const BinCode code = equal_count_bins(std::vector<double>{5, 1, 2, 3, 4, 6, 7, 8, 100}, 3);
  test::expect_close("edges", code.edges, std::vector<double>{3.5, 6.5}, {});
  EXPECT_EQ(code.n, (std::vector<Index>{3, 3, 3}));
  test::expect_close("means", code.means, std::vector<double>{2, 5, 115.0 / 3},
                     {.relative = 1e-15});
}

TEST(BinCode, TiesAreInOneBinAndNoBinIsEmpty) {
  // Seven of ten values are the same: the cuts go around them.
  const BinCode code = equal_count_bins(std::vector<double>{0, 0, 0, 0, 0, 0, 0, 1, 2, 3}, 4);
  EXPECT_EQ(code.n, (std::vector<Index>{7, 1, 1, 1}));
  const BinCode middle = equal_count_bins(std::vector<double>{0, 1, 2, 2, 2, 2, 2, 2, 3, 4}, 2);
  // Boundaries at 1, 2, 8 and 9 of 10 rows: 2 and 8 are as near to 5, the lower one is taken.
  EXPECT_EQ(middle.n, (std::vector<Index>{2, 8}));
}

// The original binning gave the maximum the label K.
TEST(BinCode, TheMaximumHasTheLastLabel) {
  for (const Index n_bin : {2, 5, 10, 37}) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      const std::vector<double> values = normal_values(seed, 200);
      for (const BinCode& code :
           {equal_width_bins(values, n_bin), equal_count_bins(values, n_bin)}) {
        ASSERT_EQ(code.n_bin(), n_bin);
        ASSERT_EQ(std::ssize(code.edges), n_bin - 1);
        EXPECT_TRUE(std::is_sorted(code.edges.begin(), code.edges.end(), std::less_equal<>()));
        EXPECT_EQ(code.encode(*std::max_element(values.begin(), values.end())), n_bin - 1);
        EXPECT_EQ(code.encode(*std::min_element(values.begin(), values.end())), 0);
        EXPECT_EQ(code.encode(std::numeric_limits<double>::max()), n_bin - 1);
        EXPECT_EQ(code.encode(std::numeric_limits<double>::lowest()), 0);
        std::vector<Index> n(static_cast<std::size_t>(n_bin));
        for (const Index label : code.encode(values)) {
          ASSERT_GE(label, 0);
          ASSERT_LT(label, n_bin);
          ++n[static_cast<std::size_t>(label)];
        }
        EXPECT_EQ(n, code.n);
      }
    }
  }
}

// The original decoding put digit 0 of its data at 8.65 where the labels meant 6.08.
TEST(BinCode, DecodingInvertsTheLabels) {
  for (const Index n_bin : {2, 10, 64}) {
    const std::vector<double> values = normal_values(3, 100);
    for (const BinCode& code : {equal_width_bins(values, n_bin), equal_count_bins(values, n_bin)}) {
      std::vector<double> sum(static_cast<std::size_t>(n_bin), 0.0);
      for (const double value : values) sum[static_cast<std::size_t>(code.encode(value))] += value;
      for (Index k = 0; k < n_bin; ++k) {
        EXPECT_EQ(code.encode(code.decode(k)), k);
        const auto index = static_cast<std::size_t>(k);
        if (code.n[index] > 0) {
          // A mean of up to 100 terms near 60: 100 eps relative.
          EXPECT_NEAR(code.decode(k), sum[index] / static_cast<double>(code.n[index]), 2e-12);
        }
      }
    }
  }
}

// Neighbouring doubles, whose mean can only round onto one of them.
TEST(BinCode, MeansStayInsideTheirBin) {
  std::vector<double> values;
  double value = 1;
  for (int i = 0; i < 12; ++i) {
    values.push_back(value);
    value = std::nextafter(value, 2.0);
  }
  for (const Index n_bin : {2, 3, 12}) {
    const BinCode code = equal_count_bins(values, n_bin);
    for (Index k = 0; k < n_bin; ++k) EXPECT_EQ(code.encode(code.decode(k)), k) << n_bin;
  }
}

TEST(BinCode, EqualCountIsEqualWithoutTies) {
  const std::vector<double> values = normal_values(4, 1003);
  const BinCode code = equal_count_bins(values, 10);
  for (const Index n : code.n) EXPECT_NEAR(static_cast<double>(n), 100.3, 1.0);
  EXPECT_EQ(std::accumulate(code.n.begin(), code.n.end(), Index{0}), 1003);
}

// Means, not centres: of all constants in a bin the mean has the smallest squared error.
TEST(BinCode, MeansBeatCentres) {
  std::vector<double> values;
  for (int i = 0; i < 200; ++i) values.push_back(std::exp(0.02 * i));
  const BinCode code = equal_width_bins(values, 5);
  double by_means = 0;
  double by_centres = 0;
  const double width = (values.back() - values.front()) / 5;
  for (const double value : values) {
    const Index label = code.encode(value);
    by_means += std::pow(value - code.decode(label), 2);
    by_centres +=
        std::pow(value - (values.front() + (static_cast<double>(label) + 0.5) * width), 2);
  }
  EXPECT_LT(by_means, 0.9 * by_centres);
}

TEST(BinCode, ExpectedValue) {
  const BinCode code = equal_count_bins(std::vector<double>{0, 10, 20, 40}, 4);
  EXPECT_EQ(code.expected(std::vector<double>{0, 1, 0, 0}), 10);
  EXPECT_DOUBLE_EQ(code.expected(std::vector<double>{0.25, 0.25, 0.25, 0.25}), 17.5);
  EXPECT_DOUBLE_EQ(code.expected(std::vector<double>{0.1, 0.1, 0.1, 0.1}), 17.5);
}

template <class E>
std::string message_of(const std::function<void()>& call, ErrorCode code) {
  try {
    call();
  } catch (const E& error) {
    EXPECT_EQ(error.code(), code);
    return error.what();
  }
  return "(no error)";
}

TEST(BinCode, Refuses) {
  const std::vector<double> values = {1, 1, 2, 2, 3};
  const auto both = [&](const std::vector<double>& x, Index n_bin, ErrorCode code,
                        const std::string& rest) {
    EXPECT_EQ(message_of<ArgumentError>([&] { equal_width_bins(x, n_bin); }, code),
              "equal_width_bins: " + rest);
    EXPECT_EQ(message_of<ArgumentError>([&] { equal_count_bins(x, n_bin); }, code),
              "equal_count_bins: " + rest);
  };
  both(values, 1, ErrorCode::usage, "1 bins, expected at least 2");
  both(values, 4, ErrorCode::bad_data,
       "4 bins for 5 training values of which 3 are distinct, expected at most as many bins as "
       "distinct values");
  both({}, 2, ErrorCode::bad_data,
       "2 bins for 0 training values of which 0 are distinct, expected at most as many bins as "
       "distinct values");
  EXPECT_EQ(equal_width_bins(values, 3).n, (std::vector<Index>{2, 2, 1}));
  EXPECT_EQ(equal_count_bins(values, 3).n, (std::vector<Index>{2, 2, 1}));
  EXPECT_EQ(message_of<NumericError>(
                [] {
                  equal_count_bins(std::vector<double>{1, std::nan(""), 2}, 2);
                },
                ErrorCode::numeric),
            "equal_count_bins: value 1 is nan, expected a finite number");
  // Three distinct values next to each other, and one far away to the left of nothing: no room for
  // edges of equal width.
  const double next = std::nextafter(1.0, 2.0);
  const std::vector<double> narrow = {1, next, std::nextafter(next, 2.0)};
  EXPECT_NE(message_of<ArgumentError>([&] { equal_width_bins(narrow, 3); }, ErrorCode::bad_data)
                .find("expected a range in which 2 edges differ"),
            std::string::npos);
  EXPECT_EQ(equal_count_bins(narrow, 3).n, (std::vector<Index>{1, 1, 1}));
}

TEST(BinCode, RefusesLabelsAndProbabilities) {
  const BinCode code = equal_count_bins(std::vector<double>{0, 1, 2}, 3);
  EXPECT_EQ(message_of<ArgumentError>([&] { (void)code.decode(3); }, ErrorCode::out_of_range),
            "BinCode: label 3, expected 0 to 2");
  EXPECT_THROW((void)code.decode(-1), ArgumentError);
  EXPECT_THROW((void)code.encode(std::nan("")), NumericError);
  EXPECT_THROW((void)code.expected(std::vector<double>{1, 0}), ShapeError);
  EXPECT_THROW((void)code.expected(std::vector<double>{1, -0.1, 0}), NumericError);
  EXPECT_THROW((void)code.expected(std::vector<double>{0, 0, 0}), NumericError);
}

}  // namespace
}  // namespace gnomon
