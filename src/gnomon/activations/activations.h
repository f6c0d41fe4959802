// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gnomon/model/hook_points.h"
#include "gnomon/tensor/tensor.h"

namespace gnomon {

// The numbers read at one site. Row r belongs to token position[r] of text text[r]; rows are in the
// order of texts, then tokens.
template <class T>
struct Activations {
  SiteAt at;
  bool gradient = false;  // of something with respect to the site's numbers, not these
  std::vector<Index> text;
  std::vector<Index> position;
  Tensor<T> values;  // [n_row, width], or [n_row, 1] for a single coordinate
  // Attention scores and patterns are as wide as their text is long: one tensor [head, q_pos,
  // k_pos] for each text, in place of `values`.
  std::vector<Tensor<T>> by_text;

  Index n_row() const { return static_cast<Index>(text.size()); }
};

// "blocks.8.hook_resid_post@last"; of a gradient "blocks.8.hook_resid_post_grad@last".
std::string activations_name(const SiteAt& at, bool gradient, const ModelConfig& config);

// A site as a user writes it, with or without "_grad" after the hook point's name.
struct RequestedSite {
  SiteAt at;
  bool gradient = false;

  friend bool operator==(const RequestedSite&, const RequestedSite&) = default;
};
// Throws as parse_site.
RequestedSite parse_requested_site(std::string_view text, const ModelConfig& config);

}  // namespace gnomon
