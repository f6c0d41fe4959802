// SPDX-License-Identifier: Apache-2.0
#include "gnomon/stats/ridge.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "gnomon/base/error.h"
#include "gnomon/base/interrupt.h"
#include "gnomon/base/threads.h"
#include "gnomon/kernels/linear_algebra.h"
#include "gnomon/stats/detail/sample.h"
#include "gnomon/stats/groups.h"
#include "gnomon/stats/regression.h"
#include "gnomon/tensor/tensor.h"

namespace gnomon {
namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();

void check_data(std::string_view function, MatrixView<const double> x, std::span<const double> y) {
  detail::check_size(function, "y", y.size(), x.rows);
  if (x.rows < 2 || x.cols < 1) {
    throw ArgumentError(
        ErrorCode::bad_data,
        fmt::format("{}: x is [{}, {}] (rows, features), expected at least 2 rows and 1 feature",
                    function, x.rows, x.cols));
  }
  detail::check_rows(function, "x", x);
  detail::check_sample(function, "y", y);
}

void check_lambda(std::string_view function, double lambda) {
  if (!(lambda >= 0) || !std::isfinite(lambda)) {
    throw ArgumentError(
        fmt::format("{}: lambda is {}, expected a finite number, 0 or above", function, lambda));
  }
}

// Affine maps from features as given to the centred and scaled ones that are penalised, and back.
struct FeatureMap {
  std::vector<double> mean;   // [d]
  std::vector<double> scale;  // [d] 0 for a constant feature, else 1 / sd or 1

  Tensor<double> apply(MatrixView<const double> x) const {
    Tensor<double> mapped({x.rows, x.cols});
    const MatrixView<double> z = mapped.matrix();
    for (Index i = 0; i < x.rows; ++i) {
      for (Index j = 0; j < x.cols; ++j) z(i, j) = (x(i, j) - mean[j]) * scale[j];
    }
    return mapped;
  }
};

FeatureMap learn_feature_map(MatrixView<const double> x, FeatureScaling scaling) {
  FeatureMap map;
  std::vector<double> column(static_cast<std::size_t>(x.rows));
  for (Index j = 0; j < x.cols; ++j) {
    for (Index i = 0; i < x.rows; ++i) column[i] = x(i, j);
    const detail::Centred centred = detail::centre(column);
    const double sd = std::sqrt(centred.sum_squares / static_cast<double>(x.rows)) / centred.scale;
    map.mean.push_back(centred.mean / centred.scale);
    map.scale.push_back(centred.constant                           ? 0
                        : scaling == FeatureScaling::unit_variance ? 1 / sd
                                                                   : 1);
  }
  return map;
}

using Outcomes = std::span<const std::span<const double>>;

// A ridge problem diagonalised, so that each lambda and each outcome y costs one pass over the
// eigenvalues:
//
//   n >= d:  zᵀz = Σ s v vᵀ     w(λ) = Σ v (v·zᵀy) / (s + λ)
//   n <  d:  z zᵀ = Σ s u uᵀ    w(λ) = zᵀ Σ u (u·y) / (s + λ)
class RidgeProblem {
 public:
  RidgeProblem(MatrixView<const double> x, Outcomes outcomes, FeatureScaling scaling)
      : n_(x.rows), scaling_(scaling), map_(learn_feature_map(x, scaling)), z_(map_.apply(x)) {
    const auto n_outcome = static_cast<Index>(outcomes.size());
    Tensor<double> y_centred({n_, n_outcome});
    for (Index k = 0; k < n_outcome; ++k) {
      const detail::Centred outcome = detail::centre(outcomes[k]);
      y_mean_.push_back(outcome.mean / outcome.scale);
      for (Index i = 0; i < n_; ++i)
        y_centred.matrix()(i, k) = outcome.difference[i] / outcome.scale;
    }
    dual_ = n_ < x.cols;
    const Index size = dual_ ? n_ : x.cols;
    Tensor<double> gram({size, size});
    Tensor<double> right_side = y_centred;
    if (dual_) {
      gram_of_rows(gram.matrix(), z_.matrix());
    } else {
      gram_of_columns(gram.matrix(), z_.matrix());
      right_side = Tensor<double>({size, n_outcome});
      multiply(right_side.matrix(), z_.matrix(), Op::transposed, y_centred.matrix(), Op::plain);
    }
    SymmetricEigen eigen = symmetric_eigen(gram.matrix());
    vector_ = std::move(eigen.vector);
    value_ = std::move(eigen.value);
    const double resolved =
        static_cast<double>(std::max(n_, x.cols)) * kEpsilon * std::max(0.0, value_.back());
    first_ = std::upper_bound(value_.begin(), value_.end(), resolved) - value_.begin();
    projected_ = Tensor<double>({n_kept(), n_outcome});
    multiply(projected_.matrix(), kept_vectors(), Op::plain, right_side.matrix(), Op::plain);
    // Only the dual form needs the rows again; all problems of a cross-validation live at once.
    if (!dual_) z_ = Tensor<double>();
  }

