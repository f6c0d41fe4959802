// SPDX-License-Identifier: Apache-2.0
// Runs of texts through the model: activations, gradients, loss.
#include "gnomon/activations/activations.h"

#include <fmt/format.h>

#include <limits>
#include <optional>

#include "gnomon/activations/capture.h"
#include "gnomon/activations/gradients.h"
#include "gnomon/activations/next_token.h"
#include "gnomon/analyses/site_moments.h"
#include "gnomon/base/error.h"
#include "python/bindings/any_activations.h"
#include "python/bindings/arguments.h"
#include "python/bindings/bindings.h"
#include "python/bindings/calls.h"
#include "python/bindings/records.h"

namespace gnomon::python {
namespace {

constexpr const char* kArraySignature =
    "def values(self, /) -> numpy.typing.NDArray[numpy.float32 | numpy.float64]";

template <class T>
nb::object array_of(const std::shared_ptr<Activations<T>>& shared, Tensor<T>& tensor) {
  return shared_array(tensor.data(), tensor.shape(), keep_alive(shared));
}

nb::object values_of(const AnyActivations& self) {
  return self.visit([](const auto& shared) { return array_of(shared, shared->values); });
}

nb::object rows_of(const AnyActivations& self, bool text) {
  return self.visit([text](const auto& shared) {
    const std::vector<Index>& rows = text ? shared->text : shared->position;
    return shared_array(rows.data(), {static_cast<Index>(rows.size())}, keep_alive(shared));
  });
}

std::string activations_text(const AnyActivations& self) {
  return self.visit([&self](const auto& shared) {
    const std::string type = std::holds_alternative<std::shared_ptr<Activations<float>>>(self.held)
                                 ? "float32"
                                 : "float64";
    const std::string shape = shared->by_text.empty()
                                  ? shape_text(shared->values.shape())
                                  : fmt::format("{} texts", shared->by_text.size());
    return fmt::format("<Activations {} {} {}>", self.name, type, shape);
  });
}

void bind_activations_class(nb::module_& module) {
  nb::class_<AnyActivations>(module, "Activations",
                             "The numbers read at one site. Row r belongs to token position[r] of "
                             "text text[r]; rows are in "
                             "the order of texts, then tokens.")
      .def_ro("name", &AnyActivations::name, "'blocks.8.mlp.hook_post[481]@last'")
      .def_prop_ro(
          "gradient",
          [](const AnyActivations& self) {
            return self.visit([](const auto& shared) { return shared->gradient; });
          },
          "Whether these are derivatives with respect to the site's numbers.")
      .def_prop_ro(
          "text", [](const AnyActivations& self) { return rows_of(self, true); },
          nb::for_getter(nb::sig("def text(self, /) -> numpy.typing.NDArray[numpy.int64]")))
      .def_prop_ro(
          "position", [](const AnyActivations& self) { return rows_of(self, false); },
          nb::for_getter(nb::sig("def position(self, /) -> numpy.typing.NDArray[numpy.int64]")))
      .def_prop_ro(
          "values", values_of, nb::for_getter(nb::sig(kArraySignature)),
          "[n_row, width], or [n_row, 1] for a single coordinate, in the library's memory.")
      .def_prop_ro(
          "by_text",
          [](const AnyActivations& self) {
            return self.visit([](const auto& shared) {
              nb::list arrays;
              for (auto& tensor : shared->by_text) arrays.append(array_of(shared, tensor));
              return arrays;
            });
          },
          nb::for_getter(nb::sig("def by_text(self, /) -> "
                                 "list[numpy.typing.NDArray[numpy.float32 | numpy.float64]]")),
          "Attention scores and patterns: [head, q_pos, k_pos] of each text, in place of `values`.")
      .def_prop_ro("n_row",
                   [](const AnyActivations& self) {
                     return self.visit([](const auto& shared) { return shared->n_row(); });
                   })
      .def("__len__",
           [](const AnyActivations& self) {
             return self.visit([](const auto& shared) { return shared->n_row(); });
           })
      .def(
          "__array__",
          [](const AnyActivations& self, const nb::object& dtype, const nb::object& copy) {
            const nb::object values = values_of(self);
            const nb::module_ numpy = nb::module_::import_("numpy");
            if (copy.is(nb::bool_(true)))
              return nb::object(numpy.attr("array")(values, nb::arg("dtype") = dtype));
            if (dtype.is_none()) return values;
            return nb::object(numpy.attr("asarray")(values, nb::arg("dtype") = dtype));
          },
          nb::arg("dtype") = nb::none(), nb::arg("copy") = nb::none(),
          nb::sig("def __array__(self, dtype: numpy.typing.DTypeLike | None = None, "
                  "copy: bool | None = None) -> numpy.typing.NDArray[typing.Any]"))
      .def(
          "__dlpack__",
          [](const AnyActivations& self, const nb::kwargs& options) {
            return values_of(self).attr("__dlpack__")(**options);
          },
          nb::sig("def __dlpack__(self, **kwargs: typing.Any) -> typing.Any"))
      .def(
          "__dlpack_device__",
          [](const AnyActivations& self) { return values_of(self).attr("__dlpack_device__")(); },
          nb::sig("def __dlpack_device__(self) -> tuple[int, int]"))
      .def("__repr__", activations_text);
}

const AnyActivations& find(const CaptureOutcome& outcome, const nb::object& key) {
  if (PyUnicode_Check(key.ptr())) {
    const auto name = nb::cast<std::string>(key);
    for (const AnyActivations& one : outcome.activations) {
      if (one.name == name) return one;
    }
  }
  const SiteAt at = site_of({key}, outcome.config);
  for (const AnyActivations& one : outcome.activations) {
    if (one.visit([&](const auto& shared) { return shared->at == at; })) return one;
  }
  throw nb::key_error(python_text(key).c_str());
}

void bind_result(nb::module_& module) {
  Record<EditEffect>(module, "EditEffect", "What an edit did.")
      .field("n_row", &EditEffect::n_row, "Rows at the named positions.")
      .field("n_changed", &EditEffect::n_changed, "Numbers whose bits changed.")
      .field("largest_change", &EditEffect::largest_change);
  nb::class_<CaptureOutcome>(
      module, "CaptureResult",
      "What a run gave. A mapping from names of sites to Activations, in the "
      "order in which they were asked for.")
      .def_ro("activations", &CaptureOutcome::activations)
      .def_ro("effects", &CaptureOutcome::effects, "What each edit did.")
      .def("__len__", [](const CaptureOutcome& self) { return self.activations.size(); })
      .def("keys",
           [](const CaptureOutcome& self) {
             std::vector<std::string> names;
             for (const AnyActivations& one : self.activations) names.push_back(one.name);
             return names;
           })
      .def(
          "__iter__", [](nb::handle self) { return nb::iter(self.attr("keys")()); },
          nb::sig("def __iter__(self) -> collections.abc.Iterator[str]"))
      .def("__getitem__", &find, nb::arg("site"), nb::rv_policy::reference_internal,
           nb::sig("def __getitem__(self, site: str | NamedSite, /) -> Activations"))
      .def("__repr__", [](const CaptureOutcome& self) {
        std::string text = "<CaptureResult";
        for (const AnyActivations& one : self.activations) text += " " + one.name;
        return text + ">";
      });
}

RunOptions run_options(const std::string& backend, Index batch_tokens, const nb::object& progress) {
  RunOptions options;
  options.backend = backend_of(backend);
  if (batch_tokens < 1) throw ArgumentError(fmt::format("batch_tokens is {}", batch_tokens));
  options.batch_tokens = batch_tokens;
  options.progress = progress_function(progress, "Run", "tokens");
  return options;
}

template <class T>
CaptureOutcome capture_as(const Model& model, const std::vector<std::vector<TokenId>>& ids,
                          const std::vector<SiteAt>& sites, const std::vector<PythonEdit>& edits,
                          const RunOptions& options) {
  const std::vector<Edit<T>> all = edits_of<T>(edits, model.config());
  CaptureResult<T> result = long_call([&] { return capture<T>(model, ids, sites, all, options); });
  return {any_activations(std::move(result.activations), model.config()), std::move(result.effects),
          model.config()};
}

template <class T>
CaptureOutcome gradients_as(const Model& model, const std::vector<std::vector<TokenId>>& ids,
                            const std::vector<SiteAt>& sites, const std::optional<SiteAt>& of,
                            const RunOptions& options) {
  std::vector<Activations<T>> result =
      long_call([&] { return capture_gradients<T>(model, ids, sites, of, options); });
  return {any_activations(std::move(result), model.config()), {}, model.config()};
}

// Moments with the name of their site.
struct NamedMoments {
  std::string name;
  ColumnMoments moments;
};

using ColumnValue = std::optional<double> (ColumnMoments::*)(Index) const;

// NaN where there are too few values.
std::vector<double> column_values(const ColumnMoments& moments, ColumnValue value) {
  std::vector<double> values;
  for (Index j = 0; j < moments.width(); ++j)
    values.push_back((moments.*value)(j).value_or(std::numeric_limits<double>::quiet_NaN()));
  return values;
}

void bind_moments(nb::module_& module) {
  nb::class_<NamedMoments> moments(
      module, "SiteMoments",
      "Moments of every number of a site over the tokens asked for. Arrays have one value for each "
      "number of the site's row, NaN where there are too few tokens.");
  moments.def_ro("name", &NamedMoments::name, "'blocks.8.hook_resid_post@all'")
      .def_prop_ro(
          "n", [](const NamedMoments& self) { return self.moments.n(); }, "Tokens.")
      .def(
          "merged",
          [](const NamedMoments& self, const NamedMoments& other) {
            if (self.name != other.name) {
              throw ArgumentError(fmt::format("moments of \"{}\" and of \"{}\", expected one site",
                                              self.name, other.name));
            }
            NamedMoments both = self;
            both.moments.merge(other.moments);
            return both;
          },
          nb::arg("other"), "Of the tokens of both. ArgumentError for another site.")
      .def("__repr__", [](const NamedMoments& self) {
        return fmt::format("<SiteMoments {}, {} numbers of {} tokens>", self.name,
                           self.moments.width(), self.moments.n());
      });
  const auto array = [&](const char* name, ColumnValue value, const char* doc) {
    const std::string signature =
        fmt::format("def {}(self, /) -> numpy.typing.NDArray[numpy.float64]", name);
    moments.def_prop_ro(
        name,
        [value](const NamedMoments& self) {
          return owned_array(column_values(self.moments, value));
        },
        nb::for_getter(nb::sig(signature.c_str())), doc);
  };
  array("mean", &ColumnMoments::mean, "");
  array("sd", &ColumnMoments::sd, "Divides by n - 1.");
  array("skewness", &ColumnMoments::skewness, "m3 / m2^(3/2), whose moments divide by n.");
  array("min", &ColumnMoments::min, "");
  array("max", &ColumnMoments::max, "");
  array("share_positive", &ColumnMoments::share_positive, "Of tokens whose number is above 0.");
  module.def(
      "capture_moments",
      [](const Model& model, const TextsArgument& texts, const SitesArgument& sites,
         const std::string& precision, const std::string& backend, Index batch_tokens,
         const nb::object& progress) {
        const auto ids = token_ids(texts, model);
        const auto at = sites_of(sites, model.config());
        const RunOptions options = run_options(backend, batch_tokens, progress);
        const bool in_float = precision_of(precision) == Precision::float32;
        std::vector<SiteMoments> found = long_call([&] {
          return in_float ? capture_moments<float>(model, ids, at, options)
                          : capture_moments<double>(model, ids, at, options);
        });
        std::vector<NamedMoments> named;
        for (SiteMoments& one : found) {
          named.push_back({site_at_name(one.at, model.config()), std::move(one.moments)});
        }
        return named;
      },
      nb::arg("model"), nb::arg("texts"), nb::arg("sites"), nb::kw_only(),
      nb::arg("precision") = "float32", nb::arg("backend") = "packed",
      nb::arg("batch_tokens") = 1024, nb::arg("progress") = nb::none(),
      "Mean, spread and range of what capture returns, of any number of texts: no activation is "
      "kept. Attention scores and patterns, whose rows are as wide as their text, have none.");
}

void bind_runs_of_texts(nb::module_& module) {
  module.def(
      "capture",
      [](const Model& model, const TextsArgument& texts, const SitesArgument& sites,
         const std::vector<PythonEdit>& edits, const std::string& precision,
         const std::string& backend, Index batch_tokens, const nb::object& progress) {
        const auto ids = token_ids(texts, model);
        const auto at = sites_of(sites, model.config());
        const RunOptions options = run_options(backend, batch_tokens, progress);
        return precision_of(precision) == Precision::float32
                   ? capture_as<float>(model, ids, at, edits, options)
                   : capture_as<double>(model, ids, at, edits, options);
      },
      nb::arg("model"), nb::arg("texts"), nb::arg("sites"),
      nb::arg("edits") = std::vector<PythonEdit>{}, nb::kw_only(), nb::arg("precision") = "float32",
      nb::arg("backend") = "packed", nb::arg("batch_tokens") = 1024,
      nb::arg("progress") = nb::none(),
      "Runs every text through the model and returns exactly the sites, coordinates and positions "
      "asked for. There is no padding and nothing is cut: a position that a text does not have is "
      "an error. The work ends at the last of the sites. `progress` is True for a line on "
      "sys.stderr, or a function of (tokens done, all tokens).");
  module.def(
      "capture_gradients",
      [](const Model& model, const TextsArgument& texts, const SitesArgument& sites,
         const std::optional<SiteArgument>& of, const std::string& precision,
         const std::string& backend, Index batch_tokens, const nb::object& progress) {
        const auto ids = token_ids(texts, model);
        const auto at = sites_of(sites, model.config());
        std::optional<SiteAt> quantity;
        if (of && !of->value.is_none()) quantity = site_of(*of, model.config());
        const RunOptions options = run_options(backend, batch_tokens, progress);
        return precision_of(precision) == Precision::float32
                   ? gradients_as<float>(model, ids, at, quantity, options)
                   : gradients_as<double>(model, ids, at, quantity, options);
      },
      nb::arg("model"), nb::arg("texts"), nb::arg("sites"), nb::arg("of") = nb::none(),
      nb::kw_only(), nb::arg("precision") = "float32", nb::arg("backend") = "packed",
      nb::arg("batch_tokens") = 1024, nb::arg("progress") = nb::none(),
      "d quantity / d site of each text alone. The quantity is the sum of the coordinate `of` over "
      "its positions, or, without `of`, the text's mean next-token loss in nats.");
  Record<LanguageModelLoss>(module, "LanguageModelLoss", "Next-token loss.")
      .field("sum", &LanguageModelLoss::sum, "In nats.")
      .field("n_token", &LanguageModelLoss::n_token, "Predicted tokens.")
      .value(
          "mean", [](const LanguageModelLoss& self) { return self.mean(); }, "Nats a token.");
  module.def(
      "language_model_loss",
      [](const Model& model, const TextsArgument& texts, const std::string& precision,
         const std::string& backend, Index batch_tokens, const nb::object& progress) {
        const auto ids = token_ids(texts, model);
        const RunOptions options = run_options(backend, batch_tokens, progress);
        const Precision in = precision_of(precision);
        return long_call([&] {
          return in == Precision::float32 ? language_model_loss<float>(model, ids, options)
                                          : language_model_loss<double>(model, ids, options);
        });
      },
      nb::arg("model"), nb::arg("texts"), nb::kw_only(), nb::arg("precision") = "float32",
      nb::arg("backend") = "packed", nb::arg("batch_tokens") = 1024,
      nb::arg("progress") = nb::none(),
      "The language model's loss of all texts; one of one token has nothing to predict.");
}

}  // namespace

void bind_activations(nb::module_& module) {
  bind_activations_class(module);
  bind_result(module);
}

void bind_captures(nb::module_& module) {
  bind_runs_of_texts(module);
  bind_moments(module);
}

}  // namespace gnomon::python
