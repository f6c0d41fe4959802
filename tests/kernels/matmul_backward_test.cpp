// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "gnomon/kernels/matmul.h"
#include "kernels/gradient_cases.h"
#include "kernels/kernel_cases.h"
#include "support/expect_close.h"

namespace gnomon {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)

constexpr Backend kBackends[] = {Backend::reference, Backend::blas, Backend::packed};
constexpr WeightLayout kLayouts[] = {WeightLayout::in_out, WeightLayout::out_in};

struct Shape {
  Index n_row, n_in, n_out;
};

// Around tiles of 4, 6 and 12 rows and of 4 to 32 columns, strips of 48 rows, blocks of 128 and 256
// columns and of 512 terms, chains of 128.
constexpr Shape kShapes[] = {{1, 1, 1},     {2, 3, 5},      {7, 16, 33},   {5, 47, 130},
                             {3, 49, 300},  {13, 97, 6},    {24, 48, 257}, {40, 100, 31},
                             {513, 17, 96}, {530, 61, 100}, {6, 600, 7},   {9, 5, 1030}};

// One projection with the gradient at its exit; matrices are stored with rows apart.
template <class T>
struct Case {
  Shape shape;
  WeightLayout layout;
  StridedMatrix<T> x, grad_y, weight;

  Case(Shape shape_, WeightLayout layout_)
      : shape(shape_),
        layout(layout_),
        x(shape.n_row, shape.n_in, normal_values<T>(shape.n_row * shape.n_in, "x")),
        grad_y(shape.n_row, shape.n_out, normal_values<T>(shape.n_row * shape.n_out, "grad_y")),
        weight(stored_rows(), stored_columns(),
               normal_values<T>(shape.n_in * shape.n_out, "weight")) {}

  Index stored_rows() const { return layout == WeightLayout::in_out ? shape.n_in : shape.n_out; }
  Index stored_columns() const { return layout == WeightLayout::in_out ? shape.n_out : shape.n_in; }
  WeightView<T> weight_view() const {
    return {weight.read().data, shape.n_in, shape.n_out, weight.read().stride, layout};
  }
  GradWeightView<T> grad_view(StridedMatrix<T>& grad) const {
    return {grad.view().data, shape.n_in, shape.n_out, grad.view().stride, layout};
  }

  std::vector<T> grad_x(Output output, Backend backend) const {
    StridedMatrix<T> grad(shape.n_row, shape.n_in,
                          normal_values<T>(shape.n_row * shape.n_in, "before"));
    linear_backward_input<T>(grad.view(), grad_y.read(), weight_view(), output, backend);
    EXPECT_TRUE(grad.gaps_untouched());
    return grad.packed();
  }
  std::vector<T> grad_weight(Backend backend) const {
    StridedMatrix<T> grad(stored_rows(), stored_columns(),
                          normal_values<T>(shape.n_in * shape.n_out, "before"));
    linear_backward_weight<T>(grad_view(grad), {}, x.read(), grad_y.read(), backend);
    EXPECT_TRUE(grad.gaps_untouched());
    return grad.packed();
  }
  std::vector<T> grad_bias() const {
    auto grad = normal_values<T>(shape.n_out, "before");
    linear_backward_weight<T>({nullptr, shape.n_in, shape.n_out, 0, layout}, grad, x.read(),
                              grad_y.read(), Backend::packed);
    return grad;
  }
  std::string name() const {
    return fmt::format("{} rows, {} to {}, {}", shape.n_row, shape.n_in, shape.n_out,
                       layout == WeightLayout::in_out ? "in_out" : "out_in");
  }
};

template <class T>
std::vector<Case<T>> cases() {
  std::vector<Case<T>> result;
  for (const Shape& shape : kShapes) {
    for (const WeightLayout layout : kLayouts) result.emplace_back(shape, layout);
  }
  return result;
}

template <class T>
class LinearBackward : public ::testing::Test {};
using Scalars = ::testing::Types<float, double>;
TYPED_TEST_SUITE(LinearBackward, Scalars);

