// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gnomon/model/config.h"
#include "gnomon/model/hook_points.h"

namespace gnomon::cli {

// A site as one model family has it. Names are for reading: where the user named no layer they say
// {l}.
struct SiteInFamily {
  std::string architecture;
  std::string equation;
  std::string shape;           // "[pos, d_mlp]", with a model "[pos, d_mlp] = [pos, 3072]"
  std::optional<Index> width;  // of one row, where the model is known and the width not the text's
  std::string previous;        // the neighbouring hook points; empty at the ends
  std::string next;
};

struct ExplainedSite {
  HookKind kind = HookKind::embed;
  std::string name;   // with coordinate and position as they were asked for
  std::string hook;   // without them
  std::string layer;  // "8", "{l}", "{n_layers-1}"; empty outside the blocks
  std::optional<Index> coordinate;
  std::string position;  // "@last"; empty where none was given
  std::vector<SiteInFamily> families;
};

// What `text` means: a site of the model where there is one, else of each kind of family (GPT-2,
// Llama, GPT-NeoX with parallel blocks) with any layer, any coordinate and no sizes. Two sites
// where an alias means different things in them. Throws ArgumentError as parse_site does.
std::vector<ExplainedSite> explain_site_text(const std::string& text, const ModelConfig* model);

// Every site, in firing order.
std::vector<ExplainedSite> explain_all_sites(const ModelConfig* model);

// The title in the family table: "GPT-2", "Llama"
std::string_view family_title(std::string_view architecture);

}  // namespace gnomon::cli