  std::span<const double> resolved_eigenvalues() const {
    return std::span<const double>(value_).subspan(static_cast<std::size_t>(first_));
  }

  RidgeFit fit(Index outcome, double lambda) const {
    RidgeFit fit;
    fit.lambda = lambda;
    fit.scaling = scaling_;
    fit.n = n_;
    fit.degrees_of_freedom = 1;
    for (const double s : resolved_eigenvalues()) fit.degrees_of_freedom += s / (s + lambda);
    Tensor<double> solution({vector_.shape()[1], 1});
    multiply(solution.matrix(), kept_vectors(), Op::transposed,
             coefficients(outcome, std::span(&lambda, 1)).matrix(), Op::plain);
    if (dual_) {
      Tensor<double> weight({n_feature(), 1});
      multiply(weight.matrix(), z_.matrix(), Op::transposed, solution.matrix(), Op::plain);
      solution = std::move(weight);
    }
    fit.bias = y_mean_[outcome];
    for (Index j = 0; j < n_feature(); ++j) {
      fit.weight.push_back(solution.data()[j] * map_.scale[j]);
      fit.bias -= fit.weight.back() * map_.mean[j];
    }
    return fit;
  }

  // For each outcome [rows of x, its lambdas].
  std::vector<Tensor<double>> predict(MatrixView<const double> x,
                                      std::span<const double> lambdas) const {
    Tensor<double> rotated({x.rows, n_kept()});
    if (n_kept() > 0) {
      Tensor<double> z = map_.apply(x);
      if (dual_) {
        Tensor<double> products({x.rows, n_});
        multiply(products.matrix(), z.matrix(), Op::plain, z_.matrix(), Op::transposed);
        z = std::move(products);
      }
      multiply(rotated.matrix(), z.matrix(), Op::plain, kept_vectors(), Op::transposed);
    }
    std::vector<Tensor<double>> predictions;
    for (std::size_t k = 0; k < y_mean_.size(); ++k) {
      Tensor<double>& prediction =
          predictions.emplace_back(std::vector<Index>{x.rows, static_cast<Index>(lambdas.size())});
      if (n_kept() > 0) {
        multiply(prediction.matrix(), rotated.matrix(), Op::plain,
                 coefficients(static_cast<Index>(k), lambdas).matrix(), Op::plain);
      }
      for (double& value : prediction.values()) value += y_mean_[k];
    }
    return predictions;
  }

 private:
  Index n_feature() const { return static_cast<Index>(map_.mean.size()); }
  Index n_kept() const { return static_cast<Index>(value_.size()) - first_; }
  MatrixView<const double> kept_vectors() const {
    return vector_.matrix().row_range(first_, n_kept());
  }

  // [n_kept, lambdas]
  Tensor<double> coefficients(Index outcome, std::span<const double> lambdas) const {
    Tensor<double> result({n_kept(), static_cast<Index>(lambdas.size())});
    for (Index k = 0; k < n_kept(); ++k) {
      for (std::size_t l = 0; l < lambdas.size(); ++l) {
        result.matrix()(k, static_cast<Index>(l)) =
            projected_.matrix()(k, outcome) / (value_[first_ + k] + lambdas[l]);
      }
    }
    return result;
  }

