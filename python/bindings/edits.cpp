// SPDX-License-Identifier: Apache-2.0
// Changes of sites during a run.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "gnomon/activations/edit.h"
#include "gnomon/activations/patch.h"
#include "gnomon/base/error.h"
#include "gnomon/base/quote.h"
#include "python/bindings/any_activations.h"
#include "python/bindings/arguments.h"
#include "python/bindings/bindings.h"
#include "python/bindings/calls.h"
#include "python/bindings/records.h"

namespace gnomon::python {
namespace {

struct ModeName {
  EditMode mode;
  const char* name;
};
constexpr std::array kModes = {ModeName{EditMode::set, "set"}, ModeName{EditMode::add, "add"},
                               ModeName{EditMode::scale, "scale"},
                               ModeName{EditMode::replace, "replace"},
                               ModeName{EditMode::call, "call"}};

// The rows that a function is given.
struct RowsOfCall {
  std::string name;
  std::vector<Index> text;
  std::vector<Index> position;
  Index n_head = 1;
};

// Calls `function(values, rows)` with an array that owns its numbers, so that it may be kept, and
// takes back what it returns, or else what it left in the array.
template <class T>
void call_function(nb::handle function, const std::string& name, bool pairs, const EditedRows& rows,
                   MatrixView<T> values) {
  const nb::gil_scoped_acquire acquired;
  std::vector<Index> shape = {values.rows, values.cols};
  const Index n_query = values.rows / rows.n_head;
  if (pairs) shape = {rows.n_head, n_query, values.cols};
  const nb::object array =
      owned_array(std::vector<T>(values.data, values.data + values.rows * values.cols), shape);
  RowsOfCall of_call{name,
                     {rows.text.begin(), rows.text.begin() + n_query},
                     {rows.position.begin(), rows.position.begin() + n_query},
                     rows.n_head};
  nb::object result = function(array, nb::cast(std::move(of_call)));
  if (result.is_none()) result = array;
  const nb::object numbers = contiguous_array(result, dtype_name<T>());
  if (!numbers.is_valid())
    throw ArgumentError(fmt::format("edit of \"{}\": the function returned no array", name));
  const nb::object expected = array.attr("shape");
  if (!numbers.attr("shape").equal(expected)) {
    throw ShapeError(fmt::format("edit of \"{}\": the function returned shape {}, expected {}",
                                 name, python_text(numbers.attr("shape")), python_text(expected)));
  }
  const auto view = nb::cast<nb::ndarray<const T, nb::c_contig, nb::device::cpu>>(numbers);
  std::copy(view.data(), view.data() + view.size(), values.data);
}

// A patch before the model of its run is known.
struct PythonPatch {
  Index text = 0;
  nb::object site;
  Index position = 0;
  Index read_position = 0;
  EditMode mode = EditMode::set;
  std::vector<double> values;
};

PythonEdit make_edit(const SiteArgument& at, EditMode mode, const nb::object& values, bool no_op) {
  PythonEdit edit;
  edit.at = at.value;
  edit.mode = mode;
  edit.may_change_nothing = no_op;
  if (PyNumber_Check(values.ptr()) != 0 && !nb::hasattr(values, "__len__")) {
    edit.values = {nb::cast<double>(nb::float_(values))};
    return edit;
  }
  const nb::object array = contiguous_array(values, "float64");
  if (!array.is_valid()) throw ArgumentError("an edit's values are neither a number nor an array");
  const auto view = nb::cast<nb::ndarray<const double, nb::c_contig, nb::device::cpu>>(array);
  edit.values.assign(view.data(), view.data() + view.size());
  return edit;
}

// The cycle collector follows what an edit holds: a function that closes over its own edit.
int visit_edit(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  if (!nb::inst_ready(self)) return 0;
  const PythonEdit& edit = *nb::inst_ptr<PythonEdit>(self);
  Py_VISIT(edit.at.ptr());
  Py_VISIT(edit.stored.ptr());
  Py_VISIT(edit.function.ptr());
  return 0;
}
int clear_edit(PyObject* self) {
  PythonEdit& edit = *nb::inst_ptr<PythonEdit>(self);
  edit.at.reset();
  edit.stored.reset();
  edit.function.reset();
  return 0;
}

void bind_edit(nb::module_& module) {
  static PyType_Slot slots[] = {{Py_tp_traverse, reinterpret_cast<void*>(visit_edit)},
                                {Py_tp_clear, reinterpret_cast<void*>(clear_edit)},
                                {0, nullptr}};
  nb::class_<RowsOfCall>(module, "EditedRows",
                         "Which rows a function that edits was given: token position[i] of text "
                         "text[i], counted among all texts of the run.")
      .def_ro("name", &RowsOfCall::name, "The site at its position.")
      .def_prop_ro("text",
                   [](nb::handle_t<RowsOfCall> self) {
                     return member_array(nb::cast<const RowsOfCall&>(self).text, self);
                   })
      .def_prop_ro("position",
                   [](nb::handle_t<RowsOfCall> self) {
                     return member_array(nb::cast<const RowsOfCall&>(self).position, self);
                   })
      .def_ro("n_head", &RowsOfCall::n_head, "Above 1 at attention scores and patterns only.");

  nb::class_<PythonEdit> edit(
      module, "Edit", nb::type_slots(slots),
      "A change of one site during a run. With a coordinate it touches that number alone, else the "
      "whole row; at attention scores and patterns the keys that the query may see. A run in which "
      "an edit changes no number raises CheckError unless the edit may_change_nothing.");
  edit.def_prop_ro("mode", [](const PythonEdit& self) { return edit_mode_name(self.mode); })
      .def_ro("at", &PythonEdit::at)
      .def_ro("values", &PythonEdit::values)
      .def_rw("may_change_nothing", &PythonEdit::may_change_nothing)
      .def("__repr__", [](const PythonEdit& self) {
        return "<Edit " + edit_mode_name(self.mode) + " at " + python_text(self.at) + ">";
      });
  const auto of_values = [&edit](const char* name, EditMode mode, const char* doc) {
    edit.def_static(
        name,
        [mode](const SiteArgument& at, const nb::object& values, bool may_change_nothing) {
          return make_edit(at, mode, values, may_change_nothing);
        },
        nb::arg("at"), nb::arg("values"), nb::kw_only(), nb::arg("may_change_nothing") = false,
        nb::sig((new std::string(std::string("def ") + name +
                                 "(at: str | NamedSite, values: numpy.typing.ArrayLike, *, "
                                 "may_change_nothing: bool = False) -> Edit"))
                    ->c_str()),
        doc);
  };
  of_values("set", EditMode::set, "x = value: one number, or one for each of the row.");
  of_values("add", EditMode::add, "x = x + value.");
  of_values("scale", EditMode::scale, "x = x value.");
  edit.def_static(
          "zero",
          [](const SiteArgument& at, bool may_change_nothing) {
            return make_edit(at, EditMode::set, nb::float_(0.0), may_change_nothing);
          },
          nb::arg("at"), nb::kw_only(), nb::arg("may_change_nothing") = false, "x = 0.")
      .def_static(
          "replace",
          [](const SiteArgument& at, const nb::object& stored, bool may_change_nothing) {
            PythonEdit made;
            made.at = at.value;
            made.mode = EditMode::replace;
            made.stored = stored;
            made.may_change_nothing = may_change_nothing;
            return made;
          },
          nb::arg("at"), nb::arg("stored"), nb::kw_only(), nb::arg("may_change_nothing") = false,
          nb::sig("def replace(at: str | NamedSite, stored: Activations, *, "
                  "may_change_nothing: bool = False) -> Edit"),
          "x = the stored value of the same text and token, of a run of the same precision.")
      .def_static(
          "call",
          [](const SiteArgument& at, const nb::object& function, bool may_change_nothing) {
            PythonEdit made;
            made.at = at.value;
            made.mode = EditMode::call;
            made.function = function;
            made.may_change_nothing = may_change_nothing;
            return made;
          },
          nb::arg("at"), nb::arg("function"), nb::kw_only(), nb::arg("may_change_nothing") = false,
          nb::sig("def call(at: str | NamedSite, function: collections.abc.Callable["
                  "[numpy.typing.NDArray[typing.Any], EditedRows], "
                  "numpy.typing.ArrayLike | None], *, may_change_nothing: bool = False) -> Edit"),
          "x = function(values, rows): values is [row, width] of one batch, or [head, query, key] "
          "of "
          "one text at attention scores and patterns. The function changes it in place or returns "
          "an array of the same shape. What it raises, the run raises.");
}

void bind_patches(nb::module_& module) {
  nb::class_<PythonPatch>(
      module, "Patch", "One change of one text's run, and the token at which its effect is read.")
      .def(
          "__init__",
          [](PythonPatch* self, Index text, const SiteArgument& site, Index position,
             Index read_position, const nb::object& values, const std::string& mode) {
            PythonEdit edit = make_edit(site, edit_mode_of(mode), values, false);
            new (self) PythonPatch{text,          edit.at,   position,
                                   read_position, edit.mode, std::move(edit.values)};
          },
          nb::arg("text"), nb::arg("site"), nb::arg("position"), nb::arg("read_position"),
          nb::arg("values"), nb::arg("mode") = "set",
          nb::sig(
              "def __init__(self, text: int, site: str | NamedSite, position: int, "
              "read_position: int, values: numpy.typing.ArrayLike, mode: str = 'set') -> None"));
  Record<PatchEffect>(module, "PatchEffect", "What one patch did at its site.")
      .field("old_value", &PatchEffect::old_value)
      .field("new_value", &PatchEffect::new_value)
      .field("largest_change", &PatchEffect::largest_change)
      .field("change_norm", &PatchEffect::change_norm)
      .field("reaches", &PatchEffect::reaches, "Whether the read-out can depend on it.");
  Record<PatchResult<float>>(module, "PatchResult", "The read-outs of changed runs.")
      .array("values", &PatchResult<float>::values, "[n_patch, n_column] of the changed run.")
      .array("clean", &PatchResult<float>::clean, "[n_read, n_column] of the unchanged one.")
      .array("clean_row", &PatchResult<float>::clean_row, "Row of `clean` for each patch.")
      .field("effects", &PatchResult<float>::effects);
  module.def(
      "run_patches",
      [](const Model& model, const TextsArgument& texts, const std::vector<PythonPatch>& patches,
         const SiteArgument& read_out, std::vector<Index> columns, const std::string& backend,
         const nb::object& progress) {
        const std::vector<std::vector<TokenId>> ids = token_ids(texts, model);
        std::vector<Patch<float>> all;
        for (const PythonPatch& patch : patches) {
          all.push_back({patch.text,
                         site_of({patch.site}, model.config()).site,
                         patch.position,
                         patch.read_position,
                         patch.mode,
                         {patch.values.begin(), patch.values.end()}});
        }
        const PatchReadOut where{site_of(read_out, model.config()).site, std::move(columns)};
        PatchOptions options;
        options.backend = backend_of(backend);
        options.progress = progress_function(progress, "Patch", "patches");
        return long_call([&] { return run_patches<float>(model, ids, all, where, options); });
      },
      nb::arg("model"), nb::arg("texts"), nb::arg("patches"), nb::arg("read_out"), nb::kw_only(),
      nb::arg("columns") = std::vector<Index>{}, nb::arg("backend") = "packed",
      nb::arg("progress") = nb::none(),
      "Every patch on its own, in the unchanged run otherwise; what a change cannot reach is not "
      "computed. `read_out` is a site without a coordinate, of which `columns` are read (all where "
      "empty), at each patch's read_position.");
}

}  // namespace

std::string edit_mode_name(EditMode mode) {
  for (const ModeName& row : kModes) {
    if (row.mode == mode) return row.name;
  }
  throw InternalError("edit_mode_name: unknown mode");
}

EditMode edit_mode_of(const std::string& name) {
  for (const ModeName& row : kModes) {
    if (row.name == name) return row.mode;
  }
  throw ArgumentError(
      fmt::format("mode {}, expected one of set, add, scale, replace, call", quote(name)));
}

template <class T>
std::vector<Edit<T>> edits_of(const std::vector<PythonEdit>& edits, const ModelConfig& config) {
  std::vector<Edit<T>> all;
  for (const PythonEdit& edit : edits) {
    Edit<T> one;
    one.at = site_of({edit.at}, config);
    one.mode = edit.mode;
    one.may_change_nothing = edit.may_change_nothing;
    one.values.assign(edit.values.begin(), edit.values.end());
    const std::string name = site_at_name(one.at, config);
    if (edit.mode == EditMode::replace) {
      if (!nb::isinstance<AnyActivations>(edit.stored))
        throw ArgumentError(
            fmt::format("edit of \"{}\": stored values are what a run captured", name));
      const auto& stored = nb::cast<const AnyActivations&>(edit.stored);
      const auto* same = std::get_if<std::shared_ptr<Activations<T>>>(&stored.held);
      if (same == nullptr)
        throw ArgumentError(fmt::format(
            "edit of \"{}\": the stored values are of a run in another precision", name));
      one.stored = same->get();
    }
    if (edit.mode == EditMode::call) {
      if (PyCallable_Check(edit.function.ptr()) == 0)
        throw ArgumentError(fmt::format("edit of \"{}\": the function cannot be called", name));
      const bool pairs = is_pairs(one.at.site);
      one.function = [function = nb::handle(edit.function), name, pairs](const EditedRows& rows,
                                                                         MatrixView<T> values) {
        call_function<T>(function, name, pairs, rows, values);
      };
    }
    all.push_back(std::move(one));
  }
  return all;
}

template std::vector<Edit<float>> edits_of<float>(const std::vector<PythonEdit>&,
                                                  const ModelConfig&);
template std::vector<Edit<double>> edits_of<double>(const std::vector<PythonEdit>&,
                                                    const ModelConfig&);

void bind_edits(nb::module_& module) {
  bind_edit(module);
  bind_patches(module);
}

}  // namespace gnomon::python
