// SPDX-License-Identifier: Apache-2.0
// Lines, linear read-outs, and scores of reports.
#include "gnomon/stats/regression.h"

#include "gnomon/base/error.h"
#include "gnomon/stats/report_score.h"
#include "gnomon/stats/ridge.h"
#include "python/bindings/bindings.h"
#include "python/bindings/calls.h"
#include "python/bindings/records.h"

namespace gnomon::python {
namespace {

FeatureScaling scaling_of(const std::string& name) {
  for (const FeatureScaling one : {FeatureScaling::none, FeatureScaling::unit_variance}) {
    if (feature_scaling_name(one) == name) return one;
  }
  throw ArgumentError("scaling \"" + name + "\", expected one of none, unit_variance");
}

void bind_lines(nb::module_& module) {
  Record<SimpleRegression>(module, "SimpleRegression", "The least-squares line of y on x.")
      .field("n", &SimpleRegression::n)
      .field("slope", &SimpleRegression::slope)
      .field("intercept", &SimpleRegression::intercept)
      .field("r2_fit", &SimpleRegression::r2_fit)
      .field("slope_se", &SimpleRegression::slope_se)
      .field("intercept_se", &SimpleRegression::intercept_se)
      .field("residual_sd", &SimpleRegression::residual_sd)
      .field("why_undefined", &SimpleRegression::why_undefined);
  module.def(
      "ols", [](const Numbers& x, const Numbers& y) { return ols(x.span(), y.span()); },
      nb::arg("x"), nb::arg("y"),
      "The least-squares line; standard errors assume independent rows of equal variance.");
  module.def(
      "r2_fit", [](const Numbers& x, const Numbers& y) { return r2_fit(x.span(), y.span()); },
      nb::arg("x"), nb::arg("y"),
      "r²: the share of the variance of y that the best line through x accounts for.");
  module.def(
      "r2_identity",
      [](const Numbers& prediction, const Numbers& truth) {
        return r2_identity(prediction.span(), truth.span());
      },
      nb::arg("prediction"), nb::arg("truth"),
      "1 - SSE / SST of the prediction as it stands, nothing refitted.");
}

void bind_scores(nb::module_& module) {
  Record<ReportScore>(module, "ReportScore", "Reports against the truth, both in its unit.")
      .field("n", &ReportScore::n)
      .field("n_group", &ReportScore::n_group)
      .field("r", &ReportScore::r)
      .field("r_interval", &ReportScore::r_interval)
      .field("p", &ReportScore::p)
      .field("log10_p", &ReportScore::log10_p)
      .field("r2_fit", &ReportScore::r2_fit)
      .field("r2_identity", &ReportScore::r2_identity)
      .field("r2_identity_interval", &ReportScore::r2_identity_interval)
      .field("mean_absolute_error", &ReportScore::mean_absolute_error)
      .field("root_mean_square_error", &ReportScore::root_mean_square_error)
      .field("mean_error", &ReportScore::mean_error, "report - truth")
      .field("slope", &ReportScore::slope, "Of the truth on the report: 1 where calibrated.")
      .field("slope_interval", &ReportScore::slope_interval)
      .field("intercept", &ReportScore::intercept)
      .field("spearman", &ReportScore::spearman)
      .field("why", &ReportScore::why, "Why something is absent.");
  module.def(
      "score_reports",
      [](const Numbers& report, const Numbers& truth, const Integers& groups, Index n_bootstrap,
         double level, std::uint64_t seed) {
        return long_call([&] {
          return score_reports(report.span(), truth.span(), groups.span(),
                               {n_bootstrap, level, seed});
        });
      },
      nb::arg("report"), nb::arg("truth"), nb::arg("groups"), nb::kw_only(),
      nb::arg("n_bootstrap") = 2000, nb::arg("level") = 0.95, nb::arg("seed") = 0,
      "How good reports are as they stand, with cluster-bootstrap intervals over the groups.");
}

void bind_ridge(nb::module_& module) {
  Record<RidgeFit>(module, "RidgeFit",
                   "The minimum of Σ (y - x·weight - bias)² + lambda |weight|².")
      .array("weight", &RidgeFit::weight, "[d], in the units of the features as given.")
      .field("bias", &RidgeFit::bias)
      .field("penalty", &RidgeFit::lambda, "lambda, which is a keyword here.")
      .field("n", &RidgeFit::n)
      .field("degrees_of_freedom", &RidgeFit::degrees_of_freedom)
      .field("r2_train", &RidgeFit::r2_train, "R²(identity) on the rows fitted.")
      .python()
      .def(
          "predict",
          [](const RidgeFit& self, const NumberRows& features) {
            const MatrixView<const double> rows = features.matrix();
            std::vector<double> predictions;
            for (Index i = 0; i < rows.rows; ++i) predictions.push_back(self.predict(rows.row(i)));
            return owned_array(std::move(predictions));
          },
          nb::arg("features"),
          nb::sig("def predict(self, features: numpy.typing.ArrayLike) -> "
                  "numpy.typing.NDArray[numpy.float64]"),
          "Of rows of features [n, d].");
  Record<RidgeCv>(module, "RidgeCv", "Ridge with lambda selected by cross-validation by group.")
      .field("fit", &RidgeCv::fit, "On all rows, with the selected lambda.")
      .array("lambdas", &RidgeCv::lambda, "Those tried, ascending.")
      .field("selected", &RidgeCv::selected)
      .field("at_edge", &RidgeCv::at_edge, "The best lambda may lie outside those tried.")
      .array("held_out_prediction", &RidgeCv::held_out_prediction,
             "Each row by the fit that did not see its group.")
      .field("cv_r2", &RidgeCv::cv_r2, "R²(identity) of held_out_prediction.");
  module.def(
      "fit_ridge",
      [](const NumberRows& x, const Numbers& y, double lambda, const std::string& scaling) {
        const FeatureScaling as = scaling_of(scaling);
        return long_call([&] { return fit_ridge(x.matrix(), y.span(), lambda, as); });
      },
      nb::arg("x"), nb::arg("y"), nb::arg("penalty"), nb::arg("scaling") = "none",
      "Ridge regression in closed form; penalty 0 is least squares of minimum norm.");
  module.def(
      "fit_ridge_cross_validated",
      [](const NumberRows& x, const Numbers& y, const Integers& groups, Index n_lambda,
         Index n_fold, std::uint64_t seed, const std::string& scaling) {
        RidgeCvOptions options;
        options.n_lambda = n_lambda;
        options.n_fold = n_fold;
        options.seed = seed;
        options.scaling = scaling_of(scaling);
        return long_call([&] {
          return fit_ridge_cross_validated(x.matrix(), y.span(), groups.span(), options);
        });
      },
      nb::arg("x"), nb::arg("y"), nb::arg("groups"), nb::kw_only(), nb::arg("n_lambda") = 25,
      nb::arg("n_fold") = 5, nb::arg("seed") = 0, nb::arg("scaling") = "none",
      "The linear ceiling: how much of y any linear read-out of the rows x can tell, with lambda "
      "selected on whole groups that the fit did not see.");
}

}  // namespace

void bind_regression(nb::module_& module) {
  bind_lines(module);
  bind_scores(module);
  bind_ridge(module);
}

}  // namespace gnomon::python
