// SPDX-License-Identifier: Apache-2.0
#include "cli/experiment_fields.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "gnomon/base/error.h"
#include "gnomon/base/nearest_name.h"
#include "gnomon/base/quote.h"
#include "gnomon/report/wrapped_text.h"
#include "gnomon/text/visible_text.h"
#include "gnomon/train/option_names.h"

namespace gnomon::cli {
namespace {

constexpr FieldRange kAnyFraction = {.smallest = 0, .largest = 1};
constexpr FieldRange kFromZero = {.smallest = 0};
constexpr FieldRange kAboveZero = {.smallest = 0, .above = true};
constexpr double kMostSteps = 1e9;  // of anything counted; keeps products of counts in 64 bits

constexpr FieldRange whole_from(double smallest) {
  return {.smallest = smallest, .largest = kMostSteps};
}

// The builders below take an accessor that gives a reference to the setting in a configuration.

template <class Access>
ConfigField boolean(std::string key, Access access, std::string help) {
  ConfigField field{.key = std::move(key), .kind = FieldKind::boolean, .help = std::move(help)};
  field.get = [access](const ExperimentConfig& c) { return ConfigValue(access(c)); };
  field.set = [access](ExperimentConfig& c, const ConfigValue& v) {
    access(c) = std::get<bool>(v);
  };
  return field;
}

template <class Access>
ConfigField whole_number(std::string key, Access access, FieldRange range, std::string help) {
  ConfigField field{.key = std::move(key),
                    .kind = FieldKind::whole_number,
                    .help = std::move(help),
                    .range = range};
  field.get = [access](const ExperimentConfig& c) {
    return ConfigValue(static_cast<std::int64_t>(access(c)));
  };
  field.set = [access](ExperimentConfig& c, const ConfigValue& v) {
    using T = std::remove_reference_t<decltype(access(c))>;
    access(c) = static_cast<T>(std::get<std::int64_t>(v));
  };
  return field;
}

template <class Access>
ConfigField number(std::string key, Access access, FieldRange range, std::string help) {
  ConfigField field{
      .key = std::move(key), .kind = FieldKind::number, .help = std::move(help), .range = range};
  field.get = [access](const ExperimentConfig& c) { return ConfigValue(access(c)); };
  field.set = [access](ExperimentConfig& c, const ConfigValue& v) {
    access(c) = std::get<double>(v);
  };
  return field;
}

template <class Access>
ConfigField text(std::string key, Access access, std::string help) {
  ConfigField field{.key = std::move(key), .kind = FieldKind::text, .help = std::move(help)};
  field.get = [access](const ExperimentConfig& c) { return ConfigValue(access(c)); };
  field.set = [access](ExperimentConfig& c, const ConfigValue& v) {
    access(c) = std::get<std::string>(v);
  };
  return field;
}

// A text of which only some values are allowed.
template <class Access>
ConfigField named(std::string key, Access access, std::vector<std::string> choices,
                  std::string help) {
  ConfigField field = text(std::move(key), access, std::move(help));
  field.kind = FieldKind::choice;
  field.choices = std::move(choices);
  return field;
}

template <class Access>
ConfigField texts(std::string key, Access access, std::string help) {
  ConfigField field{.key = std::move(key), .kind = FieldKind::texts, .help = std::move(help)};
  field.get = [access](const ExperimentConfig& c) { return ConfigValue(access(c)); };
  field.set = [access](ExperimentConfig& c, const ConfigValue& v) {
    access(c) = std::get<std::vector<std::string>>(v);
  };
  return field;
}

template <class Access>
ConfigField whole_numbers(std::string key, Access access, FieldRange range, std::string help) {
  ConfigField field{.key = std::move(key),
                    .kind = FieldKind::whole_numbers,
                    .help = std::move(help),
                    .range = range};
  field.get = [access](const ExperimentConfig& c) {
    return ConfigValue(std::vector<std::int64_t>(access(c).begin(), access(c).end()));
  };
  field.set = [access](ExperimentConfig& c, const ConfigValue& v) {
    const auto& numbers = std::get<std::vector<std::int64_t>>(v);
    access(c).assign(numbers.begin(), numbers.end());
  };
  return field;
}

template <class E>
std::vector<std::string> names_of() {
  const auto names = option_names<E>();
  return {names.begin(), names.end()};
}

template <class Access>
using ValueOf =
    std::remove_cvref_t<decltype(std::declval<Access>()(std::declval<ExperimentConfig&>()))>;

// The value of an enumeration, by its name.
template <class Access>
ConfigField choice(std::string key, Access access, std::string help) {
  using E = ValueOf<Access>;
  ConfigField field{.key = std::move(key),
                    .kind = FieldKind::choice,
                    .help = std::move(help),
                    .choices = names_of<E>()};
  field.get = [access](const ExperimentConfig& c) {
    return ConfigValue(std::string(option_name(access(c))));
  };
  field.set = [access](ExperimentConfig& c, const ConfigValue& v) {
    access(c) = option_of_name<E>(std::get<std::string>(v)).value();
  };
  return field;
}

template <class Access>
ConfigField choices(std::string key, Access access, std::string help) {
  using E = typename ValueOf<Access>::value_type;
  ConfigField field{.key = std::move(key),
                    .kind = FieldKind::choices,
                    .help = std::move(help),
                    .choices = names_of<E>()};
  field.get = [access](const ExperimentConfig& c) {
    std::vector<std::string> names;
    for (const E value : access(c)) names.emplace_back(option_name(value));
    return ConfigValue(names);
  };
  field.set = [access](ExperimentConfig& c, const ConfigValue& v) {
    access(c).clear();
    for (const std::string& name : std::get<std::vector<std::string>>(v)) {
      access(c).push_back(option_of_name<E>(name).value());
    }
  };
  return field;
}

ConfigField required(ConfigField field) {
  field.required = true;
  return field;
}

std::vector<ConfigField> general_fields() {
  return {
      text(
          "name", [](auto& c) -> auto& { return c.name; }, "a name for the run, kept in run.json"),
      // Doubles hold whole numbers to 2^53; the next one up would not be exact in a JSON file.
      whole_number(
          "seed", [](auto& c) -> auto& { return c.seed; },
          {.smallest = 0, .largest = 9007199254740991.0}, "where every random number starts from"),
      whole_number(
          "n_seed", [](auto& c) -> auto& { return c.n_seed; }, {.smallest = 1, .largest = 1000},
          "trainings, with the seeds seed, seed + 1, ...; tables show their spread"),
      required(text(
          "model.path", [](auto& c) -> auto& { return c.model.path; },
          "a name that `gnomon model list` shows, a folder with config.json and *.safetensors, a "
          ".gguf "
          "file, or ORG/NAME or ORG/NAME@REV in the Hugging Face cache")),
      required(texts(
          "target.units", [](auto& c) -> auto& { return c.target.units; },
          "sites of the numbers to report, such as "
          "\"blocks.8.mlp.hook_post[481]@last\"; `gnomon help sites`")),
      choice(
          "target.mode", [](auto& c) -> auto& { return c.train.target_mode; },
          "snapshot: the activation of the base model, measured once; live: that of the model "
          "being trained"),
  };
}

std::vector<ConfigField> data_fields() {
  return {
      required(texts(
          "data.texts", [](auto& c) -> auto& { return c.data.texts; },
          "files of texts: one a line, or .csv or .jsonl with a field \"text\"; or "
          "\"builtin:scenes\", with a count \"builtin:scenes:1000\"")),
      boolean(
          "data.sentences", [](auto& c) -> auto& { return c.data.sentences; },
          "cut every text into sentences"),
      whole_number(
          "data.balance", [](auto& c) -> auto& { return c.data.balance; },
          {.smallest = 0, .largest = 10000},
          "bins of the activation that keep equally many rows each; 0 keeps all rows"),
      number(
          "data.near_duplicate", [](auto& c) -> auto& { return c.data.near_duplicate; },
          kAnyFraction,
          "similarity (Jaccard, of word triples) from which two texts belong to one group; 0 "
          "does not look for near duplicates"),
      number(
          "data.split.train", [](auto& c) -> auto& { return c.data.split.train; },
          {.smallest = 0, .largest = 1, .above = true, .below = true},
          "fraction of the rows that is trained on; whole text groups are dealt out"),
      number(
          "data.split.val", [](auto& c) -> auto& { return c.data.split.val; },
          {.smallest = 0, .largest = 1, .above = true, .below = true},
          "fraction for early stopping and the choice of the checkpoint"),
      number(
          "data.split.test", [](auto& c) -> auto& { return c.data.split.test; },
          {.smallest = 0, .largest = 1, .above = true, .below = true},
          "fraction that is only scored"),
  };
}

std::vector<ConfigField> train_fields() {
  return {
      text(
          "train.feature_site", [](auto& c) -> auto& { return c.feature_site; },
          "where the head reads, with a position; empty is the last block's hook_resid_post@last"),
      whole_number(
          "train.epochs", [](auto& c) -> auto& { return c.train.epochs; }, whole_from(1),
          "passes over the training rows at most"),
      whole_number(
          "train.batch_rows", [](auto& c) -> auto& { return c.train.batch_rows; }, whole_from(1),
          "rows of one update"),
      whole_number(
          "train.accumulate", [](auto& c) -> auto& { return c.train.accumulate; }, whole_from(1),
          "parts a batch is cut into, to bound memory; the update is the same"),
      boolean(
          "train.recompute", [](auto& c) -> auto& { return c.train.recompute; },
          "store block inputs only and run each block again on the way back: less memory, more "
          "time"),
      number(
          "train.clip_norm", [](auto& c) -> auto& { return c.train.clip_norm; }, kFromZero,
          "largest global norm of the gradient; 0 does not clip"),
      number(
          "train.lm_weight", [](auto& c) -> auto& { return c.train.lm_weight; }, kFromZero,
          "weight of the language-model loss on the same texts"),
      number(
          "train.live_weight", [](auto& c) -> auto& { return c.train.live_weight; }, kFromZero,
          "weight of (live activation - snapshot)^2, in units of the training variance"),
      whole_number(
          "train.monitor_every", [](auto& c) -> auto& { return c.train.monitor_every; },
          whole_from(0),
          "epochs between looks at the live activation; 0 looks at the start and the end"),
      boolean(
          "train.tensorboard", [](auto& c) -> auto& { return c.tensorboard; },
          "also write TensorBoard event files"),
  };
}

std::vector<ConfigField> reporter_fields() {
  return {
      choice(
          "train.reporter.kind", [](auto& c) -> auto& { return c.train.reporter.kind; },
          "regression: a number; classification: one of n_bin bins; digit: the model's own "
          "tokens 0 to 9; on_off: its tokens on and off"),
      whole_numbers(
          "train.reporter.hidden", [](auto& c) -> auto& { return c.train.reporter.hidden; },
          {.smallest = 1, .largest = 1e6},
          "widths of hidden layers of a regression or classification head"),
      whole_number(
          "train.reporter.n_bin", [](auto& c) -> auto& { return c.train.reporter.n_bin; },
          {.smallest = 2, .largest = 10000},
          "bins of a classification head; a digit reporter has 10"),
      choice(
          "train.reporter.binning", [](auto& c) -> auto& { return c.train.reporter.binning; },
          "equal_width: bins of the same width over the training range; equal_count: with as "
          "many training rows"),
      choice(
          "train.reporter.token_loss", [](auto& c) -> auto& { return c.train.reporter.token_loss; },
          "the classes of a token reporter's softmax: every token, or those of the answer"),
      choice(
          "train.reporter.head", [](auto& c) -> auto& { return c.train.reporter.head; },
          "whether the head is trained, stays at its random start, or stands at the ridge "
          "solution of the training rows"),
  };
}

std::vector<ConfigField> trained_fields() {
  return {
      choice(
          "train.trained.part", [](auto& c) -> auto& { return c.train.trained.part; },
          "which parameters of the model are trained: none is the head only; after_target, the "
          "blocks after the target's; from_layer, the blocks from from_layer on; selected, by "
          "components and name_patterns; lora, low-rank changes of the matrices that "
          "name_patterns choose"),
      whole_number(
          "train.trained.from_layer", [](auto& c) -> auto& { return c.train.trained.from_layer; },
          {.smallest = 0, .largest = 1e6}, "the first trained block, for from_layer"),
      choices(
          "train.trained.components", [](auto& c) -> auto& { return c.train.trained.components; },
          "kinds of parameters, for selected"),
      texts(
          "train.trained.name_patterns",
          [](auto& c) -> auto& { return c.train.trained.name_patterns; },
          "parts of parameter names, * for any characters, such as \"h.*.attn.c_attn\"; for "
          "selected and lora"),
      whole_number(
          "train.trained.lora_rank", [](auto& c) -> auto& { return c.train.trained.lora_rank; },
          {.smallest = 1, .largest = 1e6}, "rank of a low-rank change"),
      number(
          "train.trained.lora_alpha", [](auto& c) -> auto& { return c.train.trained.lora_alpha; },
          kAboveZero, "a low-rank change counts alpha / rank times"),
  };
}

std::vector<ConfigField> optimizer_fields() {
  return {
      choice(
          "train.optimizer.kind", [](auto& c) -> auto& { return c.train.optimizer.kind; },
          "the rule of an update"),
      number(
          "train.optimizer.learning_rate",
          [](auto& c) -> auto& { return c.train.optimizer.learning_rate; }, kAboveZero,
          "the largest learning rate of the schedule"),
      number(
          "train.optimizer.beta1", [](auto& c) -> auto& { return c.train.optimizer.beta1; },
          {.smallest = 0, .largest = 1, .below = true}, "decay of AdamW's mean of gradients"),
      number(
          "train.optimizer.beta2", [](auto& c) -> auto& { return c.train.optimizer.beta2; },
          {.smallest = 0, .largest = 1, .below = true},
          "decay of AdamW's mean of squared gradients"),
      number(
          "train.optimizer.epsilon", [](auto& c) -> auto& { return c.train.optimizer.epsilon; },
          kAboveZero, "what AdamW adds to the root of that mean"),
      number(
          "train.optimizer.weight_decay",
          [](auto& c) -> auto& { return c.train.optimizer.weight_decay; }, kFromZero,
          "decoupled; of matrices, never of biases and norms"),
      number(
          "train.optimizer.momentum", [](auto& c) -> auto& { return c.train.optimizer.momentum; },
          {.smallest = 0, .largest = 1, .below = true}, "of sgd"),
      choice(
          "train.schedule.kind", [](auto& c) -> auto& { return c.train.schedule.kind; },
          "how the learning rate falls after the warm-up"),
      whole_number(
          "train.schedule.warmup_steps",
          [](auto& c) -> auto& { return c.train.schedule.warmup_steps; }, whole_from(0),
          "updates in which the learning rate grows linearly"),
      number(
          "train.schedule.final_fraction",
          [](auto& c) -> auto& { return c.train.schedule.final_fraction; }, kAnyFraction,
          "of learning_rate, at the last update"),
      named(
          "train.early_stopping.metric",
          [](auto& c) -> auto& { return c.train.early_stopping.metric; },
          {"val_loss", "val_r2", "val_r"}, "what chooses the best checkpoint"),
      whole_number(
          "train.early_stopping.patience",
          [](auto& c) -> auto& { return c.train.early_stopping.patience; }, whole_from(0),
          "epochs without a better value after which training stops; 0 never stops early"),
      whole_number(
          "evaluate.bootstrap", [](auto& c) -> auto& { return c.evaluate.bootstrap; },
          {.smallest = 100, .largest = 1e7}, "resamples of text groups for intervals"),
      number(
          "evaluate.level", [](auto& c) -> auto& { return c.evaluate.level; },
          {.smallest = 0.5, .largest = 1, .below = true}, "confidence level of intervals"),
  };
}

std::vector<ConfigField> all_fields() {
  std::vector<ConfigField> all;
  for (auto part : {general_fields, data_fields, train_fields, reporter_fields, trained_fields,
                    optimizer_fields}) {
    for (ConfigField& field : part()) all.push_back(std::move(field));
  }
  return all;
}

std::string range_text(const FieldRange& range) {
  const auto plain = [](double bound) { return fmt::format("{:.16g}", bound); };
  std::string text;
  if (std::isfinite(range.smallest)) {
    text += fmt::format(" {} {}", range.above ? "above" : "from", plain(range.smallest));
  }
  if (std::isfinite(range.largest)) {
    text += fmt::format(" {} {}", range.below ? "below" : "to", plain(range.largest));
  }
  return text;
}

bool in_range(double value, const FieldRange& range) {
  return std::isfinite(value) && value >= range.smallest && value <= range.largest &&
         !(range.above && value == range.smallest) && !(range.below && value == range.largest);
}

// "20 (a whole number)", "a list"
std::string found_text(const Json& value) {
  constexpr std::size_t kLongest = 60;
  if (value.is_string()) return quote(value.get<std::string>(), kLongest) + ", a text";
  if (value.is_boolean()) return value.get<bool>() ? "true" : "false";
  if (value.is_number_integer()) return value.dump() + ", a whole number";
  if (value.is_number()) return fmt::format("{}, a number", value.get<double>());
  if (value.is_array()) return value.empty() ? "an empty list" : "a list";
  return value.is_object() ? "a table" : "null";
}

ArgumentError wrong_value(const ConfigField& field, const GivenValue& given,
                          const std::string& found) {
  return ArgumentError(fmt::format("{}: {} is {}, expected {}", given.place, field.key, found,
                                   expected_value(field)));
}

// Control characters in a text would end up in tables, names of files and terminals.
std::string plain_text(const ConfigField& field, const GivenValue& given, const Json& value) {
  std::string text = value.get<std::string>();
  const bool controls = std::any_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
  });
  if (controls) throw wrong_value(field, given, quote(text, 60) + " with a control character");
  return text;
}

