// SPDX-License-Identifier: Apache-2.0
#include "cli/experiment_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "cli/experiment_fields.h"
#include "gnomon/base/error.h"
#include "gnomon/base/nearest_name.h"
#include "gnomon/base/quote.h"
#include "gnomon/report/home_path.h"
#include "gnomon/train/option_names.h"

namespace gnomon::cli {
namespace {

constexpr const char* kSchemaKey = "schema";

const ConfigField* find_field(const std::string& key) {
  const auto fields = experiment_fields();
  const auto found = std::find_if(fields.begin(), fields.end(),
                                  [&](const ConfigField& field) { return field.key == key; });
  return found == fields.end() ? nullptr : &*found;
}

// "train", "train.optimizer", ...
std::set<std::string> table_names() {
  std::set<std::string> names;
  for (const ConfigField& field : experiment_fields()) {
    for (std::size_t dot = field.key.find('.'); dot != std::string::npos;
         dot = field.key.find('.', dot + 1)) {
      names.insert(field.key.substr(0, dot));
    }
  }
  return names;
}

// A key in full, or one whose last part the user gave without its tables or in another one.
std::optional<std::string> nearest_key(const std::string& key) {
  std::vector<std::string> keys;
  const std::string last = key.substr(key.rfind('.') + 1);
  for (const ConfigField& field : experiment_fields()) {
    keys.push_back(field.key);
    if (field.key.substr(field.key.rfind('.') + 1) == last) return field.key;
  }
  return nearest_name(key, keys);
}

ArgumentError unknown_key(const GivenValue& given) {
  std::string message = fmt::format("{}: no setting {}", given.place, quote(given.key));
  if (const auto nearest = nearest_key(given.key)) {
    message += fmt::format("; did you mean \"{}\"?", *nearest);
  }
  return ArgumentError(message, "gnomon config schema   lists all settings");
}

void require_schema(const GivenValue& given) {
  const bool whole = given.value.is_number_integer();
  if (whole && given.value == kExperimentSchema) return;
  if (whole && given.value > kExperimentSchema) {
    throw Error(ErrorCode::incompatible,
                fmt::format("{}: schema is {}, expected at most {}", given.place,
                            given.value.dump(), kExperimentSchema),
                "it was written for a newer Gnomon; update this one");
  }
  throw ArgumentError(fmt::format("{}: schema is {}, expected {}", given.place,
                                  quote(given.value.dump(), 60), kExperimentSchema));
}

// Everything that was given, by key, the last one first come.
class Resolver {
 public:
  explicit Resolver(const std::string& home) : home_(home) {}

  void apply(const GivenValue& given) {
    if (given.key == kSchemaKey) return require_schema(given);
    const ConfigField* field = find_field(given.key);
    if (field == nullptr) {
      const bool is_empty_table = given.value.is_object() && tables_.contains(given.key);
      if (is_empty_table) return;
      if (tables_.contains(given.key)) {
        throw ArgumentError(fmt::format("{}: {} is a value, expected a table of settings",
                                        given.place, quote(given.key)));
      }
      throw unknown_key(given);
    }
    field->set(result_.config, field_value(*field, given));
    origins_[field->key] = given.origin;
    result_.places[field->key] = given.place;
  }

  ResolvedExperiment take() {
    ExperimentConfig& config = result_.config;
    config.train.seed = config.seed;
    config.model.path = with_home_path(config.model.path, home_);
    for (std::string& text : config.data.texts) text = with_home_path(text, home_);
    check();
    for (const ConfigField& field : experiment_fields()) {
      const auto origin = origins_.find(field.key);
      result_.entries.push_back(
          {field.key, field.get(config), origin == origins_.end() ? "default" : origin->second});
    }
    return std::move(result_);
  }

 private:
  // Where the value of a key stands, for messages about values that do not go together.
  std::string place(const std::string& key) const {
    const auto found = result_.places.find(key);
    return found == result_.places.end() ? "default" : found->second;
  }

  void require(bool holds, const std::string& key, const std::string& what) const {
    if (!holds) throw ArgumentError(fmt::format("{}: {}", place(key), what));
  }

  void check() const {
    check_data();
    check_reporter();
    check_trained();
    const TrainOptions& train = result_.config.train;
    require(train.accumulate <= train.batch_rows, "train.accumulate",
            fmt::format("train.accumulate is {}, expected at most train.batch_rows, {}",
                        train.accumulate, train.batch_rows));
  }

