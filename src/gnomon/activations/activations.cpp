// SPDX-License-Identifier: Apache-2.0
#include "gnomon/activations/activations.h"

#include <algorithm>

namespace gnomon {
namespace {

constexpr std::string_view kGradient = "_grad";

}  // namespace

std::string activations_name(const SiteAt& at, bool gradient, const ModelConfig& config) {
  std::string name = site_at_name(at, config);
  if (gradient) name.insert(name.find_first_of("[@"), kGradient);
  return name;
}

RequestedSite parse_requested_site(std::string_view text, const ModelConfig& config) {
  const std::size_t end = std::min(text.find_first_of("[@"), text.size());
  const std::string_view name = text.substr(0, end);
  if (!name.ends_with(kGradient)) return {parse_site(text, config), false};
  std::string value_site(name.substr(0, name.size() - kGradient.size()));
  value_site += text.substr(end);
  return {parse_site(value_site, config), true};
}

}  // namespace gnomon
