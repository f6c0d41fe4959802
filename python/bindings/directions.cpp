// SPDX-License-Identifier: Apache-2.0
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include "gnomon/directions/transport.h"
#include "python/bindings/arguments.h"
#include "python/bindings/arrays.h"
#include "python/bindings/bindings.h"
#include "python/bindings/calls.h"

namespace gnomon::python {
namespace {

using Transport = Direction<Space::raw> (*)(const Direction<Space::raw>&, const Model&,
                                            const WeightProcessing&);

// (weight, bias) of a direction at a site on the other side of a weight processing.
nb::tuple transported(Transport transport, bool from_raw, const Model& model,
                      const SiteArgument& site, const Numbers& weight, double bias,
                      const std::string& weights) {
  Direction<Space::raw> direction;
  direction.name = "direction";
  direction.site = site_of(site, model.config()).site;
  direction.weight = weight.vector();
  direction.bias = bias;
  const WeightProcessing processing = parse_weight_processing(weights, model.config());
  direction.weights = from_raw ? "raw" : weight_processing_name(processing);
  Direction<Space::raw> moved = long_call([&] { return transport(direction, model, processing); });
  return nb::make_tuple(owned_array(std::move(moved.weight)), moved.bias);
}

}  // namespace

void bind_directions(nb::module_& module) {
  module.def(
      "direction_to_processed",
      [](const Model& model, const SiteArgument& site, const Numbers& weight, double bias,
         const std::string& weights) {
        return transported(to_processed, true, model, site, weight, bias, weights);
      },
      nb::arg("model"), nb::arg("site"), nb::arg("weight"), nb::arg("bias") = 0.0, nb::kw_only(),
      nb::arg("weights") = "transformerlens",
      nb::sig("def direction_to_processed(model: Model, site: str | NamedSite, weight: "
              "numpy.typing.ArrayLike, bias: float = 0.0, *, weights: str = 'transformerlens') -> "
              "tuple[numpy.typing.NDArray[numpy.float64], float]"),
      "The (weight, bias) that reads on the model with processed weights what weight · x + bias "
      "reads at the site of the model as stored. ArgumentError where processing takes away what "
      "the direction reads.");
  module.def(
      "direction_to_raw",
      [](const Model& model, const SiteArgument& site, const Numbers& weight, double bias,
         const std::string& weights) {
        return transported(to_raw, false, model, site, weight, bias, weights);
      },
      nb::arg("model"), nb::arg("site"), nb::arg("weight"), nb::arg("bias") = 0.0, nb::kw_only(),
      nb::arg("weights") = "transformerlens",
      nb::sig("def direction_to_raw(model: Model, site: str | NamedSite, weight: "
              "numpy.typing.ArrayLike, bias: float = 0.0, *, weights: str = 'transformerlens') -> "
              "tuple[numpy.typing.NDArray[numpy.float64], float]"),
      "The (weight, bias) that reads on the model as stored what weight · x + bias reads at the "
      "site of the model with processed weights, such as a probe from TransformerLens.");
}

}  // namespace gnomon::python