std::string chosen_text(const ConfigField& field, const GivenValue& given, const Json& value) {
  std::string name = value.get<std::string>();
  if (std::find(field.choices.begin(), field.choices.end(), name) != field.choices.end()) {
    return name;
  }
  std::string message = fmt::format("{}: {} is {}, expected {}", given.place, field.key,
                                    quote(name, 60), expected_value(field));
  if (const auto nearest = nearest_name(name, field.choices)) {
    message += fmt::format("; did you mean \"{}\"?", *nearest);
  }
  throw ArgumentError(message);
}

std::int64_t whole_value(const ConfigField& field, const GivenValue& given, const Json& value) {
  const bool whole = value.is_number_integer();
  const bool huge = value.is_number_unsigned() &&
                    value.get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max();
  if (!whole || huge || !in_range(static_cast<double>(value.get<std::int64_t>()), field.range)) {
    throw wrong_value(field, given, found_text(value));
  }
  return value.get<std::int64_t>();
}

template <class T, class Convert>
std::vector<T> list_value(const ConfigField& field, const GivenValue& given, const Json& list,
                          Convert convert) {
  std::vector<T> values;
  for (const Json& item : list) values.push_back(convert(field, given, item));
  return values;
}

}  // namespace

std::span<const ConfigField> experiment_fields() {
  static const std::vector<ConfigField> fields = all_fields();
  return fields;
}

