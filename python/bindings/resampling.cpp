// SPDX-License-Identifier: Apache-2.0
// Intervals by cluster bootstrap, and permutation tests.
#include <optional>

#include "gnomon/base/error.h"
#include "gnomon/stats/bootstrap.h"
#include "gnomon/stats/permutation.h"
#include "python/bindings/bindings.h"
#include "python/bindings/calls.h"
#include "python/bindings/records.h"

namespace gnomon::python {
namespace {

std::vector<std::span<const double>> spans_of(const std::vector<Numbers>& columns) {
  std::vector<std::span<const double>> spans;
  for (const Numbers& column : columns) spans.push_back(column.span());
  return spans;
}

void bind_bootstrap(nb::module_& module) {
  Record<BootstrapInterval>(module, "BootstrapInterval",
                            "A percentile interval under resampling of whole groups.")
      .field("estimate", &BootstrapInterval::estimate, "Of the rows themselves, or None.")
      .field("interval", &BootstrapInterval::interval)
      .field("n", &BootstrapInterval::n, "Rows.")
      .field("n_group", &BootstrapInterval::n_group)
      .field("n_bootstrap", &BootstrapInterval::n_bootstrap)
      .field("n_undefined", &BootstrapInterval::n_undefined)
      .field("why_undefined", &BootstrapInterval::why_undefined);
  module.def(
      "cluster_bootstrap",
      [](const Integers& groups, const nb::object& statistic, Index n_bootstrap, double level,
         std::uint64_t seed) {
        const InterruptScope interrupts;
        return cluster_bootstrap(groups.span(), {n_bootstrap, level, seed},
                                 [&](std::span<const Index> rows) -> std::optional<double> {
                                   if (PyErr_CheckSignals() != 0) throw nb::python_error();
                                   const nb::object value = statistic(
                                       owned_array(std::vector<Index>(rows.begin(), rows.end())));
                                   if (value.is_none()) return std::nullopt;
                                   return nb::cast<double>(nb::float_(value));
                                 });
      },
      nb::arg("groups"), nb::arg("statistic"), nb::kw_only(), nb::arg("n_bootstrap") = 2000,
      nb::arg("level") = 0.95, nb::arg("seed") = 0,
      nb::sig("def cluster_bootstrap(groups: numpy.typing.ArrayLike, "
              "statistic: collections.abc.Callable[[numpy.typing.NDArray[numpy.int64]], "
              "float | None], *, n_bootstrap: int = 2000, level: float = 0.95, seed: int = 0) -> "
              "BootstrapInterval"),
      "Interval of any statistic of rows: it gets the row numbers of a resample, repeated as often "
      "as "
      "drawn, and returns a number, or None where it is undefined.");
  module.def(
      "bootstrap_correlations",
      [](const std::vector<Numbers>& columns, const Numbers& truth, const Integers& groups,
         Index n_bootstrap, double level, std::uint64_t seed) {
        const auto spans = spans_of(columns);
        return long_call([&] {
          return bootstrap_correlations(spans, truth.span(), groups.span(),
                                        {n_bootstrap, level, seed});
        });
      },
      nb::arg("columns"), nb::arg("truth"), nb::arg("groups"), nb::kw_only(),
      nb::arg("n_bootstrap") = 2000, nb::arg("level") = 0.95, nb::arg("seed") = 0,
      "Pearson's r of each column with `truth`, with its interval, all from the same resamples.");
  module.def(
      "bootstrap_correlation_difference",
      [](const Numbers& a, const Numbers& b, const Numbers& truth, const Integers& groups,
         Index n_bootstrap, double level, std::uint64_t seed) {
        return long_call([&] {
          return bootstrap_correlation_difference(a.span(), b.span(), truth.span(), groups.span(),
                                                  {n_bootstrap, level, seed});
        });
      },
      nb::arg("a"), nb::arg("b"), nb::arg("truth"), nb::arg("groups"), nb::kw_only(),
      nb::arg("n_bootstrap") = 2000, nb::arg("level") = 0.95, nb::arg("seed") = 0,
      "r(a, truth) - r(b, truth) on the same rows and resamples.");
}

void bind_permutation(nb::module_& module) {
  Record<PermutationTest>(module, "PermutationTest",
                          "Two-sided test that two columns are unrelated.")
      .field("p_value", &PermutationTest::p_value, "Never 0.")
      .field("statistic", &PermutationTest::statistic)
      .field("n_permutation", &PermutationTest::n_permutation)
      .field("n_as_extreme", &PermutationTest::n_as_extreme)
      .field("n", &PermutationTest::n)
      .field("n_group", &PermutationTest::n_group)
      .value("unit", [](const PermutationTest& self) { return permutation_unit_name(self.unit); })
      .field("why_undefined", &PermutationTest::why_undefined);
  module.def(
      "permutation_test",
      [](const Numbers& x, const Numbers& y, const Integers& groups, Index n_permutation,
         std::uint64_t seed) {
        return long_call([&] {
          return permutation_test(x.span(), y.span(), groups.span(), n_permutation, seed);
        });
      },
      nb::arg("x"), nb::arg("y"), nb::arg("groups"), nb::kw_only(),
      nb::arg("n_permutation") = 10000, nb::arg("seed") = 0,
      "Whether x and y are unrelated, by permuting y against x in whole groups.");
  module.def(
      "permutation_p_value",
      [](const Numbers& null_statistics, double observed) {
        return permutation_p_value(null_statistics.span(), observed);
      },
      nb::arg("null_statistics"), nb::arg("observed"),
      "(n_extreme + 1) / (n_permutation + 1), one-sided.");
}

}  // namespace

void bind_resampling(nb::module_& module) {
  bind_bootstrap(module);
  bind_permutation(module);
}

}  // namespace gnomon::python