  void check_data() const {
    const SplitFractions& split = result_.config.data.split;
    const double sum = split.train + split.val + split.test;
    constexpr double kRounding = 1e-9;  // of fractions written with fewer than nine digits
    std::string key = "data.split.train";
    for (const char* other : {"data.split.val", "data.split.test"}) {
      if (!result_.places.contains(key)) key = other;
    }
    require(std::fabs(sum - 1) <= kRounding, key,
            fmt::format("data.split has the fractions {} + {} + {} = {}, expected a sum of 1",
                        split.train, split.val, split.test, sum));
    const auto& units = result_.config.target.units;
    const std::set<std::string> different(units.begin(), units.end());
    require(different.size() == units.size(), "target.units",
            "target.units names a site twice, expected each once");
    const bool named = std::none_of(units.begin(), units.end(),
                                    [](const std::string& unit) { return unit.empty(); });
    require(named, "target.units", "target.units holds an empty text, expected sites");
  }

  void check_reporter() const {
    const ReporterOptions& reporter = result_.config.train.reporter;
    const bool token =
        reporter.kind == ReporterKind::digit || reporter.kind == ReporterKind::on_off;
    require(!token || reporter.hidden.empty(), "train.reporter.hidden",
            fmt::format("train.reporter.hidden is given for kind {}, expected regression or "
                        "classification: a token reporter has no head",
                        option_name(reporter.kind)));
    require(!token || reporter.head == HeadMode::trained, "train.reporter.head",
            fmt::format("train.reporter.head is {} for kind {}, expected regression or "
                        "classification: a token reporter has no head",
                        option_name(reporter.head), option_name(reporter.kind)));
    require(reporter.head != HeadMode::ridge || reporter.hidden.empty(), "train.reporter.head",
            "train.reporter.head is ridge and train.reporter.hidden is not empty, expected one of "
            "them: the ridge solution is linear");
  }

  void check_trained() const {
    const TrainedParameters& trained = result_.config.train.trained;
    const bool by_name = !trained.name_patterns.empty();
    require(trained.part != TrainedPart::selected || by_name || !trained.components.empty(),
            "train.trained.part",
            "train.trained.part is selected, expected train.trained.components or "
            "train.trained.name_patterns to say which");
    require(trained.part != TrainedPart::lora || by_name, "train.trained.part",
            "train.trained.part is lora, expected train.trained.name_patterns to say which "
            "matrices");
    // A choice that has no effect is more often a mistake than meant.
    require(trained.part == TrainedPart::selected || trained.part == TrainedPart::lora || !by_name,
            "train.trained.name_patterns",
            fmt::format("train.trained.name_patterns is given and train.trained.part is {}, "
                        "expected selected or lora",
                        option_name(trained.part)));
    require(trained.part == TrainedPart::selected || trained.components.empty(),
            "train.trained.components",
            fmt::format("train.trained.components is given and train.trained.part is {}, expected "
                        "selected",
                        option_name(trained.part)));
    require(trained.part == TrainedPart::from_layer ||
                !result_.places.contains("train.trained.from_layer") || trained.from_layer == 0,
            "train.trained.from_layer",
            fmt::format("train.trained.from_layer is given and train.trained.part is {}, expected "
                        "from_layer",
                        option_name(trained.part)));
  }

  std::string home_;
  ResolvedExperiment result_;
  std::map<std::string, std::string> origins_;
  std::set<std::string> tables_ = table_names();
};

}  // namespace

std::vector<std::uint64_t> ExperimentConfig::seeds() const {
  std::vector<std::uint64_t> all;
  for (Index i = 0; i < n_seed; ++i) all.push_back(seed + static_cast<std::uint64_t>(i));
  return all;
}

ResolvedExperiment resolve_experiment(const ExperimentSources& sources) {
  Resolver resolver(sources.home);
  if (!sources.file.empty()) {
    for (const GivenValue& given : read_config_file(sources.file)) resolver.apply(given);
  }
  for (const std::string& argument : sources.set) resolver.apply(parse_set(argument));
  for (const GivenValue& given : sources.options) resolver.apply(given);
  return resolver.take();
}

void require_complete(const ExperimentConfig& config) {
  const auto require = [](bool given, const char* key, const char* example) {
    if (given) return;
    throw ArgumentError(fmt::format("{} is not given, expected a value", key),
                        fmt::format("--set {}   or the same in the file of --config", example));
  };
  require(!config.model.path.empty(), "model.path", "model.path=smollm2-135m");
  require(!config.target.units.empty(), "target.units",
          "'target.units=blocks.8.mlp.hook_post[481]@last'");
  require(!config.data.texts.empty(), "data.texts", "data.texts=builtin:scenes");
}

}  // namespace gnomon::cli
