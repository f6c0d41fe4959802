// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/stream_words.h"

#include <fmt/format.h>

#include "gnomon/base/error.h"
#include "gnomon/model/hook_points.h"

namespace gnomon {

std::string stream_words(std::string_view site, const ModelConfig& config) {
  const Site parsed = parse_site(std::string(site), config).site;
  const Index layer = parsed.layer;
  switch (parsed.kind) {
    case HookKind::resid_pre:
      return fmt::format("the stream before block {}, not normalised", layer);
    case HookKind::resid_mid:
      return fmt::format("the stream in block {} after attention, not normalised", layer);
    case HookKind::ln2_out:
      return fmt::format("the stream {} block {}{}, after the normalisation",
                         config.parallel_block ? "before" : "in", layer,
                         config.parallel_block ? "" : " after attention");
    case HookKind::resid_post:
      if (layer == config.n_layers - 1) {
        return fmt::format("the stream after block {}, the last, before the final normalisation",
                           layer);
      }
      return fmt::format("the stream after block {}, not normalised", layer);
    default:
      return std::string(site);
  }
}

std::string position_words(std::string_view position) {
  if (position.empty() || position == "@last") return "at the last token";
  if (position == "@all") return "at every token";
  if (position.starts_with("@-"))
    return fmt::format("at token {} from the end", position.substr(2));
  return fmt::format("at token {} (the first is 0)", position.substr(1));
}

}  // namespace gnomon
