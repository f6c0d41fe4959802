// SPDX-License-Identifier: Apache-2.0
#include <nanobind/stl/string.h>

#include "cli/version.h"
#include "gnomon/base/threads.h"
#include "python/bindings/bindings.h"

NB_MODULE(_gnomon, module) {
  using namespace gnomon::python;  // NOLINT: this file is the module's front door
  module.doc() = "The library of Gnomon. Import gnomon, which has everything of it.";
  // A notebook keeps objects to the end of the process, which is not a leak.
  nb::set_leak_warnings(false);
  module.def("version_number", &gnomon::cli::version_number, "That of the command: '0.1.0'.");
  module.def("set_threads", &gnomon::set_threads, nb::arg("n"),
             "Worker threads of all later calls; 0 is as many as the machine has.");
  module.def("threads", &gnomon::threads, "Worker threads that calls use.");
  bind_errors(module);
  bind_sites(module);
  bind_model(module);
  bind_directions(module);
  bind_activations(module);
  bind_edits(module);
  bind_captures(module);
  bind_statistics(module);
  bind_resampling(module);
  bind_regression(module);
  bind_texts(module);
  bind_studies(module);
  bind_runs(module);
  bind_training(module);
}