  Index n_;
  FeatureScaling scaling_;
  FeatureMap map_;
  Tensor<double> z_;            // [n, d] centred and scaled; empty unless dual
  std::vector<double> y_mean_;  // [n_outcome]
  bool dual_ = false;
  std::vector<double> value_;  // ascending
  Index first_ = 0;            // of the resolved eigenvalues
  Tensor<double> vector_;
  Tensor<double> projected_;  // [n_kept, n_outcome] eigenvectors times the right side
};

std::optional<double> train_r2(const RidgeFit& fit, MatrixView<const double> x,
                               std::span<const double> y) {
  std::vector<double> prediction;
  for (Index i = 0; i < x.rows; ++i) prediction.push_back(fit.predict(x.row(i)));
  return r2_identity(prediction, y);
}

std::vector<double> automatic_lambdas(std::span<const double> eigenvalues, Index n_lambda) {
  if (n_lambda < 1) {
    throw ArgumentError(
        fmt::format("fit_ridge_cross_validated: n_lambda is {}, expected at least 1", n_lambda));
  }
  // Without any variance every lambda gives the same fit, the mean.
  if (eigenvalues.empty()) return {1.0};
  const double largest = eigenvalues.back();
  const double low = std::log(std::max(1e-10 * largest, 0.01 * eigenvalues.front()));
  const double high = std::log(10 * largest);
  std::vector<double> lambdas;
  for (Index k = 0; k < n_lambda; ++k) {
    const double share =
        n_lambda == 1 ? 0.5 : static_cast<double>(k) / static_cast<double>(n_lambda - 1);
    lambdas.push_back(std::exp(std::lerp(low, high, share)));
  }
  return lambdas;
}

Tensor<double> take_rows(MatrixView<const double> x, std::span<const Index> rows) {
  Tensor<double> taken({static_cast<Index>(rows.size()), x.cols});
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::span<const double> row = x.row(rows[i]);
    std::copy(row.begin(), row.end(), taken.matrix().row(static_cast<Index>(i)).begin());
  }
  return taken;
}

struct Split {
  std::vector<Index> kept;
  std::vector<Index> held_out;
};

Split split_off(std::span<const Index> fold, Index f) {
  Split split;
  for (std::size_t i = 0; i < fold.size(); ++i) {
    (fold[i] == f ? split.held_out : split.kept).push_back(static_cast<Index>(i));
  }
  return split;
}

// The problem of each fold, which leaves the fold's rows out, and last that of all rows. Each is
// solved within one thread, where BLAS does not divide its sums: the bits do not depend on the
// number of threads.
std::vector<std::optional<RidgeProblem>> solve_all(MatrixView<const double> x, Outcomes outcomes,
                                                   std::span<const Index> fold, Index n_fold,
                                                   FeatureScaling scaling) {
  std::vector<std::optional<RidgeProblem>> problems(static_cast<std::size_t>(n_fold + 1));
  parallel_for(0, n_fold + 1, 1, [&](Index first, Index last) {
    for (Index f = first; f < last; ++f) {
      check_interrupted();
      const std::vector<Index> kept = split_off(fold, f).kept;
      std::vector<std::vector<double>> kept_outcomes;
      for (const std::span<const double> y : outcomes) {
        std::vector<double>& kept_y = kept_outcomes.emplace_back();
        for (const Index i : kept) kept_y.push_back(y[i]);
      }
      const std::vector<std::span<const double>> views(kept_outcomes.begin(), kept_outcomes.end());
      problems[f].emplace(take_rows(x, kept).matrix(), views, scaling);
    }
  });
  return problems;
}

// For each outcome [n, lambdas], each row from the problem of the other folds.
std::vector<Tensor<double>> held_out_predictions(
    MatrixView<const double> x, std::size_t n_outcome, std::span<const Index> fold, Index n_fold,
    std::span<const std::optional<RidgeProblem>> problems, std::span<const double> lambdas) {
  std::vector<Tensor<double>> predictions;
  for (std::size_t k = 0; k < n_outcome; ++k)
    predictions.emplace_back(std::vector<Index>{x.rows, static_cast<Index>(lambdas.size())});
  parallel_for(0, n_fold, 1, [&](Index first, Index last) {
    for (Index f = first; f < last; ++f) {
      const std::vector<Index> held_out = split_off(fold, f).held_out;
      const std::vector<Tensor<double>> of_fold =
          problems[f]->predict(take_rows(x, held_out).matrix(), lambdas);
      for (std::size_t k = 0; k < n_outcome; ++k) {
        for (std::size_t i = 0; i < held_out.size(); ++i) {
          const std::span<const double> row = of_fold[k].matrix().row(static_cast<Index>(i));
          std::copy(row.begin(), row.end(), predictions[k].matrix().row(held_out[i]).begin());
        }
      }
    }
  });
  return predictions;
}