TYPED_TEST(LinearBackward, SmallProductByHand) {
  using T = TypeParam;
  // x = [1 2], W = [1 2 3; 4 5 6], grad_y = [1 0 -1]: grad_y Wᵀ = [-2 -2], xᵀ grad_y = [1 0 -1; 2 0
  // -2].
  const std::vector<T> x = {1, 2};
  const std::vector<T> grad_y = {1, 0, -1};
  const std::vector<T> in_out = {1, 2, 3, 4, 5, 6};
  const std::vector<T> out_in = {1, 4, 2, 5, 3, 6};
  const MatrixView<const T> x_row(x.data(), 1, 2);
  const MatrixView<const T> grad_row(grad_y.data(), 1, 3);
  for (const Backend backend : kBackends) {
    SCOPED_TRACE(backend_name(backend));
    const WeightView<T> by_in{in_out.data(), 2, 3, 3, WeightLayout::in_out};
    const WeightView<T> by_out{out_in.data(), 2, 3, 2, WeightLayout::out_in};
    for (const WeightView<T>& weight : {by_in, by_out}) {
      std::vector<T> grad_x = {10, 20};
      linear_backward_input<T>({grad_x.data(), 1, 2}, grad_row, weight, Output::add, backend);
      EXPECT_EQ(grad_x, (std::vector<T>{8, 18}));
      linear_backward_input<T>({grad_x.data(), 1, 2}, grad_row, weight, Output::overwrite, backend);
      EXPECT_EQ(grad_x, (std::vector<T>{-2, -2}));
    }
    std::vector<T> grad(6, T{100});
    std::vector<T> grad_bias = {1, 2, 3};
    linear_backward_weight<T>({grad.data(), 2, 3, 3, WeightLayout::in_out}, grad_bias, x_row,
                              grad_row, backend);
    EXPECT_EQ(grad, (std::vector<T>{101, 100, 99, 102, 100, 98}));
    EXPECT_EQ(grad_bias, (std::vector<T>{2, 2, 2}));
    grad.assign(6, T{0});
    linear_backward_weight<T>({grad.data(), 2, 3, 2, WeightLayout::out_in}, {}, x_row, grad_row,
                              backend);
    EXPECT_EQ(grad, (std::vector<T>{1, 2, 0, 0, -1, -2}));
  }
}

TEST(LinearBackward, IsTheDerivativeOfTheForwardPass) {
  for (const WeightLayout layout : kLayouts) {
    const Case<double> c({4, 6, 7}, layout);
    const auto bias = normal_values<double>(7, "bias");
    const auto grad_y = c.grad_y.packed();
    const auto loss = [&](MatrixView<const double> x, const WeightView<double>& weight,
                          std::span<const double> some_bias) {
      std::vector<double> y(grad_y.size());
      linear_forward<double>({y.data(), 4, 7}, x, weight, some_bias, Backend::reference);
      return dot(y, grad_y);
    };
    for (const Backend backend : kBackends) {
      SCOPED_TRACE(backend_name(backend));
      expect_gradient(
          "x",
          [&](std::span<const double> x) {
            return loss({x.data(), 4, 6}, c.weight_view(), bias);
          },
          c.x.packed(), c.grad_x(Output::overwrite, backend));
      auto grad_weight = c.grad_weight(backend);
      const auto before = normal_values<double>(6 * 7, "before");
      for (std::size_t i = 0; i < grad_weight.size(); ++i) grad_weight[i] -= before[i];
      expect_gradient(
          "weight",
          [&](std::span<const double> w) {
            return loss(c.x.read(), {w.data(), 6, 7, c.stored_columns(), layout}, bias);
          },
          c.weight.packed(), grad_weight);
    }
    auto grad_bias = c.grad_bias();
    const auto before = normal_values<double>(7, "before");
    for (std::size_t i = 0; i < grad_bias.size(); ++i) grad_bias[i] -= before[i];
    expect_gradient(
        "bias", [&](std::span<const double> b) { return loss(c.x.read(), c.weight_view(), b); },
        bias, grad_bias);
  }
}

