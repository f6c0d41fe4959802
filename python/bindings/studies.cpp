// SPDX-License-Identifier: Apache-2.0
// A target and the stream around it on some texts; projections, ladders and checks of it.
#include <nanobind/stl/pair.h>

#include "cli/terminal.h"
#include "gnomon/analyses/identity_checks.h"
#include "gnomon/analyses/projections.h"
#include "gnomon/analyses/study.h"
#include "gnomon/report/study_text.h"
#include "python/bindings/arguments.h"
#include "python/bindings/bindings.h"
#include "python/bindings/calls.h"
#include "python/bindings/records.h"

namespace gnomon::python {
namespace {

TextStyle text_style() { return {cli::speaks_utf8(cli::environment_variable), 80}; }

void bind_data(nb::module_& module) {
  Record<StudyData> study(
      module, "StudyData",
      "One row for each text and position of the target: the activation and the "
      "streams around it, as the forward pass gave them. Arrays are read-only "
      "and share the study's memory.");
  study.array("text", &StudyData::text, "Index into StudyTexts.")
      .array("position", &StudyData::position)
      .array("group", &StudyData::group)
      .array("activation", &StudyData::activation, "Of the target.")
      .array("resid_pre", &StudyData::resid_pre, "Of the target's block, [n_row, d_model].")
      .array("resid_mid", &StudyData::resid_mid,
             "Empty where attention and MLP stand side by side.")
      .array("attn_out", &StudyData::attn_out, "Where they do, hook_attn_out; else empty.")
      .array("resid_post", &StudyData::resid_post)
      .array("resid_final", &StudyData::resid_final, "After the last block.")
      .field("target", &StudyData::target);
  study.python()
      .def_prop_ro("n_row", &StudyData::n_row)
      .def(
          "rows_of",
          [](const StudyData& self, const std::string& part) {
            return owned_array(self.rows_of(part_of(part)));
          },
          nb::arg("part"),
          nb::sig("def rows_of(self, part: str) -> numpy.typing.NDArray[numpy.int64]"),
          "Row numbers of 'train', 'val' or 'test'.");
  module.def(
      "measure_study",
      [](const Model& model, const Target& target, const StudyTexts& texts,
         const std::string& precision, const nb::object& progress) {
        RunOptions options;
        options.progress = progress_function(progress, "Measure", "tokens");
        const Precision in = precision_of(precision);
        return long_call([&] { return measure_study(model, target, texts, in, options); });
      },
      nb::arg("model"), nb::arg("target"), nb::arg("texts"), nb::kw_only(),
      nb::arg("precision") = "float32", nb::arg("progress") = nb::none(),
      "Runs the texts through the model once and keeps what projections and ladders need.");
}

void bind_projections(nb::module_& module) {
  Record<NullRank>(module, "NullRank", "Where |r| falls among directions without meaning.")
      .field("percentile", &NullRank::percentile, "0 to 100.")
      .field("abs_r_upper", &NullRank::abs_r_upper, "97.5 % of them stay below.")
      .field("n", &NullRank::n);
  Record<DirectionResult>(module, "DirectionResult",
                          "One direction, projected on the stream at its site, against the "
                          "activation of the held-out rows.")
      .field("name", &DirectionResult::name, "head, input, input_gate, input_up, output, final")
      .field("site", &DirectionResult::site)
      .field("definition", &DirectionResult::definition)
      .field("why", &DirectionResult::why, "Why the direction does not exist for this target.")
      .field("r", &DirectionResult::r)
      .field("interval", &DirectionResult::interval, "Cluster bootstrap over text groups.")
      .field("r2_fit", &DirectionResult::r2_fit)
      .field("r2_identity", &DirectionResult::r2_identity)
      .field("p", &DirectionResult::p)
      .field("p_holm", &DirectionResult::p_holm)
      .field("spearman", &DirectionResult::spearman)
      .field("random_directions", &DirectionResult::random_directions)
      .field("other_neurons", &DirectionResult::other_neurons)
      .field("bias", &DirectionResult::bias)
      .array("weight", &DirectionResult::weight, "[d_model]")
      .array("projection", &DirectionResult::projection, "Of every row of the study.");
  Record<BaselineResult>(module, "BaselineResult",
                         "A prediction of the activation that looks at next to nothing.")
      .field("name", &BaselineResult::name)
      .field("definition", &BaselineResult::definition)
      .field("r", &BaselineResult::r)
      .field("r2_identity", &BaselineResult::r2_identity)
      .field("why", &BaselineResult::why);
  nb::class_<ProjectionAnalysis>(
      module, "ProjectionAnalysis",
      "The directions against the true activation, with nulls and baselines. str() is the table of "
      "the command.")
      .def_ro("n_row", &ProjectionAnalysis::n_row, "Held-out rows.")
      .def_ro("n_distinct", &ProjectionAnalysis::n_distinct, "Text groups among them.")
      .def_ro("directions", &ProjectionAnalysis::directions)
      .def_ro("baselines", &ProjectionAnalysis::baselines)
      .def_ro("ridge", &ProjectionAnalysis::ridge, "The head, fitted on training rows.")
      .def(
          "__getitem__",
          [](const ProjectionAnalysis& self, const std::string& name) -> const DirectionResult& {
            for (const DirectionResult& direction : self.directions) {
              if (direction.name == name) return direction;
            }
            throw nb::key_error(name.c_str());
          },
          nb::arg("name"), nb::rv_policy::reference_internal)
      .def("__str__", [](const ProjectionAnalysis& self) {
        return directions_text(self, "directions against the activation", text_style()) + "\n" +
               baselines_text(self, text_style());
      });
  module.def(
      "analyse_projections",
      [](const StudyData& data, const Model& model, std::uint64_t seed, Index n_bootstrap,
         double level) {
        ProjectionOptions options;
        options.seed = seed;
        options.n_bootstrap = n_bootstrap;
        options.level = level;
        return long_call(
            [&] { return analyse_projections(data, model.weights<float>(), options); });
      },
      nb::arg("data"), nb::arg("model"), nb::kw_only(), nb::arg("seed") = 0,
      nb::arg("n_bootstrap") = 2000, nb::arg("level") = 0.95,
      "Projections of the stream on a fitted head, what the target reads and what it writes, "
      "against "
      "its activation on the held-out rows.");
}

void bind_ladders(nb::module_& module) {
  Record<Rung>(module, "Rung", "What one operation does to the correlation.")
      .field("name", &Rung::name)
      .field("quantity", &Rung::quantity)
      .field("r", &Rung::r)
      .field("interval", &Rung::interval)
      .field("delta", &Rung::delta)
      .field("exact_zero", &Rung::exact_zero, "It cannot change r, by algebra.")
      .field("shapley", &Rung::shapley);
  Record<Ladder>(module, "Ladder", "Why the correlation is not 1, operation by operation.")
      .field("direction", &Ladder::direction)
      .field("starts_at", &Ladder::starts_at)
      .field("one_minus_r", &Ladder::one_minus_r, "Of the last rung.")
      .field("tolerance", &Ladder::tolerance)
      .field("closes", &Ladder::closes)
      .field("rungs", &Ladder::rungs)
      .python()
      .def("__str__", [](const Ladder& self) { return ladder_text(self, text_style()); });
  module.def(
      "audit_ladders",
      [](const StudyData& data, const ProjectionAnalysis& analysis, std::uint64_t seed) {
        LadderOptions options;
        options.bootstrap.seed = seed;
        return long_call([&] {
          return audit_ladders(data, analysis.head, analysis.mean_gradient, analysis.scored_rows,
                               analysis.training_rows, options);
        });
      },
      nb::arg("data"), nb::arg("analysis"), nb::arg("seed") = 0,
      "The ladder of every direction that is defined for the study's target.");
}

void bind_checks(nb::module_& module) {
  Record<CheckResult>(module, "CheckResult", "One identity: the largest error, and its bound.")
      .field("id", &CheckResult::id)
      .field("title", &CheckResult::title)
      .value(
          "status", [](const CheckResult& self) { return check_status_name(self.status); },
          "'pass', 'fail' or 'skip'.")
      .field("value", &CheckResult::value)
      .field("tolerance", &CheckResult::tolerance)
      .field("why", &CheckResult::why);
  module.def(
      "check_identities",
      [](const Model& model, const Target& target, const TextsArgument& texts,
         const std::string& precision) {
        const auto ids = token_ids(texts, model);
        const Precision in = precision_of(precision);
        return long_call([&] { return check_identities(model, target, ids, in); });
      },
      nb::arg("model"), nb::arg("target"), nb::arg("texts"), nb::kw_only(),
      nb::arg("precision") = "float32",
      "Every identity that the reported numbers rest on, measured on the texts: every token, every "
      "neuron of the target's block.");
}

}  // namespace

void bind_studies(nb::module_& module) {
  bind_data(module);
  bind_projections(module);
  bind_ladders(module);
  bind_checks(module);
}

}  // namespace gnomon::python
