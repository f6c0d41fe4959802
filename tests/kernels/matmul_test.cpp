// SPDX-License-Identifier: Apache-2.0
#include "gnomon/kernels/matmul.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "kernels/kernel_cases.h"
#include "support/expect_close.h"

namespace gnomon {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)

constexpr Backend kBackends[] = {Backend::reference, Backend::blas, Backend::packed};
constexpr WeightLayout kLayouts[] = {WeightLayout::in_out, WeightLayout::out_in};

struct Shape {
  Index n_in;
  Index n_out;
};

// SmolLM2-135M, GPT-2 small, and the tiny models of tests.
constexpr Shape kModelShapes[] = {{576, 576}, {576, 192},  {576, 1536}, {1536, 576},
                                  {768, 768}, {768, 2304}, {768, 3072}, {3072, 768},
                                  {16, 16},   {32, 64},    {12, 48}};

template <class T>
std::vector<T> linear(std::span<const T> x, Index n_row, const WeightView<T>& weight,
                      std::span<const T> bias, Backend backend) {
  std::vector<T> y(static_cast<std::size_t>(n_row * weight.n_out));
  linear_forward<T>({y.data(), n_row, weight.n_out}, {x.data(), n_row, weight.n_in}, weight, bias,
                    backend);
  return y;
}

// Stored as the layout says, rows apart.
template <class T>
StridedMatrix<T> stored_weight(std::span<const T> in_out, Shape shape, WeightLayout layout) {
  if (layout == WeightLayout::in_out) return {shape.n_in, shape.n_out, in_out};
  StridedMatrix<T> result(shape.n_out, shape.n_in);
  for (Index k = 0; k < shape.n_in; ++k) {
    for (Index o = 0; o < shape.n_out; ++o) {
      result.view()(o, k) = in_out[static_cast<std::size_t>(k * shape.n_out + o)];
    }
  }
  return result;
}

template <class T>
WeightView<T> weight_view(const StridedMatrix<T>& stored, Shape shape, WeightLayout layout) {
  return {stored.read().data, shape.n_in, shape.n_out, stored.read().stride, layout};
}

template <class T>
struct Expected {
  std::vector<double> y;
  double magnitude = 0;  // largest Σ |x| |w| + |bias|
};

template <class T>
Expected<T> plain_product(std::span<const T> x, Index n_row, std::span<const T> w, Shape shape,
                          std::span<const T> bias) {
  Expected<T> result;
  for (Index i = 0; i < n_row; ++i) {
    for (Index o = 0; o < shape.n_out; ++o) {
      double sum = bias.empty() ? 0 : static_cast<double>(bias[static_cast<std::size_t>(o)]);
      double magnitude = std::abs(sum);
      for (Index k = 0; k < shape.n_in; ++k) {
        const double term = static_cast<double>(x[static_cast<std::size_t>(i * shape.n_in + k)]) *
                            static_cast<double>(w[static_cast<std::size_t>(k * shape.n_out + o)]);
        sum += term;
        magnitude += std::abs(term);
      }
      result.y.push_back(sum);
      result.magnitude = std::max(result.magnitude, magnitude);
    }
  }
  return result;
}

template <class T>
class LinearForward : public ::testing::Test {};
using Scalars = ::testing::Types<float, double>;
TYPED_TEST_SUITE(LinearForward, Scalars);

TYPED_TEST(LinearForward, SmallProductByHand) {
  using T = TypeParam;
  // [1 2] [1 2 3; 4 5 6] = [9 12 15]
  const std::vector<T> x = {1, 2};
  const std::vector<T> in_out = {1, 2, 3, 4, 5, 6};
  const std::vector<T> out_in = {1, 4, 2, 5, 3, 6};
  const std::vector<T> bias = {10, 20, 30};
  for (const Backend backend : kBackends) {
    SCOPED_TRACE(backend_name(backend));
    const WeightView<T> by_in{in_out.data(), 2, 3, 3, WeightLayout::in_out};
    const WeightView<T> by_out{out_in.data(), 2, 3, 2, WeightLayout::out_in};
    EXPECT_EQ(linear<T>(x, 1, by_in, {}, backend), (std::vector<T>{9, 12, 15}));
    EXPECT_EQ(linear<T>(x, 1, by_out, bias, backend), (std::vector<T>{19, 32, 45}));
  }
}

