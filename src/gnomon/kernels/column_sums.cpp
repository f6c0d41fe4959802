// SPDX-License-Identifier: Apache-2.0
#include "gnomon/kernels/column_sums.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "gnomon/base/error.h"
#include "gnomon/kernels/detail/instruction_set.h"

namespace gnomon {
namespace {

// Rows that pass over a column's sums together, so that these are loaded and stored once for all.
constexpr Index kRowsTogether = 4;

struct PowerTerms {
  double sum1;
  double sum2;
  double sum3;
  double least;
  double most;
  double positive;

  GNOMON_ALWAYS_INLINE void add(double x, double origin) {
    const double d = x - origin;
    const double square = d * d;
    sum1 += d;
    sum2 += square;
    sum3 += square * d;
    least = x < least ? x : least;
    most = x > most ? x : most;
    positive += x > 0 ? 1.0 : 0.0;
  }
};

struct PowerSums {
  template <class T>
  static GNOMON_ALWAYS_INLINE void run(const ColumnPowerSums* sums, MatrixView<const T> x,
                                       const double* origin) {
    double* sum1 = sums->sum1.data();
    double* sum2 = sums->sum2.data();
    double* sum3 = sums->sum3.data();
    double* least = sums->least.data();
    double* most = sums->most.data();
    double* positive = sums->positive.data();
    Index i = 0;
    for (; i + kRowsTogether <= x.rows; i += kRowsTogether) {
      const T* x0 = x.data + i * x.stride;
      const T* x1 = x0 + x.stride;
      const T* x2 = x1 + x.stride;
      const T* x3 = x2 + x.stride;
      GNOMON_INDEPENDENT_ITERATIONS
      for (Index j = 0; j < x.cols; ++j) {
        PowerTerms terms{sum1[j], sum2[j], sum3[j], least[j], most[j], positive[j]};
        terms.add(x0[j], origin[j]);
        terms.add(x1[j], origin[j]);
        terms.add(x2[j], origin[j]);
        terms.add(x3[j], origin[j]);
        sum1[j] = terms.sum1;
        sum2[j] = terms.sum2;
        sum3[j] = terms.sum3;
        least[j] = terms.least;
        most[j] = terms.most;
        positive[j] = terms.positive;
      }
    }
    for (; i < x.rows; ++i) {
      const T* x0 = x.data + i * x.stride;
      GNOMON_INDEPENDENT_ITERATIONS
      for (Index j = 0; j < x.cols; ++j) {
        PowerTerms terms{sum1[j], sum2[j], sum3[j], least[j], most[j], positive[j]};
        terms.add(x0[j], origin[j]);
        sum1[j] = terms.sum1;
        sum2[j] = terms.sum2;
        sum3[j] = terms.sum3;
        least[j] = terms.least;
        most[j] = terms.most;
        positive[j] = terms.positive;
      }
    }
  }
};

struct Maxima {
  template <class T>
  static GNOMON_ALWAYS_INLINE void run(T* most, MatrixView<const T> x) {
    Index i = 0;
    for (; i + kRowsTogether <= x.rows; i += kRowsTogether) {
      const T* x0 = x.data + i * x.stride;
      const T* x1 = x0 + x.stride;
      const T* x2 = x1 + x.stride;
      const T* x3 = x2 + x.stride;
      GNOMON_INDEPENDENT_ITERATIONS
      for (Index j = 0; j < x.cols; ++j) {
        T largest = most[j];
        largest = x0[j] > largest ? x0[j] : largest;
        largest = x1[j] > largest ? x1[j] : largest;
        largest = x2[j] > largest ? x2[j] : largest;
        most[j] = x3[j] > largest ? x3[j] : largest;
      }
    }
    for (; i < x.rows; ++i) {
      const T* x0 = x.data + i * x.stride;
      GNOMON_INDEPENDENT_ITERATIONS
      for (Index j = 0; j < x.cols; ++j) most[j] = x0[j] > most[j] ? x0[j] : most[j];
    }
  }
};

struct RowSums {
  template <class T>
  static GNOMON_ALWAYS_INLINE void run(double* sum, MatrixView<const T> x, const Index* row,
                                       Index n_row) {
    Index k = 0;
    for (; k + kRowsTogether <= n_row; k += kRowsTogether) {
      const T* x0 = x.data + row[k] * x.stride;
      const T* x1 = x.data + row[k + 1] * x.stride;
      const T* x2 = x.data + row[k + 2] * x.stride;
      const T* x3 = x.data + row[k + 3] * x.stride;
      GNOMON_INDEPENDENT_ITERATIONS
      for (Index j = 0; j < x.cols; ++j) {
        double s = sum[j];
        s += static_cast<double>(x0[j]);
        s += static_cast<double>(x1[j]);
        s += static_cast<double>(x2[j]);
        s += static_cast<double>(x3[j]);
        sum[j] = s;
      }
    }
    for (; k < n_row; ++k) {
      const T* x0 = x.data + row[k] * x.stride;
      GNOMON_INDEPENDENT_ITERATIONS
      for (Index j = 0; j < x.cols; ++j) sum[j] += static_cast<double>(x0[j]);
    }
  }
};

void check_width(const char* function, const char* what, std::size_t width, Index n_col) {
  if (static_cast<Index>(width) != n_col) {
    throw ShapeError(fmt::format("{}: {} has {} values, expected one for each of {} columns",
                                 function, what, width, n_col));
  }
}

}  // namespace

template <class T>
void column_power_sums(const ColumnPowerSums& sums, MatrixView<const T> x,
                       std::span<const double> origin) {
  for (const auto& [name, values] :
       {std::pair{"sum1", sums.sum1}, std::pair{"sum2", sums.sum2}, std::pair{"sum3", sums.sum3},
        std::pair{"least", sums.least}, std::pair{"most", sums.most},
        std::pair{"positive", sums.positive}}) {
    check_width("column_power_sums", name, values.size(), x.cols);
  }
  check_width("column_power_sums", "origin", origin.size(), x.cols);
  for (const std::span<double> zeroed : {sums.sum1, sums.sum2, sums.sum3, sums.positive})
    std::ranges::fill(zeroed, 0.0);
  std::ranges::fill(sums.least, std::numeric_limits<double>::infinity());
  std::ranges::fill(sums.most, -std::numeric_limits<double>::infinity());
  detail::dispatch<PowerSums>(&sums, x, origin.data());
}

template <class T>
void column_maxima(std::span<T> most, MatrixView<const T> x) {
  check_width("column_maxima", "most", most.size(), x.cols);
  std::ranges::fill(most, -std::numeric_limits<T>::infinity());
  detail::dispatch<Maxima>(most.data(), x);
}

template <class T>
void add_rows_to_sum(std::span<double> sum, MatrixView<const T> x, std::span<const Index> row) {
  check_width("add_rows_to_sum", "sum", sum.size(), x.cols);
  detail::dispatch<RowSums>(sum.data(), x, row.data(), static_cast<Index>(row.size()));
}

template void column_power_sums(const ColumnPowerSums&, MatrixView<const float>,
                                std::span<const double>);
template void column_power_sums(const ColumnPowerSums&, MatrixView<const double>,
                                std::span<const double>);
template void column_maxima(std::span<float>, MatrixView<const float>);
template void column_maxima(std::span<double>, MatrixView<const double>);
template void add_rows_to_sum(std::span<double>, MatrixView<const float>, std::span<const Index>);
template void add_rows_to_sum(std::span<double>, MatrixView<const double>, std::span<const Index>);

}  // namespace gnomon
