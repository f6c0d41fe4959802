// SPDX-License-Identifier: Apache-2.0
#include "gnomon/text/generator.h"

#include <fmt/format.h>

#include <array>
#include <cstddef>
#include <numeric>
#include <unordered_set>
#include <utility>

#include "gnomon/base/error.h"
#include "gnomon/base/nearest_name.h"
#include "gnomon/base/random.h"
#include "gnomon/text/detail/scenes.h"
#include "gnomon/text/groups.h"

namespace gnomon {
namespace {

// Long templates have billions of texts, the shortest some hundreds. The bound keeps a full draw
// balanced and lies below half of what every template has (generator_test, EveryTemplateHasRoom),
// so that drawing until a new text comes up ends soon.
constexpr std::int64_t kTextsPerTemplate = 128;

// Redrawing at half the supply fails this often with probability 2^-1000.
constexpr int kMostRedraws = 1000;

const std::array<std::string, 1> kNames = {"scenes"};

void require_known(std::string_view name) {
  for (const std::string& known : kNames) {
    if (name == known) return;
  }
  const auto nearest = nearest_name(name, kNames);
  throw ArgumentError(
      fmt::format("no built-in texts \"{}\", expected \"{}\"", name, fmt::join(kNames, "\", \"")),
      nearest ? fmt::format("did you mean \"{}\"?", *nearest) : "");
}

struct SceneTemplate {
  const detail::Skeleton* skeleton;
  const detail::Topic* topic;
  std::string id() const { return fmt::format("{}/{}", skeleton->id, topic->id); }
};

std::vector<SceneTemplate> scene_templates() {
  std::vector<SceneTemplate> templates;
  for (const detail::Skeleton& skeleton : detail::scene_skeletons()) {
    for (const detail::Topic& topic : detail::scene_topics())
      templates.push_back({&skeleton, &topic});
  }
  return templates;
}

class SceneDraw {
 public:
  explicit SceneDraw(std::uint64_t seed) : random_(seed, "texts") {}

  // One text of every template, in a new order each round, until there are n.
  std::vector<TextRecord> draw(std::int64_t n) {
    std::vector<SceneTemplate> templates = scene_templates();
    std::vector<TextRecord> records;
    while (std::ssize(records) < n) {
      random_.shuffle(templates);
      for (const SceneTemplate& scene : templates) {
        if (std::ssize(records) == n) break;
        records.push_back(
            {.text = draw_new(scene), .source = "builtin:scenes", .template_id = scene.id()});
      }
    }
    return records;
  }

 private:
  std::string draw_new(const SceneTemplate& scene) {
    for (int i = 0; i < kMostRedraws; ++i) {
      std::string text = detail::draw_scene(*scene.skeleton, *scene.topic, random_);
      if (drawn_.insert(normalised_text(text)).second) return text;
    }
    throw InternalError(
        fmt::format("generate_texts: the template \"{}\" has no new text left", scene.id()));
  }

  Random random_;
  std::unordered_set<std::string> drawn_;
};

}  // namespace

std::span<const std::string> builtin_names() { return kNames; }

std::int64_t builtin_size(std::string_view name) {
  require_known(name);
  return std::ssize(detail::scene_skeletons()) * std::ssize(detail::scene_topics()) *
         kTextsPerTemplate;
}

std::vector<std::string> builtin_template_ids(std::string_view name) {
  require_known(name);
  std::vector<std::string> ids;
  for (const SceneTemplate& scene : scene_templates()) ids.push_back(scene.id());
  return ids;
}

std::vector<TextRecord> generate_texts(std::string_view name, std::int64_t n, std::uint64_t seed) {
  const std::int64_t size = builtin_size(name);
  if (n < 1 || n > size) {
    throw ArgumentError(
        ErrorCode::bad_data,
        fmt::format("asked for {} texts of \"{}\", expected 1 to {}", n, name, size),
        "the built-in texts are distinct; for more, bring a file");
  }
  return SceneDraw(seed).draw(n);
}

}  // namespace gnomon