// Rows, columns and sums around the sizes of tiles and blocks (4, 6, 12 rows; 4 to 32 columns; sums
// of 512), all operands with rows apart and misaligned. A sum of n terms in any order errs by at
// most n eps Σ|x||w| (Higham 2002, section 3.1); one more for the bias, one for the oracle.
TYPED_TEST(LinearForward, EveryBackendIsThePlainProduct) {
  using T = TypeParam;
  struct Case {
    Index n_row;
    Shape shape;
  };
  const Case cases[] = {{1, {1, 1}},     {2, {3, 5}},      {3, {7, 8}},     {4, {16, 15}},
                        {5, {17, 16}},   {6, {31, 17}},    {7, {33, 31}},   {11, {64, 32}},
                        {12, {65, 33}},  {13, {9, 47}},    {23, {511, 48}}, {24, {512, 49}},
                        {25, {513, 63}}, {37, {1030, 65}}, {1, {100, 300}}};
  for (const auto& [n_row, shape] : cases) {
    const auto x = normal_values<T>(n_row * shape.n_in, "x");
    const auto w = normal_values<T>(shape.n_in * shape.n_out, "w");
    const auto bias = normal_values<T>(shape.n_out, "bias");
    const auto expected = plain_product<T>(x, n_row, w, shape, bias);
    const double tolerance = static_cast<double>(shape.n_in + 2) * kEps<T> * expected.magnitude;
    for (const Backend backend : kBackends) {
      for (const WeightLayout layout : kLayouts) {
        const auto stored = stored_weight<T>(w, shape, layout);
        const StridedMatrix<T> x_strided(n_row, shape.n_in, x);
        StridedMatrix<T> y(n_row, shape.n_out);
        linear_forward<T>(y.view(), x_strided.read(), weight_view(stored, shape, layout), bias,
                          backend);
        expect_close(fmt::format("{} [{}, {}, {}] layout {}", backend_name(backend), n_row,
                                 shape.n_in, shape.n_out, static_cast<int>(layout)),
                     widened<T>(y.packed()), expected.y, {.absolute = tolerance});
        EXPECT_TRUE(y.gaps_untouched());
      }
    }
  }
}

TYPED_TEST(LinearForward, EmptySizes) {
  using T = TypeParam;
  const std::vector<T> bias = {1, 2};
  for (const Backend backend : kBackends) {
    SCOPED_TRACE(backend_name(backend));
    for (const WeightLayout layout : kLayouts) {
      const std::vector<T> w(6, T{1});
      const Index stride = layout == WeightLayout::in_out ? 2 : 3;
      EXPECT_TRUE(linear<T>({}, 0, {w.data(), 3, 2, stride, layout}, bias, backend).empty());
      EXPECT_TRUE(linear<T>(w, 2, {w.data(), 3, 0, 3, layout}, {}, backend).empty());
      EXPECT_EQ(linear<T>({}, 2, {nullptr, 0, 2, 2, layout}, bias, backend),
                (std::vector<T>{1, 2, 1, 2}));
    }
  }
}

TYPED_TEST(LinearForward, NonFiniteNumbersStayInTheirRowAndColumn) {
  using T = TypeParam;
  constexpr Shape kShape{40, 50};
  auto x = normal_values<T>(9 * kShape.n_in, "x");
  auto w = normal_values<T>(kShape.n_in * kShape.n_out, "w");
  x[4 * kShape.n_in + 3] = std::numeric_limits<T>::quiet_NaN();
  w[7 * kShape.n_out + 49] = std::numeric_limits<T>::infinity();
  const WeightView<T> weight{w.data(), kShape.n_in, kShape.n_out, kShape.n_out,
                             WeightLayout::in_out};
  for (const Backend backend : {Backend::reference, Backend::packed}) {
    const auto y = linear<T>(x, 9, weight, {}, backend);
    for (Index i = 0; i < 9; ++i) {
      for (Index o = 0; o < kShape.n_out; ++o) {
        const T value = y[static_cast<std::size_t>(i * kShape.n_out + o)];
        EXPECT_EQ(std::isfinite(value), i != 4 && o != 49) << i << ", " << o;
        EXPECT_EQ(std::isnan(value), i == 4) << i << ", " << o;
      }
    }
  }
}

