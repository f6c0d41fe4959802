// SPDX-License-Identifier: Apache-2.0
#include "cli/explained_site.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "gnomon/base/error.h"
#include "gnomon/base/nearest_name.h"
#include "gnomon/base/quote.h"
#include "gnomon/model/family.h"
#include "gnomon/model/hook_aliases.h"
#include "gnomon/model/site_explanation.h"

namespace gnomon::cli {
namespace {

constexpr std::array<std::string_view, 3> kArchitectures = {"gpt2", "llama", "gpt_neox"};
constexpr Index kMostLayers = 1000;
// Where no layer is named, one in the middle of three stands for all.
constexpr Index kAnyLayer = 1;
constexpr Index kAnyLayers = 3;

// A model of the family without sizes of its own: every coordinate exists.
ModelConfig any_model(std::string_view architecture, Index n_layers) {
  constexpr Index kAnyWidth = Index{1} << 30;
  ModelConfig config;
  config.architecture = architecture;
  config.n_layers = n_layers;
  config.d_model = config.d_mlp = config.d_vocab = config.n_ctx = kAnyWidth;
  config.n_heads = config.n_kv_heads = Index{1} << 15;
  config.d_head = Index{1} << 15;
  config.gated_mlp = architecture == "llama";
  config.position = architecture == "gpt2" ? PositionKind::learned : PositionKind::rotary;
  config.parallel_block = architecture == "gpt_neox";
  return config;
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

// What the user wrote, taken apart: "blocks.8.mlp.hook_post", "[481]", "@last".
struct Parts {
  std::string name;
  std::string coordinate;
  std::string position;
};

std::string trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return std::string(text);
}

Parts parts_of(const std::string& text) {
  Parts parts{.name = trimmed(text), .coordinate = {}, .position = {}};
  if (const std::size_t at = parts.name.rfind('@'); at != std::string::npos) {
    parts.position = trimmed(parts.name.substr(at));
    parts.name = trimmed(parts.name.substr(0, at));
  }
  const std::size_t bracket = parts.name.rfind('[');
  if (parts.name.ends_with(']') && bracket != std::string::npos) {
    parts.coordinate = parts.name.substr(bracket);
    parts.name = trimmed(parts.name.substr(0, bracket));
  }
  return parts;
}

Index largest_number(std::string_view name) {
  Index largest = 0;
  for (std::size_t at = 0; at < name.size();) {
    Index value = 0;
    const auto [end, error] = std::from_chars(name.data() + at, name.data() + name.size(), value);
    if (end == name.data() + at) {
      ++at;
      continue;
    }
    if (error != std::errc() || value >= kMostLayers) {
      throw ArgumentError(
          ErrorCode::out_of_range,
          fmt::format("{} has a layer of {} or more, expected less", quote(name), kMostLayers));
    }
    largest = std::max(largest, value);
    at = static_cast<std::size_t>(end - name.data());
  }
  return largest;
}

// How the layer of a question is said.
struct LayerWords {
  bool any = false;      // names say words instead of numbers
  std::string previous;  // "{l-1}"
  std::string here;      // "{l}"
  std::string next;
};

struct Question {
  std::string text;  // for parse_site
  Index n_layers = 0;
  LayerWords words;
};

bool is_local_name(std::string_view name) {
  return std::any_of(hook_points().begin(), hook_points().end(),
                     [&](const HookPoint& point) { return point.per_block && point.name == name; });
}

Question question_of(const Parts& parts, std::string_view architecture) {
  constexpr std::string_view kLayerWord = "{l}";
  const std::string suffix = parts.coordinate + parts.position;
  const LayerWords any{true, "{l-1}", "{l}", "{l+1}"};
  if (is_local_name(parts.name)) {
    return {fmt::format("blocks.{}.{}{}", kAnyLayer, parts.name, suffix), kAnyLayers, any};
  }
  if (parts.name.find(kLayerWord) != std::string::npos) {
    std::string name = parts.name;
    replace_all(name, kLayerWord, std::to_string(kAnyLayer));
    return {name + suffix, kAnyLayers, any};
  }
  const HookAlias* alias = find_hook_alias(parts.name, architecture);
  if (alias != nullptr && alias->hook.find("{last}") != std::string_view::npos) {
    return {parts.name + suffix, kAnyLayer + 1, {true, "{n_layers-2}", "{n_layers-1}", ""}};
  }
  return {parts.name + suffix, largest_number(parts.name) + 2, {}};
}

std::string in_words(std::string name, const LayerWords& words) {
  if (!words.any) return name;
  replace_all(name, fmt::format("blocks.{}.", kAnyLayer - 1),
              fmt::format("blocks.{}.", words.previous));
  replace_all(name, fmt::format("blocks.{}.", kAnyLayer), fmt::format("blocks.{}.", words.here));
  replace_all(name, fmt::format("blocks.{}.", kAnyLayer + 1),
              fmt::format("blocks.{}.", words.next));
  return name;
}

std::string symbolic(const std::string& axes) { return axes.substr(0, axes.find(" = ")); }

SiteInFamily in_family(const Site& site, const ModelConfig& config, bool has_sizes,
                       const LayerWords& words) {
  Site hook = site;
  hook.coordinate.reset();
  const std::vector<std::string> names = hook_names(config);
  const auto at = std::find(names.begin(), names.end(), site_name(hook, config));
  SiteInFamily result;
  result.architecture = config.architecture;
  result.equation = site_equation(site.kind, config.architecture, config.parallel_block);
  // Models of one family differ in their activation function.
  if (const std::size_t act = result.equation.find("act = ");
      has_sizes && act != std::string::npos) {
    result.equation.resize(act);
    result.equation += fmt::format("act = {}", activation_name(config.activation));
  }
  const std::string axes = axes_text(site.kind, config);
  result.shape = has_sizes ? axes : symbolic(axes);
  if (has_sizes && !is_pairs(site)) {
    result.width = site_width(site.kind, config);
  }
  if (at != names.begin() && at != names.end()) result.previous = in_words(*(at - 1), words);
  if (at != names.end() && at + 1 != names.end()) result.next = in_words(*(at + 1), words);
  return result;
}

std::string layer_text(const Site& site, const LayerWords& words) {
  if (site.layer < 0) return {};
  return words.any ? words.here : std::to_string(site.layer);
}

ExplainedSite explained(const SiteAt& at, const ModelConfig& config, bool has_sizes,
                        const Parts& parts, const LayerWords& words) {
  Site hook = at.site;
  hook.coordinate.reset();
  ExplainedSite site;
  site.kind = at.site.kind;
  site.hook = in_words(site_name(hook, config), words);
  // Without sizes a head's flat coordinate cannot be split: it stands as it was written.
  site.name = site.hook + parts.coordinate + parts.position;
  if (has_sizes && !words.any) site.name = site_name(at.site, config) + parts.position;
  site.layer = layer_text(at.site, words);
  site.coordinate = at.site.coordinate;
  site.position = parts.position;
  site.families.push_back(in_family(at.site, config, has_sizes, words));
  return site;
}

ExplainedSite of_model(const Parts& parts, const ModelConfig& model) {
  const Question question = question_of(parts, model.architecture);
  ModelConfig config = model;
  // A question about any layer must have one before and one after it.
  const bool any = question.words.any && question.words.here == "{l}";
  if (any) config.n_layers = kAnyLayers;
  return explained(parse_site(question.text, config), config, true, parts,
                   any ? question.words : LayerWords{});
}

// The error of a name that no family has, with the nearest name of all.
ArgumentError unknown_name(const Parts& parts) {
  std::vector<std::string> names;
  for (const std::string_view architecture : kArchitectures) {
    const Index n_layers = std::max(kAnyLayers, largest_number(parts.name) + 2);
    for (std::string& name : hook_names(any_model(architecture, n_layers))) {
      names.push_back(std::move(name));
    }
  }
  for (const HookPoint& point : hook_points()) names.emplace_back(point.name);
  names.emplace_back("sites");
  std::string message = fmt::format("no hook point {}", quote(parts.name));
  if (const auto nearest = nearest_name(parts.name, names)) {
    message += fmt::format("; did you mean \"{}\"?", *nearest);
  }
  return {ErrorCode::unknown_site, message, "gnomon explain sites   lists every hook point"};
}

struct Attempt {
  std::optional<ExplainedSite> site;
  std::optional<ArgumentError> error;
};

Attempt attempt(const Question& question, const Parts& parts, std::string_view architecture) {
  try {
    const ModelConfig config = any_model(architecture, question.n_layers);
    return {explained(parse_site(question.text, config), config, false, parts, question.words),
            std::nullopt};
  } catch (const ArgumentError& error) {
    return {std::nullopt, error};
  }
}

Attempt attempt(const Parts& parts, std::string_view architecture) {
  return attempt(question_of(parts, architecture), parts, architecture);
}

// The same site in another family, where it exists there.
void add_other_family(ExplainedSite& site, const Parts& parts, std::string_view architecture) {
  // Under our own name: the user's may be one of a library that the other family's files lack.
  Question question = question_of(parts, site.families.front().architecture);
  const HookPoint& point = hook_point(site.kind);
  question.text = site.hook;
  if (question.words.any && point.per_block) {
    question.text = fmt::format("blocks.{}.{}", kAnyLayer, point.name);
  }
  question.text += parts.coordinate + parts.position;
  const Attempt other = attempt(question, parts, architecture);
  if (other.site) site.families.push_back(other.site->families.front());
}

}  // namespace

std::string_view family_title(std::string_view architecture) {
  const Family* family = find_family(architecture);
  return family == nullptr ? architecture : family->title;
}

std::vector<ExplainedSite> explain_site_text(const std::string& text, const ModelConfig* model) {
  const Parts parts = parts_of(text);
  if (model != nullptr) return {of_model(parts, *model)};
  std::array<Attempt, kArchitectures.size()> attempts;
  std::vector<ExplainedSite> sites;
  for (std::size_t i = 0; i < attempts.size(); ++i) {
    attempts[i] = attempt(parts, kArchitectures[i]);
    if (!attempts[i].site) continue;
    const auto same = std::ranges::find(sites, attempts[i].site->kind, &ExplainedSite::kind);
    if (same == sites.end()) {
      sites.push_back(*attempts[i].site);
    } else {
      same->families.push_back(attempts[i].site->families.front());
    }
  }
  if (sites.size() == 1) {
    for (std::size_t i = 0; i < attempts.size(); ++i) {
      if (!attempts[i].site) add_other_family(sites.front(), parts, kArchitectures[i]);
    }
    std::ranges::sort(sites.front().families, {}, [](const SiteInFamily& family) {
      return std::ranges::find(kArchitectures, family.architecture) - kArchitectures.begin();
    });
  }
  if (!sites.empty()) return sites;
  for (std::size_t i = 0; i < attempts.size(); ++i) {
    // The family that knows the name says why it is refused.
    const HookAlias* alias = find_hook_alias(parts.name, kArchitectures[i]);
    if (alias != nullptr &&
        (alias->architecture.empty() || alias->architecture == kArchitectures[i])) {
      throw *attempts[i].error;
    }
  }
  for (const std::size_t i : {std::size_t{1}, std::size_t{0}, std::size_t{2}}) {
    if (attempts[i].error->code() != ErrorCode::unknown_site) throw *attempts[i].error;
  }
  throw unknown_name(parts);
}

std::vector<ExplainedSite> explain_all_sites(const ModelConfig* model) {
  std::vector<ExplainedSite> sites;
  for (const HookPoint& point : hook_points()) {
    if (model != nullptr && !exists_in(point, *model)) continue;
    const std::vector<ExplainedSite> found = explain_site_text(std::string(point.name), model);
    sites.insert(sites.end(), found.begin(), found.end());
  }
  return sites;
}

}  // namespace gnomon::cli