std::string expected_value(const ConfigField& field) {
  switch (field.kind) {
    case FieldKind::boolean:
      return "true or false";
    case FieldKind::whole_number:
      return "a whole number" + range_text(field.range);
    case FieldKind::number:
      return "a finite number" + range_text(field.range);
    case FieldKind::text:
      return "a text";
    case FieldKind::choice:
      return fmt::format("one of {}", fmt::join(field.choices, ", "));
    case FieldKind::texts:
      return "a list of texts";
    case FieldKind::choices:
      return fmt::format("a list of {}", fmt::join(field.choices, ", "));
    case FieldKind::whole_numbers:
      return "a list of whole numbers" + range_text(field.range);
  }
  throw InternalError("expected_value: unknown kind");
}

ConfigValue field_value(const ConfigField& field, const GivenValue& given) {
  Json value = given.value;
  const bool is_text = field.kind == FieldKind::text || field.kind == FieldKind::choice;
  const bool is_text_list = field.kind == FieldKind::texts || field.kind == FieldKind::choices;
  // --set name=2026 means the text, and --set data.texts=news.txt a list of one.
  if (!given.literal.empty() && is_text && !value.is_string()) value = given.literal;
  if (given.origin == "--set" && is_text_list && value.is_string()) value = Json::array({value});
  const bool is_list = is_text_list || field.kind == FieldKind::whole_numbers;
  if (is_list != value.is_array()) throw wrong_value(field, given, found_text(value));
  for (const Json& item : is_list ? value : Json::array({value})) {
    const bool fits = field.kind == FieldKind::boolean ? item.is_boolean()
                      : is_text || is_text_list        ? item.is_string()
                                                       : item.is_number();
    if (fits) continue;
    throw wrong_value(field, given, (is_list ? "a list with " : "") + found_text(item));
  }
  switch (field.kind) {
    case FieldKind::boolean:
      return value.get<bool>();
    case FieldKind::whole_number:
      return whole_value(field, given, value);
    case FieldKind::number:
      if (!in_range(value.get<double>(), field.range)) {
        throw wrong_value(field, given, found_text(value));
      }
      return value.get<double>();
    case FieldKind::text:
      return plain_text(field, given, value);
    case FieldKind::choice:
      return chosen_text(field, given, value);
    case FieldKind::texts:
      return list_value<std::string>(field, given, value, plain_text);
    case FieldKind::choices:
      return list_value<std::string>(field, given, value, chosen_text);
    case FieldKind::whole_numbers:
      return list_value<std::int64_t>(field, given, value, whole_value);
  }
  throw InternalError("field_value: unknown kind");
}