// A sum of n terms errs by at most n eps Σ|terms|; rounding's random signs leave about its root.
// Σ|terms| of normal numbers is about 0.64 n, largest element about 4 √n: relative to the latter
// √n 0.64 n / (4 √n) eps = 0.16 n eps.
TYPED_TEST(LinearBackward, EveryBackendIsTheReference) {
  using T = TypeParam;
  for (const Case<T>& c : cases<T>()) {
    SCOPED_TRACE(c.name());
    for (const Backend backend : {Backend::blas, Backend::packed}) {
      SCOPED_TRACE(backend_name(backend));
      const auto relative = [](Index n) { return (4 + 0.16 * static_cast<double>(n)) * kEps<T>; };
      for (const Output output : {Output::overwrite, Output::add}) {
        expect_close("grad_x", widened<T>(c.grad_x(output, backend)),
                     widened<T>(c.grad_x(output, Backend::reference)),
                     {.absolute = 4 * kEps<T>, .relative = relative(c.shape.n_out)});
      }
      expect_close("grad_weight", widened<T>(c.grad_weight(backend)),
                   widened<T>(c.grad_weight(Backend::reference)),
                   {.absolute = 4 * kEps<T>, .relative = relative(c.shape.n_row)});
    }
    auto expected = widened<T>(normal_values<T>(c.shape.n_out, "before"));
    for (Index i = 0; i < c.shape.n_row; ++i) {
      for (Index o = 0; o < c.shape.n_out; ++o) {
        expected[static_cast<std::size_t>(o)] += static_cast<double>(c.grad_y.read()(i, o));
      }
    }
    // Sums in double; one rounding to T and one of the addition.
    expect_close("grad_bias", widened<T>(c.grad_bias()), expected,
                 {.absolute = 4 * kEps<T>, .relative = 4 * kEps<T>});
  }
}

TYPED_TEST(LinearBackward, PackedIsASumOfChainsOfFusedMultiplyAdds) {
  using T = TypeParam;
  if (detail::instruction_set() == detail::InstructionSet::baseline) {
    GTEST_SKIP() << "this machine does not fuse";
  }
  for (const Case<T>& c : cases<T>()) {
    SCOPED_TRACE(c.name());
    const auto before_x = normal_values<T>(c.shape.n_row * c.shape.n_in, "before");
    const auto grad_x = c.grad_x(Output::add, Backend::packed);
    for (Index i = 0; i < c.shape.n_row; ++i) {
      for (Index k = 0; k < c.shape.n_in; ++k) {
        const auto cell = static_cast<std::size_t>(i * c.shape.n_in + k);
        const T sum = sum_of_chains<T>(
            before_x[cell], c.shape.n_out, [&](Index o) { return c.grad_y.read()(i, o); },
            [&](Index o) { return c.weight_view()(k, o); });
        ASSERT_EQ(grad_x[cell], sum) << i << ", " << k;
      }
    }
    const auto before = normal_values<T>(c.shape.n_in * c.shape.n_out, "before");
    const auto grad_weight = c.grad_weight(Backend::packed);
    for (Index k = 0; k < c.shape.n_in; ++k) {
      for (Index o = 0; o < c.shape.n_out; ++o) {
        const auto cell = static_cast<std::size_t>(
            c.layout == WeightLayout::in_out ? k * c.shape.n_out + o : o * c.shape.n_in + k);
        const T sum = sum_of_chains<T>(
            before[cell], c.shape.n_row, [&](Index i) { return c.x.read()(i, k); },
            [&](Index i) { return c.grad_y.read()(i, o); });
        ASSERT_EQ(grad_weight[cell], sum) << k << ", " << o;
      }
    }
  }
}

TYPED_TEST(LinearBackward, PackedHasTheSameBitsWithAnyNumberOfThreads) {
  using T = TypeParam;
  const Restored restored;
  for (const WeightLayout layout : kLayouts) {
    const Case<T> c({200, 190, 230}, layout);
    set_threads(1);
    const auto grad_x = c.grad_x(Output::add, Backend::packed);
    const auto grad_weight = c.grad_weight(Backend::packed);
    const auto grad_bias = c.grad_bias();
    for (const int n : {2, 3, 7}) {
      set_threads(n);
      EXPECT_TRUE(same_bits<T>(c.grad_x(Output::add, Backend::packed), grad_x)) << n;
      EXPECT_TRUE(same_bits<T>(c.grad_weight(Backend::packed), grad_weight)) << n;
      EXPECT_TRUE(same_bits<T>(c.grad_bias(), grad_bias)) << n;
    }
  }
}

