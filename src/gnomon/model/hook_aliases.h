// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "gnomon/model/config.h"

namespace gnomon {

// What another library calls a tensor of the forward pass. "{l}" stands for a layer, "{last}" for
// the last one. Users type these names: never drop a row.
struct HookAlias {
  std::string_view library;
  std::string_view architecture;  // the family's naming: "gpt2", "llama", ...; empty for all
  std::string_view name;
  std::string_view hook;      // our name; where `equal` is false, the nearest site
  bool equal;                 // false: no site has these values and the name is refused
  std::string_view equation;  // by which the two are equal; else what the name means there
};

std::span<const HookAlias> hook_aliases();

// The row that `name` matches, with rows of `architecture` before those of the other family, or
// null. Spellings are unified first: ".input" is ".in", "h[8]" is "h.8", "transformer.", "model."
// and "gpt_neox." may be left out, pyvene's keys may end in their unit.
const HookAlias* find_hook_alias(std::string_view name, std::string_view architecture);

// The hook name that another library's name means, or nothing where `name` is not an alias.
// Understands TransformerLens 3's component names and get_act_name shorthand, Hugging Face module
// paths with ".in" or ".out", and pyvene's components. Throws ArgumentError (unknown_site), saying
// what the name is and which site is nearest, where no site is equal to it or it belongs to the
// other family. A name for what goes into the MLP's norm means hook_resid_pre where attention and
// MLP stand side by side.
std::optional<std::string> resolve_hook_alias(std::string_view name, const ModelConfig& config);

}  // namespace gnomon