// The guarantee, computed the slow way. Where the machine does not fuse in hardware there is none.
TYPED_TEST(LinearForward, PackedIsASumOfChainsOfFusedMultiplyAdds) {
  using T = TypeParam;
  if (detail::instruction_set() == detail::InstructionSet::baseline) {
    GTEST_SKIP() << "no fused multiply-add kernel for this machine";
  }
  constexpr Index kRows = 14;
  constexpr Shape kShape{700, 70};
  const auto x = normal_values<T>(kRows * kShape.n_in, "x");
  const auto w = normal_values<T>(kShape.n_in * kShape.n_out, "w");
  const Index n_in = kShape.n_in, n_out = kShape.n_out;
  std::vector<T> expected;
  for (Index i = 0; i < kRows; ++i) {
    for (Index o = 0; o < kShape.n_out; ++o) {
      const T* x_i = x.data() + i * n_in;
      const T* w_o = w.data() + o;
      expected.push_back(sum_of_chains<T>(
          0, n_in, [&](Index k) { return x_i[k]; }, [&](Index k) { return w_o[k * n_out]; }));
    }
  }
  for (const WeightLayout layout : kLayouts) {
    const auto stored = stored_weight<T>(w, kShape, layout);
    const auto results = with_each_instruction_set([&] {
      return linear<T>(x, kRows, weight_view(stored, kShape, layout), {}, Backend::packed);
    });
    for (std::size_t set = 1; set < results.size(); ++set) {
      EXPECT_TRUE(same_bits<T>(results[set], expected)) << "instruction set " << set;
    }
    expect_close("baseline", results[0], expected, {.relative = 700 * kEps<T>});
  }
}

// Operands that end where their memory ends: the address sanitizer sees a read beyond them. Every
// number of rows that a tile has, under every instruction set.
TYPED_TEST(LinearForward, ReadsNothingBeyondItsOperands) {
  using T = TypeParam;
  for (const Shape shape : {Shape{5, 3}, Shape{64, 64}, Shape{64, 70}}) {
    const auto w = normal_values<T>(shape.n_in * shape.n_out, "w");
    for (Index n_row = 1; n_row <= 13; ++n_row) {
      const auto x = normal_values<T>(n_row * shape.n_in, "x");
      const auto expected = plain_product<T>(x, n_row, w, shape, {});
      for (const WeightLayout layout : kLayouts) {
        const Index stride = layout == WeightLayout::in_out ? shape.n_out : shape.n_in;
        const auto packed = stored_weight<T>(w, shape, layout).packed();
        const WeightView<T> weight{packed.data(), shape.n_in, shape.n_out, stride, layout};
        for (const auto& y : with_each_instruction_set(
                 [&] { return linear<T>(x, n_row, weight, {}, Backend::packed); })) {
          expect_close(
              "y", widened<T>(y), expected.y,
              {.absolute = static_cast<double>(shape.n_in) * kEps<T> * expected.magnitude});
        }
      }
    }
  }
}

