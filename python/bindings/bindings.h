// SPDX-License-Identifier: Apache-2.0
// The parts of the module gnomon._gnomon. Names are those of the C++ headers.
#pragma once

#include <nanobind/nanobind.h>

namespace gnomon::python {

namespace nb = nanobind;

void bind_errors(nb::module_& module);
void bind_sites(nb::module_& module);
void bind_model(nb::module_& module);
void bind_directions(nb::module_& module);
void bind_activations(nb::module_& module);
void bind_edits(nb::module_& module);
void bind_captures(nb::module_& module);  // after edits, which they take
void bind_statistics(nb::module_& module);
void bind_resampling(nb::module_& module);
void bind_regression(nb::module_& module);
void bind_texts(nb::module_& module);
void bind_studies(nb::module_& module);
void bind_runs(nb::module_& module);
void bind_training(nb::module_& module);

}  // namespace gnomon::python