// Everything of `cv` that depends on the outcome; folds and lambdas are there.
void select_lambda(RidgeCv& cv, const Tensor<double>& predictions, std::span<const double> y) {
  cv.held_out_sum_of_squares.assign(cv.lambda.size(), 0.0);
  for (std::size_t i = 0; i < y.size(); ++i) {
    for (std::size_t l = 0; l < cv.lambda.size(); ++l) {
      const double error =
          y[i] - predictions.matrix()(static_cast<Index>(i), static_cast<Index>(l));
      cv.held_out_sum_of_squares[l] += error * error;
    }
  }
  for (std::size_t l = 0; l < cv.lambda.size(); ++l) {
    if (cv.held_out_sum_of_squares[l] <= cv.held_out_sum_of_squares[cv.selected]) cv.selected = l;
  }
  cv.at_edge = cv.selected == 0 || cv.selected + 1 == cv.lambda.size();
  for (std::size_t i = 0; i < y.size(); ++i) {
    cv.held_out_prediction.push_back(
        predictions.matrix()(static_cast<Index>(i), static_cast<Index>(cv.selected)));
  }
  cv.cv_r2 = r2_identity(cv.held_out_prediction, y);
}

}  // namespace

std::string_view feature_scaling_name(FeatureScaling scaling) {
  return scaling == FeatureScaling::none ? "none" : "unit_variance";
}

double RidgeFit::predict(std::span<const double> features) const {
  detail::check_size("RidgeFit::predict", "features", features.size(),
                     static_cast<Index>(weight.size()));
  double sum = 0;
  for (std::size_t j = 0; j < weight.size(); ++j) sum += weight[j] * features[j];
  return sum + bias;
}

RidgeFit fit_ridge(MatrixView<const double> x, std::span<const double> y, double lambda,
                   FeatureScaling scaling) {
  check_data("fit_ridge", x, y);
  check_lambda("fit_ridge", lambda);
  RidgeFit fit = RidgeProblem(x, std::span(&y, 1), scaling).fit(0, lambda);
  fit.r2_train = train_r2(fit, x, y);
  return fit;
}

std::vector<RidgeCv> fit_ridges_cross_validated(MatrixView<const double> x,
                                                std::span<const std::span<const double>> outcomes,
                                                std::span<const Index> groups,
                                                const RidgeCvOptions& options) {
  constexpr std::string_view kFunction = "fit_ridge_cross_validated";
  if (outcomes.empty()) {
    throw ArgumentError(fmt::format("{}: no outcome, expected at least 1", kFunction));
  }
  for (const std::span<const double> y : outcomes) check_data(kFunction, x, y);
  detail::check_size(kFunction, "groups", groups.size(), x.rows);
  for (const double lambda : options.lambdas) check_lambda(kFunction, lambda);
  RidgeCv shared;
  shared.fold = assign_folds(index_groups(groups), options.n_fold, options.seed);
  const std::vector<std::optional<RidgeProblem>> problems =
      solve_all(x, outcomes, shared.fold, options.n_fold, options.scaling);
  const RidgeProblem& problem = *problems.back();
  shared.lambda = options.lambdas.empty()
                      ? automatic_lambdas(problem.resolved_eigenvalues(), options.n_lambda)
                      : options.lambdas;
  std::sort(shared.lambda.begin(), shared.lambda.end());
  const std::vector<Tensor<double>> predictions = held_out_predictions(
      x, outcomes.size(), shared.fold, options.n_fold, problems, shared.lambda);
  std::vector<RidgeCv> result(outcomes.size(), shared);
  for (std::size_t k = 0; k < outcomes.size(); ++k) {
    RidgeCv& cv = result[k];
    select_lambda(cv, predictions[k], outcomes[k]);
    cv.fit = problem.fit(static_cast<Index>(k), cv.lambda[cv.selected]);
    cv.fit.r2_train = train_r2(cv.fit, x, outcomes[k]);
  }
  return result;
}

RidgeCv fit_ridge_cross_validated(MatrixView<const double> x, std::span<const double> y,
                                  std::span<const Index> groups, const RidgeCvOptions& options) {
  return std::move(fit_ridges_cross_validated(x, std::span(&y, 1), groups, options).front());
}

}  // namespace gnomon
