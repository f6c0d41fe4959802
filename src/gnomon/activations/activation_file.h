// SPDX-License-Identifier: Apache-2.0
// in: texts and sites   out: a file of the numbers at those sites
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gnomon/activations/capture.h"

namespace gnomon {

struct ActivationsRequest {
  std::vector<RequestedSite> sites;
  std::optional<SiteAt>
      of;  // what gradients are of; nothing for the mean next-token loss of a text
};

// The numbers of capture and capture_gradients as a safetensors file, docs/formats/activations.md:
//   {site}           [n_row, width] or [n_row, 1]
//   {site}/text, {site}/position   [n_row] I64: the text and the token of each row
//   {site}/{t}       [head, q_pos, k_pos] of text t, for attention scores and patterns
//   token_ids, text_offset         I64: all texts end to end, and where each begins
// Masked attention scores are -inf, as in the forward pass.
//
// Texts are read and written in groups of some thousand tokens, so that memory does not grow with
// their number; the bits do not depend on the groups. `metadata` is asked for once, after the first
// group was read: a hash may be taken meanwhile. The file appears when it is whole. Throws as
// capture, capture_gradients and write_file_atomic do; texts are checked before any is read.
template <class T>
void capture_to_file(const Model& model, std::span<const std::vector<TokenId>> texts,
                     const ActivationsRequest& request, const std::filesystem::path& path,
                     const std::function<std::map<std::string, std::string>()>& metadata,
                     const RunOptions& options);

}  // namespace gnomon
