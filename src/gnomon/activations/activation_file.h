// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "gnomon/activations/activations.h"
#include "gnomon/tokens/token.h"

namespace gnomon {

// Activations as a safetensors file, docs/formats/activations.md:
//   {site}           [n_row, width] or [n_row, 1]
//   {site}/text, {site}/position   [n_row] I64: the text and the token of each row
//   {site}/{t}       [head, q_pos, k_pos] of text t, for attention scores and patterns
//   token_ids, text_offset         I64: all texts end to end, and where each begins
// Masked attention scores are -inf, as in the forward pass. Written atomically.
template <class T>
void write_activations(const std::filesystem::path& path,
                       std::span<const Activations<T>> activations,
                       std::span<const std::vector<TokenId>> texts, const ModelConfig& config,
                       const std::map<std::string, std::string>& metadata);

}  // namespace gnomon