// A row of y is the same bits whichever rows are computed beside it, wherever it stands, in either
// layout and with any number of threads. `blas` is not in this list: OpenBLAS 0.3.21 does not keep
// it.
TYPED_TEST(LinearForward, BatchInvariant) {
  using T = TypeParam;
  const Restored restored;
  for (const Shape shape : kModelShapes) {
    const Index size = shape.n_in * shape.n_out;
    const Index n_all = size < 200000 ? 1024 : 200;
    const auto x = normal_values<T>(n_all * shape.n_in, "x");
    const auto w = normal_values<T>(size, "w");
    const auto bias = normal_values<T>(shape.n_out, "bias");
    const WeightView<T> weight{w.data(), shape.n_in, shape.n_out, shape.n_out,
                               WeightLayout::in_out};
    set_threads(1);
    const auto all = linear<T>(x, n_all, weight, bias, Backend::packed);
    const auto rows = [&](Index first, Index n) {
      return std::span<const T>(all).subspan(static_cast<std::size_t>(first * shape.n_out),
                                             static_cast<std::size_t>(n * shape.n_out));
    };
    for (const WeightLayout layout : kLayouts) {
      const auto stored = stored_weight<T>(w, shape, layout);
      for (const int n_thread : {1, 2, 5}) {
        set_threads(n_thread);
        for (const Index n_row : {1, 2, 3, 5, 16, 17, 200, 1024}) {
          const Index first = n_row < 16 ? 3 : 0;
          // Five threads also share out rows, where there are too few columns.
          if (first + n_row > n_all || (n_thread == 5 && size > 10000)) continue;
          const auto some =
              linear<T>(std::span<const T>(x).subspan(static_cast<std::size_t>(first * shape.n_in)),
                        n_row, weight_view(stored, shape, layout), bias, Backend::packed);
          EXPECT_TRUE(same_bits<T>(some, rows(first, n_row)))
              << n_row << " rows of " << shape.n_in << " to " << shape.n_out << ", layout "
              << static_cast<int>(layout) << ", " << n_thread << " threads";
        }
      }
    }
  }
}

TYPED_TEST(LinearForward, ErrorsSayWhatWasFoundAndExpected) {
  using T = TypeParam;
  const std::vector<T> data(100, T{0});
  std::vector<T> out(100);
  const WeightView<T> weight{data.data(), 4, 3, 3, WeightLayout::in_out};
  const auto error_of = [&](MatrixView<T> y, MatrixView<const T> x, const WeightView<T>& w,
                            std::size_t n_bias) {
    return shape_error_of([&] {
      linear_forward<T>(y, x, w, std::span<const T>(data).first(n_bias), Backend::reference);
    });
  };
  EXPECT_EQ(error_of({out.data(), 2, 3}, {data.data(), 2, 5}, weight, 0),
            "linear_forward: x has 5 columns, expected n_in = 4");
  EXPECT_EQ(error_of({out.data(), 2, 4}, {data.data(), 2, 4}, weight, 0),
            "linear_forward: y is [2, 4], expected [n_row, n_out] = [2, 3]");
  EXPECT_EQ(error_of({out.data(), 3, 3}, {data.data(), 2, 4}, weight, 0),
            "linear_forward: y is [3, 3], expected [n_row, n_out] = [2, 3]");
  EXPECT_EQ(error_of({out.data(), 2, 3}, {data.data(), 2, 4}, weight, 4),
            "linear_forward: bias has 4 values, expected n_out = 3 or none");
  EXPECT_EQ(error_of({out.data(), 2, 3}, {data.data(), 2, 4},
                     {data.data(), 4, 3, 2, WeightLayout::in_out}, 0),
            "linear_forward: weight has stride 2, expected at least 3");
}

TEST(MatmulReference, SumsInDouble) {
  // In float, 2^24 + 1 is 2^24 and the ones would be lost.
  const std::vector<float> x = {16777216, 1, 1, -16777216};
  const std::vector<float> w = {1, 1, 1, 1};
  const WeightView<float> weight{w.data(), 4, 1, 1, WeightLayout::in_out};
  EXPECT_EQ(linear<float>(x, 1, weight, {}, Backend::reference)[0], 2.0F);
}

TEST(Matmul, NamesAndDescription) {
  EXPECT_EQ(backend_name(Backend::reference), "reference");
  EXPECT_EQ(backend_name(Backend::blas), "blas");
  EXPECT_EQ(backend_name(Backend::packed), "packed");
  const std::string description = blas_description();
  EXPECT_TRUE(description == "CBLAS" || description.starts_with("OpenBLAS")) << description;
}

}  // namespace
}  // namespace gnomon
