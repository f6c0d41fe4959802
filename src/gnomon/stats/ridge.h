// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "gnomon/tensor/view.h"

// in: features [n, d], an outcome, groups   out: the linear ceiling of what can be read from the
// features. See docs/methods/ridge.md.

namespace gnomon {

// What the penalty acts on. Weights always come back in the units of the features as given.
enum class FeatureScaling {
  none,           // the features as they are: directions of large variance are penalised less
  unit_variance,  // each feature divided by its standard deviation in the rows fitted
};
std::string_view feature_scaling_name(FeatureScaling scaling);

// The minimum of Σ (y - x·weight - bias)² + lambda |weight|², the bias not penalised (Hoerl and
// Kennard 1970, Technometrics 12). With unit_variance, |weight|² is that of the weights of the
// scaled features.
struct RidgeFit {
  std::vector<double> weight;  // [d]
  double bias = 0;
  double lambda = 0;
  FeatureScaling scaling = FeatureScaling::none;
  Index n = 0;
  double degrees_of_freedom = 0;  // Σ s / (s + lambda) + 1, s the eigenvalues of the penalised Gram
  std::optional<double> r2_train;  // R²(identity) on the rows fitted; empty where y is constant

  double predict(std::span<const double> features) const;  // throws ShapeError
};

// In closed form, from the eigenvalues of the d by d Gram matrix, or of the n by n one where n < d.
// Directions whose eigenvalue is below max(n, d) eps of the largest get no weight, which makes
// lambda = 0 the least-squares fit of minimum norm.
// Throws ArgumentError for fewer than 2 rows, no feature, a lambda below 0 or not finite;
// ShapeError; NumericError for a value that is not finite.
RidgeFit fit_ridge(MatrixView<const double> x, std::span<const double> y, double lambda,
                   FeatureScaling scaling);

struct RidgeCvOptions {
  std::vector<double> lambdas = {};  // empty: n_lambda values from the spectrum, see below
  Index n_lambda = 25;
  Index n_fold = 5;
  std::uint64_t seed = 0;  // of the folds
  FeatureScaling scaling = FeatureScaling::none;
};

struct RidgeCv {
  RidgeFit fit;                                 // on all rows, with the selected lambda
  std::vector<double> lambda;                   // those tried, ascending
  std::vector<double> held_out_sum_of_squares;  // [n_lambda] Σ (y - prediction)² over all folds
  std::size_t selected = 0;  // index of the smallest; of the largest lambda among ties
  // The selected lambda is the first or last tried: the best one may lie outside.
  bool at_edge = false;
  std::vector<Index> fold;  // [n] whole groups, see assign_folds
  // Of the selected lambda, each row predicted by the fit that did not see its group.
  std::vector<double> held_out_prediction;  // [n]
  // R²(identity) of held_out_prediction: below 0 where the features tell nothing. Its lambda was
  // selected on the same rows, which flatters it by little: one number from n_lambda, each fitted
  // without the row.
  std::optional<double> cv_r2;  // empty where y is constant
};

// Ridge with lambda selected by the pooled held-out sum of squares under cross-validation by group.
// Everything that a fold's fit uses (means, scales, weights) comes from the other folds.
//
// The automatic lambdas are n_lambda numbers spaced evenly in the logarithm, from the larger of
// 1e-10 times the largest eigenvalue and a hundredth of the smallest resolved one, to 10 times the
// largest, of the Gram matrix of all rows. One eigendecomposition per fold serves all lambdas.
// Throws as fit_ridge and assign_folds do.
RidgeCv fit_ridge_cross_validated(MatrixView<const double> x, std::span<const double> y,
                                  std::span<const Index> groups, const RidgeCvOptions& options);

// The same for several outcomes of the same rows, each with a lambda of its own: one
// eigendecomposition per fold serves all of them. Result k is that of outcome k alone, to rounding.
// Throws also ArgumentError for no outcome.
std::vector<RidgeCv> fit_ridges_cross_validated(MatrixView<const double> x,
                                                std::span<const std::span<const double>> outcomes,
                                                std::span<const Index> groups,
                                                const RidgeCvOptions& options);

}  // namespace gnomon