std::string default_config_toml() {
  constexpr int kWidth = kTextWidth - 2;
  const ExperimentConfig defaults;
  std::string text = fmt::format("schema = {}\n", kExperimentSchema);
  std::string table;
  for (const ConfigField& field : experiment_fields()) {
    const std::size_t dot = field.key.rfind('.');
    const std::string own_table = dot == std::string::npos ? "" : field.key.substr(0, dot);
    text += "\n";
    if (own_table != table) text += fmt::format("[{}]\n\n", own_table);
    table = own_table;
    const std::string note = field.required ? " Required." : "";
    for (const std::string& line :
         wrapped_lines(fmt::format("{}. {}.{}", field.help, expected_value(field), note), kWidth)) {
      text += "# " + line + "\n";
    }
    text +=
        fmt::format("{} = {}\n", field.key.substr(dot + 1), config_value_text(field.get(defaults)));
  }
  return text;
}

namespace {

Json number_schema(const char* type, const FieldRange& range) {
  Json schema = {{"type", type}};
  const auto bound = [&](double value, const char* name) {
    if (!std::isfinite(value)) return;
    if (value == std::floor(value)) {
      schema[name] = static_cast<std::int64_t>(value);
    } else {
      schema[name] = value;
    }
  };
  bound(range.smallest, range.above ? "exclusiveMinimum" : "minimum");
  bound(range.largest, range.below ? "exclusiveMaximum" : "maximum");
  return schema;
}

Json value_schema(const ConfigField& field) {
  switch (field.kind) {
    case FieldKind::boolean:
      return {{"type", "boolean"}};
    case FieldKind::whole_number:
      return number_schema("integer", field.range);
    case FieldKind::number:
      return number_schema("number", field.range);
    case FieldKind::text:
      return {{"type", "string"}};
    case FieldKind::choice:
      return {{"enum", field.choices}};
    case FieldKind::texts:
      return {{"type", "array"}, {"items", {{"type", "string"}}}};
    case FieldKind::choices:
      return {{"type", "array"}, {"items", {{"enum", field.choices}}}};
    case FieldKind::whole_numbers:
      return {{"type", "array"}, {"items", number_schema("integer", field.range)}};
  }
  throw InternalError("value_schema: unknown kind");
}

}  // namespace

Json experiment_schema() {
  const ExperimentConfig defaults;
  const auto table = [] {
    return Json{
        {"type", "object"}, {"additionalProperties", false}, {"properties", Json::object()}};
  };
  Json schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                 {"$id", "urn:gnomon:schema:experiment:1"},
                 {"title", "the configuration of an experiment"}};
  schema.update(table());
  schema["properties"]["schema"] = {{"const", kExperimentSchema}};
  for (const ConfigField& field : experiment_fields()) {
    Json* place = &schema;
    std::string_view rest = field.key;
    for (std::size_t dot = rest.find('.'); dot != std::string_view::npos; dot = rest.find('.')) {
      Json& properties = (*place)["properties"];
      const std::string name(rest.substr(0, dot));
      if (!properties.contains(name)) properties[name] = table();
      place = &properties[name];
      rest.remove_prefix(dot + 1);
    }
    Json value = value_schema(field);
    value["description"] = field.help;
    value["default"] = std::visit([](const auto& v) { return Json(v); }, field.get(defaults));
    (*place)["properties"][std::string(rest)] = std::move(value);
  }
  return schema;
}

}  // namespace gnomon::cli
