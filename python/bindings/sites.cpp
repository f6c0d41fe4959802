// SPDX-License-Identifier: Apache-2.0
// Sizes of a model, its hook points, and names of sites.
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "gnomon/analyses/identity_checks.h"
#include "gnomon/model/hook_aliases.h"
#include "gnomon/model/hook_points.h"
#include "gnomon/model/site_explanation.h"
#include "gnomon/targets/target.h"
#include "python/bindings/arguments.h"
#include "python/bindings/bindings.h"
#include "python/bindings/records.h"

namespace gnomon::python {
namespace {

std::string hook_of(const NamedSite& site) {
  const HookPoint& point = hook_point(site.at.site.kind);
  std::string name(point.name);
  if (point.per_block) name = "blocks." + std::to_string(site.at.site.layer) + "." + name;
  return name;
}

void bind_config(nb::module_& module) {
  Record<ModelConfig>(module, "ModelConfig",
                      "The sizes and switches of a model: everything in which families differ.")
      .field("architecture", &ModelConfig::architecture, "'gpt2' or 'llama'.")
      .field("n_layers", &ModelConfig::n_layers)
      .field("d_model", &ModelConfig::d_model)
      .field("n_heads", &ModelConfig::n_heads)
      .field("n_kv_heads", &ModelConfig::n_kv_heads)
      .field("d_head", &ModelConfig::d_head)
      .field("d_mlp", &ModelConfig::d_mlp)
      .field("d_vocab", &ModelConfig::d_vocab)
      .field("n_ctx", &ModelConfig::n_ctx, "The longest text, in tokens.")
      .field("norm_eps", &ModelConfig::norm_eps)
      .field("gated_mlp", &ModelConfig::gated_mlp)
      .field("tied_unembedding", &ModelConfig::tied_unembedding);
}

void bind_site(nb::module_& module) {
  nb::class_<NamedSite> site(module, "NamedSite",
                             "A hook point of one layer, possibly one coordinate of it, at a "
                             "position. str() is its name, which every function takes too.");
  site.def_ro("name", &NamedSite::name, "'blocks.8.mlp.hook_post[481]@last'")
      .def_prop_ro("hook", hook_of, "The hook point's name: 'blocks.8.mlp.hook_post'.")
      .def_prop_ro(
          "layer", [](const NamedSite& self) { return self.at.site.layer; },
          "-1 where the hook point belongs to no block.")
      .def_prop_ro(
          "coordinate", [](const NamedSite& self) { return self.at.site.coordinate; },
          "Index into the row, or None; for head axes head * d_head + channel.")
      .def_prop_ro(
          "position", [](const NamedSite& self) { return position_name(self.at.position); },
          "'@last', '@5', '@-2' or '@all'.")
      .def("__str__", [](const NamedSite& self) { return self.name; })
      .def("__repr__", [](const NamedSite& self) { return "<site " + self.name + ">"; })
      .def("__hash__", [](const NamedSite& self) { return std::hash<std::string>()(self.name); })
      .def(
          "__eq__",
          [](const NamedSite& self, nb::handle other) {
            if (!nb::isinstance<NamedSite>(other)) return false;
            const auto& that = nb::cast<const NamedSite&>(other);
            return that.at == self.at && that.name == self.name;
          },
          nb::arg("other").none(), nb::sig("def __eq__(self, other: object, /) -> bool"));
}

void bind_targets(nb::module_& module) {
  nb::class_<Target> target(module, "Target",
                            "One number per token: the truth that a report is compared with.");
  target
      .def_prop_ro("kind",
                   [](const Target& self) -> std::string {
                     switch (self.kind) {
                       case TargetKind::neuron_pre:
                         return "neuron_pre";
                       case TargetKind::neuron_pre_linear:
                         return "neuron_pre_linear";
                       case TargetKind::neuron_post:
                         return "neuron_post";
                       case TargetKind::residual_coordinate:
                         break;
                     }
                     return "residual_coordinate";
                   })
      .def_prop_ro("is_neuron", &Target::is_neuron)
      .def_prop_ro("layer", &Target::layer)
      .def_prop_ro("index", &Target::index, "The neuron, or the coordinate.");
  module.def(
      "make_target",
      [](const SiteArgument& site, const ModelConfig& config) {
        return make_target(site_of(site, config), config);
      },
      nb::arg("site"), nb::arg("config"),
      "The target at a site: a neuron, or a coordinate of the residual stream or of what is added "
      "to it. ArgumentError (E013) where the site holds neither.");
}

}  // namespace

void bind_sites(nb::module_& module) {
  bind_config(module);
  bind_site(module);
  bind_targets(module);
  module.def(
      "parse_site",
      [](const std::string& text, const ModelConfig& config) {
        return named_site(parse_site(text, config), config);
      },
      nb::arg("text"), nb::arg("config"),
      "Reads a site as it is written, 'blocks.8.mlp.hook_post[481]@last'. Names of "
      "TransformerLens, "
      "Hugging Face modules and pyvene are understood; without a position it is @last. "
      "ArgumentError with the nearest name where the model has no such site.");
  module.def("hook_names", &hook_names, nb::arg("config"),
             "Every hook point of the model, in the order in which the forward pass reaches them.");
  module.def(
      "site_width",
      [](const SiteArgument& site, const ModelConfig& config) {
        return site_width(site_of(site, config).site.kind, config);
      },
      nb::arg("site"), nb::arg("config"),
      "Numbers in one row of the site. ArgumentError (E013) for attention scores and patterns, "
      "which are as wide as the text is long.");
  module.def(
      "axes_text",
      [](const SiteArgument& site, const ModelConfig& config) {
        return axes_text(site_of(site, config).site.kind, config);
      },
      nb::arg("site"), nb::arg("config"), "'[pos, d_model] = [pos, 768]'");
  module.def(
      "site_equation",
      [](const SiteArgument& site, const ModelConfig& config) {
        return site_equation(site_of(site, config).site.kind, config.architecture,
                             config.parallel_block);
      },
      nb::arg("site"), nb::arg("config"), "How the forward pass computes the site.");
}

}  // namespace gnomon::python
