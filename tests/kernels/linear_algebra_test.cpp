// SPDX-License-Identifier: Apache-2.0
#include "gnomon/kernels/linear_algebra.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "gnomon/base/error.h"
#include "gnomon/base/random.h"
#include "support/expect_close.h"

namespace gnomon {
namespace {

using test::expect_close;

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();

Tensor<double> random_matrix(Index rows, Index cols) {
  Random random(7, "linear_algebra_test");
  Tensor<double> x({rows, cols});
  for (double& value : x.values()) value = random.normal();
  return x;
}

Tensor<double> naive_product(MatrixView<const double> a, Op op_a, MatrixView<const double> b,
                             Op op_b) {
  const auto at = [](MatrixView<const double> m, Op op, Index i, Index j) {
    return op == Op::plain ? m(i, j) : m(j, i);
  };
  const Index rows = op_a == Op::plain ? a.rows : a.cols;
  const Index inner = op_a == Op::plain ? a.cols : a.rows;
  const Index cols = op_b == Op::plain ? b.cols : b.rows;
  Tensor<double> c({rows, cols});
  for (Index i = 0; i < rows; ++i) {
    for (Index j = 0; j < cols; ++j) {
      for (Index k = 0; k < inner; ++k) c.matrix()(i, j) += at(a, op_a, i, k) * at(b, op_b, k, j);
    }
  }
  return c;
}

// Products of k terms of size 1 differ by at most about k eps.
test::Tolerance product_tolerance(Index k) {
  return {.absolute = 4 * static_cast<double>(k) * kEpsilon, .relative = 0};
}

TEST(LinearAlgebra, MultiplyMatchesPlainLoops) {
  const Tensor<double> a = random_matrix(5, 7);
  const Tensor<double> a_turned = random_matrix(7, 5);
  const Tensor<double> b = random_matrix(7, 3);
  const Tensor<double> b_turned = random_matrix(3, 7);
  for (const Op op_a : {Op::plain, Op::transposed}) {
    for (const Op op_b : {Op::plain, Op::transposed}) {
      const Tensor<double>& left = op_a == Op::plain ? a : a_turned;
      const Tensor<double>& right = op_b == Op::plain ? b : b_turned;
      const Tensor<double> expected = naive_product(left.matrix(), op_a, right.matrix(), op_b);
      Tensor<double> c({5, 3});
      c.data()[0] = std::nan("");  // overwritten, not multiplied by zero
      multiply(c.matrix(), left.matrix(), op_a, right.matrix(), op_b);
      expect_close("multiply", std::as_const(c).values(), expected.values(), product_tolerance(7));
    }
  }
}

TEST(LinearAlgebra, MultiplyAddsAndTakesStrides) {
  const Tensor<double> wide = random_matrix(4, 9);
  const MatrixView<const double> a = wide.matrix().columns(2, 3);
  const Tensor<double> b = random_matrix(3, 2);
  Tensor<double> c({4, 2}, std::vector<double>(8, 1.0));
  multiply(c.matrix(), a, Op::plain, b.matrix(), Op::plain, Output::add);
  Tensor<double> expected = naive_product(a, Op::plain, b.matrix(), Op::plain);
  for (double& value : expected.values()) value += 1;
  expect_close("c", std::as_const(c).values(), std::as_const(expected).values(),
               product_tolerance(3));
}

TEST(LinearAlgebra, EmptyProducts) {
  Tensor<double> c({2, 2}, {1, 2, 3, 4});
  const double unread = 1;
  multiply(c.matrix(), MatrixView<const double>(&unread, 2, 0), Op::plain,
           MatrixView<const double>(&unread, 0, 2), Op::plain);
  EXPECT_EQ(std::vector<double>(c.values().begin(), c.values().end()), std::vector<double>(4, 0.0));
  Tensor<double> none({0, 2});
  multiply(none.matrix(), Tensor<double>({0, 3}).matrix(), Op::plain, random_matrix(3, 2).matrix(),
           Op::plain);
  Tensor<double> g({2, 2}, {1, 1, 1, 1});
  gram_of_columns(g.matrix(), Tensor<double>({0, 2}).matrix());
  EXPECT_EQ(g.data()[0], 0);
  EXPECT_TRUE(symmetric_eigen(Tensor<double>({0, 0}).matrix()).value.empty());
}

TEST(LinearAlgebra, GramsMatchProducts) {
  const Tensor<double> x = random_matrix(6, 4);
  Tensor<double> columns({4, 4});
  Tensor<double> rows({6, 6});
  gram_of_columns(columns.matrix(), x.matrix());
  gram_of_columns(columns.matrix(), x.matrix(), Output::add);
  gram_of_rows(rows.matrix(), x.matrix());
  Tensor<double> expected = naive_product(x.matrix(), Op::transposed, x.matrix(), Op::plain);
  for (double& value : expected.values()) value *= 2;
  expect_close("columns", std::as_const(columns).values(), std::as_const(expected).values(),
               product_tolerance(24));
  expect_close("rows", std::as_const(rows).values(),
               naive_product(x.matrix(), Op::plain, x.matrix(), Op::transposed).values(),
               product_tolerance(12));
  for (Index i = 0; i < 6; ++i) {
    for (Index j = 0; j < i; ++j) EXPECT_EQ(rows.matrix()(i, j), rows.matrix()(j, i));
  }
}

TEST(LinearAlgebra, EigenOfTwoByTwo) {
  // [[2, 1], [1, 2]] has 1 with (1, -1) / sqrt 2 and 3 with (1, 1) / sqrt 2. The upper triangle is
  // not read.
  const Tensor<double> a({2, 2}, {2, std::nan(""), 1, 2});
  const SymmetricEigen eigen = symmetric_eigen(a.matrix());
  expect_close("value", eigen.value, std::vector<double>{1, 3}, {.absolute = 4 * kEpsilon});
  const double half = std::sqrt(0.5);
  const MatrixView<const double> v = eigen.vector.matrix();
  EXPECT_NEAR(std::abs(v(0, 0)), half, 4 * kEpsilon);
  EXPECT_NEAR(v(0, 0), -v(0, 1), 4 * kEpsilon);
  EXPECT_NEAR(v(1, 0), half, 4 * kEpsilon);
  EXPECT_NEAR(v(1, 1), half, 4 * kEpsilon);
}

TEST(LinearAlgebra, EigenReconstructs) {
  const Index n = 60;
  const Tensor<double> x = random_matrix(40, n);  // rank 40
  Tensor<double> a({n, n});
  gram_of_columns(a.matrix(), x.matrix());
  const SymmetricEigen eigen = symmetric_eigen(a.matrix());
  const MatrixView<const double> v = eigen.vector.matrix();
  Tensor<double> scaled({n, n});
  for (Index k = 0; k < n; ++k) {
    for (Index j = 0; j < n; ++j) scaled.matrix()(k, j) = eigen.value[k] * v(k, j);
    double largest = 0;
    for (Index j = 0; j < n; ++j) {
      if (std::abs(v(k, j)) > std::abs(largest)) largest = v(k, j);
    }
    EXPECT_GT(largest, 0) << "sign of eigenvector " << k;
  }
  const double norm = eigen.value.back();
  expect_close("V^T diag V",
               naive_product(v, Op::transposed, std::as_const(scaled).matrix(), Op::plain).values(),
               std::as_const(a).values(), {.absolute = static_cast<double>(n) * kEpsilon * norm});
  Tensor<double> identity({n, n});
  for (Index k = 0; k < n; ++k) identity.matrix()(k, k) = 1;
  expect_close("V V^T", naive_product(v, Op::plain, v, Op::transposed).values(),
               std::as_const(identity).values(), {.absolute = static_cast<double>(n) * kEpsilon});
  for (Index k = 0; k < 20; ++k) {
    EXPECT_NEAR(eigen.value[k], 0, static_cast<double>(n) * kEpsilon * norm);
  }
}

TEST(LinearAlgebra, CholeskySolves) {
  const Index n = 30;
  const Tensor<double> x = random_matrix(60, n);
  Tensor<double> a({n, n});
  gram_of_columns(a.matrix(), x.matrix());
  const Tensor<double> solution = random_matrix(n, 2);
  const Tensor<double> b = naive_product(a.matrix(), Op::plain, solution.matrix(), Op::plain);
  // The condition of a 60 by 30 normal Gram matrix is below ((1 + sqrt .5) / (1 - sqrt .5))² = 34,
  // with room for fluctuation.
  expect_close("x", cholesky_solve(a.matrix(), b.matrix()).values(), solution.values(),
               {.absolute = 200.0 * static_cast<double>(n) * kEpsilon});
}

TEST(LinearAlgebra, NotPositiveDefinite) {
  const Tensor<double> a({3, 3}, {1, 0, 0, 0, -1, 0, 0, 0, 1});
  const Tensor<double> b({3, 1}, {1, 1, 1});
  try {
    cholesky_solve(a.matrix(), b.matrix());
    FAIL() << "expected NumericError";
  } catch (const NumericError& error) {
    EXPECT_STREQ(error.what(),
                 "cholesky_solve: the leading 2 by 2 part of a [3, 3] matrix is not positive "
                 "definite, expected positive eigenvalues");
    EXPECT_NE(error.hint().find("ridge"), std::string::npos);
  }
}

TEST(LinearAlgebra, RefusesBadInput) {
  const Tensor<double> rectangle({2, 3});
  EXPECT_THROW(symmetric_eigen(rectangle.matrix()), ShapeError);
  Tensor<double> bad({2, 2}, {1, 0, std::nan(""), 1});
  try {
    symmetric_eigen(bad.matrix());
    FAIL() << "expected NumericError";
  } catch (const NumericError& error) {
    EXPECT_STREQ(error.what(), "symmetric_eigen: a[1, 0] is nan, expected a finite number");
  }
  Tensor<double> c({2, 2});
  EXPECT_THROW(multiply(c.matrix(), rectangle.matrix(), Op::plain, rectangle.matrix(), Op::plain),
               ShapeError);
  EXPECT_THROW(gram_of_columns(c.matrix(), rectangle.matrix()), ShapeError);
  EXPECT_THROW(cholesky_solve(c.matrix(), rectangle.matrix().row_range(0, 1)), ShapeError);
}

}  // namespace
}  // namespace gnomon
