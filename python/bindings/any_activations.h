// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nanobind/nanobind.h>

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "gnomon/activations/activations.h"
#include "gnomon/activations/edit.h"

namespace gnomon::python {

namespace nb = nanobind;

// Activations of either precision. Arrays of them share ownership, so they may outlive it.
struct AnyActivations {
  std::variant<std::shared_ptr<Activations<float>>, std::shared_ptr<Activations<double>>> held;
  std::string name;  // activations_name

  template <class Use>
  auto visit(Use use) const {
    return std::visit([&](const auto& shared) { return use(shared); }, held);
  }
};

template <class T>
std::vector<AnyActivations> any_activations(std::vector<Activations<T>> activations,
                                            const ModelConfig& config) {
  std::vector<AnyActivations> all;
  for (Activations<T>& one : activations) {
    std::string name = activations_name(one.at, one.gradient, config);
    all.push_back({std::make_shared<Activations<T>>(std::move(one)), std::move(name)});
  }
  return all;
}

// What a run gave: activations by name, and what each edit did.
struct CaptureOutcome {
  std::vector<AnyActivations> activations;
  std::vector<EditEffect> effects;
  ModelConfig config;
};

// An edit as Python has it, before the model and the precision of a run are known.
struct PythonEdit {
  nb::object at;  // as SiteArgument
  EditMode mode = EditMode::set;
  std::vector<double> values;
  nb::object stored;    // AnyActivations, or none
  nb::object function;  // a callable, or none
  bool may_change_nothing = false;
};

// Edits of a run in precision T. The result refers to `edits`. Throws ArgumentError where one does
// not fit the model or where stored values are of the other precision.
template <class T>
std::vector<Edit<T>> edits_of(const std::vector<PythonEdit>& edits, const ModelConfig& config);

std::string edit_mode_name(EditMode mode);
EditMode edit_mode_of(const std::string& name);

}  // namespace gnomon::python
