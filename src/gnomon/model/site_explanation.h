// SPDX-License-Identifier: Apache-2.0
// in: a hook point   out: what it is, in words and equations
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "gnomon/model/hook_points.h"

namespace gnomon {

// What a coordinate of a site is, and with it which directions can belong to one.
enum class SiteBasis {
  neuron,      // an MLP neuron, with directions that it reads and writes
  residual,    // a coordinate of the residual stream, or of something added to it
  normalized,  // a coordinate of the stream as a norm sees it
  head,        // a channel of an attention head
  scale,       // one number for each token
  attention,   // one number for each head and pair of tokens
  vocabulary,  // one number for each token of the vocabulary
};

std::string_view basis_name(SiteBasis basis);
// What follows from the basis, in a sentence or two.
std::string_view basis_meaning(SiteBasis basis);

// One row for each HookKind, in their order. W_in, W_gate, W_out are c_fc, -, c_proj of GPT-2 and
// up_proj, gate_proj, down_proj of Llama, as [n_in, n_out]; w and b are a norm's weight and bias.
struct SiteExplanation {
  HookKind kind;
  std::string_view meaning;
  std::string_view gpt2_equation;  // empty where the family has no such site
  std::string_view llama_equation;
  std::string_view place;  // before and after which operation
  SiteBasis basis;
  std::string_view transformer_lens;  // how TransformerLens's versions differ from this site
  std::vector<std::string_view> identities;
  std::vector<std::string_view> traps;
};

const SiteExplanation& site_explanation(HookKind kind);
// For an architecture of the family table, of GPT-NeoX with attention and MLP side by side or not;
// empty where the family has no such site.
std::string_view site_equation(HookKind kind, std::string_view architecture,
                               bool parallel_block = false);

// An identity that holds for every text, in the form it takes in each family; empty where it has
// none. "Processed" weights are TransformerLens's default: fold_ln, center_writing_weights,
// center_unembed and fold_value_biases.
struct SiteIdentity {
  std::string_view id;
  std::string_view gpt2;
  std::string_view llama;
  std::string_view gpt_neox = {};  // where it is not GPT-2's; with attention and MLP side by side
};
std::span<const SiteIdentity> site_identities();
// In the form of the architecture's family.
std::string_view identity_statement(const SiteIdentity& identity, std::string_view architecture);

// A direction that is defined for coordinate n of a site.
struct SiteDirection {
  std::string_view name;    // "input", "gate", "output"
  std::string_view vector;  // "W_in[:, n]"
  std::string_view weight;  // where Hugging Face keeps it
  std::string_view use;     // at which site it is read or written, and what its projection is
};
std::span<const SiteDirection> site_directions(HookKind kind, std::string_view architecture);

// Axis names of a site's matrix with their meanings.
struct SiteAxis {
  std::string_view name;
  std::string_view meaning;
};
std::span<const SiteAxis> site_axes(HookKind kind);

}  // namespace gnomon
