// SPDX-License-Identifier: Apache-2.0
// Correlations, distances, multiplicity, groups and splits.
#include <nanobind/stl/array.h>

#include <array>

#include "gnomon/stats/correlation.h"
#include "gnomon/stats/distance.h"
#include "gnomon/stats/groups.h"
#include "gnomon/stats/interval.h"
#include "gnomon/stats/moments.h"
#include "gnomon/stats/multiplicity.h"
#include "gnomon/targets/split.h"
#include "python/bindings/arguments.h"
#include "python/bindings/bindings.h"
#include "python/bindings/calls.h"
#include "python/bindings/records.h"

namespace gnomon::python {
namespace {

void bind_correlation(nb::module_& module) {
  Record<Interval>(module, "Interval", "A two-sided interval; level is its nominal coverage.")
      .field("ci_low", &Interval::ci_low)
      .field("ci_high", &Interval::ci_high)
      .field("level", &Interval::level);
  Record<Correlation>(module, "Correlation",
                      "A correlation coefficient, or why there is none. For an interval see "
                      "bootstrap_correlations, for p correlation_test.")
      .field("n", &Correlation::n, "Rows.")
      .field("r", &Correlation::r, "In [-1, 1], or None.")
      .field("why_undefined", &Correlation::why_undefined);
  Record<CorrelationTest>(module, "CorrelationTest", "Two-sided test of zero correlation.")
      .field("p_value", &CorrelationTest::p_value, "Never 0.")
      .field("log10_p", &CorrelationTest::log10_p, "Holds where p_value would underflow.")
      .field("p_value_is_bound", &CorrelationTest::p_value_is_bound)
      .field("log10_p_is_bound", &CorrelationTest::log10_p_is_bound);
  Record<CorrelationMatrix>(module, "CorrelationMatrix", "Pearson's r of every pair of columns.")
      .field("n", &CorrelationMatrix::n)
      .field("n_column", &CorrelationMatrix::n_column)
      .python()
      .def("at", &CorrelationMatrix::at, nb::arg("i"), nb::arg("j"), "r, or None.");
  module.def(
      "pearson", [](const Numbers& x, const Numbers& y) { return pearson(x.span(), y.span()); },
      nb::arg("x"), nb::arg("y"),
      "Pearson's r, right to a few eps also near 1 and where the mean is far from 0. Undefined for "
      "fewer than 2 rows and for a constant column.");
  module.def(
      "spearman", [](const Numbers& x, const Numbers& y) { return spearman(x.span(), y.span()); },
      nb::arg("x"), nb::arg("y"), "Spearman's rank correlation.");
  module.def("correlation_test", &correlation_test, nb::arg("r"), nb::arg("n_effective"),
             "P(|R| >= |r|) where the columns are unrelated, exact where one is normal given the "
             "other and rows are independent. For grouped rows give the number of groups.");
  module.def("fisher_interval", &fisher_interval, nb::arg("r"), nb::arg("n_effective"),
             nb::arg("level") = 0.95,
             "Fisher's interval, which assumes independent bivariate normal rows.");
  module.def(
      "correlation_matrix",
      [](const std::vector<Numbers>& columns) {
        std::vector<std::span<const double>> spans;
        for (const Numbers& column : columns) spans.push_back(column.span());
        return correlation_matrix(spans);
      },
      nb::arg("columns"), "Pearson's r of every pair of columns, all of the same rows.");
}

void bind_distances(nb::module_& module) {
  module.def(
      "wasserstein1",
      [](const Numbers& a, const Numbers& b) { return wasserstein1(a.span(), b.span()); },
      nb::arg("a"), nb::arg("b"), "Earth mover's distance of two samples, in their unit.");
  module.def(
      "kolmogorov_smirnov",
      [](const Numbers& a, const Numbers& b) { return kolmogorov_smirnov(a.span(), b.span()); },
      nb::arg("a"), nb::arg("b"), "sup |F_a - F_b|, from 0 to 1.");
  module.def(
      "holm", [](const Numbers& p) { return owned_array(holm(p.span())); }, nb::arg("p"),
      nb::sig("def holm(p: numpy.typing.ArrayLike) -> numpy.typing.NDArray[numpy.float64]"),
      "p-values adjusted by Holm's method, in the order given.");
  module.def(
      "benjamini_hochberg",
      [](const Numbers& p) { return owned_array(benjamini_hochberg(p.span())); }, nb::arg("p"),
      nb::sig("def benjamini_hochberg(p: numpy.typing.ArrayLike) -> "
              "numpy.typing.NDArray[numpy.float64]"),
      "p-values adjusted for the false discovery rate, in the order given.");
}

void bind_split(nb::module_& module) {
  nb::class_<Split>(module, "Split", "The part of every row; whole groups stand in one part.")
      .def(
          "rows",
          [](const Split& self, const std::string& part) {
            return owned_array(self.rows(part_of(part)));
          },
          nb::arg("part"),
          nb::sig("def rows(self, part: str) -> numpy.typing.NDArray[numpy.int64]"),
          "Row numbers of 'train', 'val' or 'test', ascending.")
      .def_prop_ro("n_rows",
                   [](const Split& self) {
                     return std::vector<Index>(self.n_rows.begin(), self.n_rows.end());
                   })
      .def_prop_ro("n_groups", [](const Split& self) {
        return std::vector<Index>(self.n_groups.begin(), self.n_groups.end());
      });
  module.def(
      "split_by_group",
      [](const Integers& groups, std::array<double, 3> fractions, std::uint64_t seed) {
        return split_by_group(groups.span(), {fractions[0], fractions[1], fractions[2]}, seed);
      },
      nb::arg("groups"), nb::arg("fractions") = std::array<double, 3>{0.70, 0.15, 0.15},
      nb::arg("seed") = 0,
      "Deals whole groups to train, val and test, so that no text of one part is in another.");
}

}  // namespace

void bind_statistics(nb::module_& module) {
  bind_correlation(module);
  bind_distances(module);
  bind_split(module);
}

}  // namespace gnomon::python