TYPED_TEST(LinearBackward, PackedRowsDoNotDependOnEachOther) {
  using T = TypeParam;
  const Case<T> c({50, 70, 90}, WeightLayout::in_out);
  const auto all = c.grad_x(Output::overwrite, Backend::packed);
  for (const Index first : {0, 17, 49}) {
    std::vector<T> alone(70);
    linear_backward_input<T>({alone.data(), 1, 70}, c.grad_y.read().row_range(first, 1),
                             c.weight_view(), Output::overwrite, Backend::packed);
    EXPECT_TRUE(same_bits<T>(
        alone, std::span<const T>(all).subspan(static_cast<std::size_t>(first * 70), 70)));
  }
}

TYPED_TEST(LinearBackward, NothingToSum) {
  using T = TypeParam;
  for (const Backend backend : kBackends) {
    SCOPED_TRACE(backend_name(backend));
    for (const WeightLayout layout : kLayouts) {
      std::vector<T> grad(6, T{3});
      linear_backward_input<T>({grad.data(), 2, 3}, {grad.data(), 2, 0}, {nullptr, 3, 0, 3, layout},
                               Output::add, backend);
      EXPECT_EQ(grad, std::vector<T>(6, T{3}));
      std::vector<T> grad_bias = {1, 2};
      const Index stride = layout == WeightLayout::in_out ? 2 : 3;
      linear_backward_weight<T>({grad.data(), 3, 2, stride, layout}, grad_bias, {nullptr, 0, 3},
                                {nullptr, 0, 2}, backend);
      EXPECT_EQ(grad, std::vector<T>(6, T{3}));
      EXPECT_EQ(grad_bias, (std::vector<T>{1, 2}));
      linear_backward_input<T>({grad.data(), 2, 3}, {grad.data(), 2, 0}, {nullptr, 3, 0, 3, layout},
                               Output::overwrite, backend);
      EXPECT_EQ(grad, std::vector<T>(6, T{0}));
      linear_backward_input<T>({nullptr, 0, 3}, {nullptr, 0, 2},
                               {grad.data(), 3, 2, stride, layout}, Output::overwrite, backend);
    }
  }
}

TYPED_TEST(LinearBackward, ErrorsSayWhatWasFoundAndExpected) {
  using T = TypeParam;
  std::vector<T> data(40), bias(4);
  T* d = data.data();
  const WeightView<T> weight{d, 3, 5, 3, WeightLayout::out_in};
  const GradWeightView<T> grad{d, 3, 5, 3, WeightLayout::out_in};
  const auto input_error = [&](MatrixView<T> grad_x, MatrixView<const T> grad_y) {
    return shape_error_of(
        [&] { linear_backward_input<T>(grad_x, grad_y, weight, Output::add, Backend::packed); });
  };
  EXPECT_EQ(input_error({d, 2, 4}, {d, 2, 5}),
            "linear_backward_input: grad_x has 4 columns, expected n_in = 3");
  EXPECT_EQ(input_error({d, 2, 3}, {d, 3, 5}),
            "linear_backward_input: grad_y is [3, 5], expected [n_row, n_out] = [2, 5]");
  EXPECT_EQ(shape_error_of([&] {
              linear_backward_weight<T>(grad, bias, {d, 2, 3}, {d, 2, 5}, Backend::packed);
            }),
            "linear_backward_weight: grad_bias has 4 values, expected n_out = 5 or none");
  EXPECT_EQ(shape_error_of([&] {
              linear_backward_weight<T>({d, 3, 5, 2, WeightLayout::out_in}, {}, {d, 2, 3},
                                        {d, 2, 5}, Backend::packed);
            }),
            "linear_backward_weight: grad_weight has stride 2, expected at least 3");
  EXPECT_EQ(shape_error_of([&] {
              linear_backward_weight<T>(grad, {}, {d, 2, 4}, {d, 2, 5}, Backend::packed);
            }),
            "linear_backward_weight: x has 4 columns, expected n_in = 3");
}

}  // namespace
}  // namespace gnomon
