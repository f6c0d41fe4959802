// SPDX-License-Identifier: Apache-2.0
#include "cli/experiment_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <iterator>

#include "cli/experiment_fields.h"
#include "gnomon/base/error.h"
#include "report/hostile_text.h"
#include "run_command.h"
#include "support/temporary_folder.h"

namespace gnomon::cli {
namespace {

using test::run_gnomon;
using test::TemporaryFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

ResolvedExperiment resolve(std::string_view toml, std::vector<std::string> set = {}) {
  const TemporaryFolder folder;
  return resolve_experiment({.file = folder.write("study.toml", toml), .set = std::move(set)});
}

std::string message_of(const std::function<void()>& action, ErrorCode code = ErrorCode::usage) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

// The message without the folder of the file.
std::string complaint(std::string_view toml, std::vector<std::string> set = {}) {
  const std::string message = message_of([&] { resolve(toml, std::move(set)); });
  const std::size_t name = message.find("study.toml");
  return name == std::string::npos ? message : message.substr(name);
}

std::string origin_of(const ResolvedExperiment& resolved, const std::string& key) {
  for (const ConfigEntry& entry : resolved.entries) {
    if (entry.key == key) return entry.origin;
  }
  return "no entry";
}

TEST(ExperimentConfig, DefaultsAreThoseOfTheStruct) {
  const ResolvedExperiment resolved = resolve_experiment({});
  const ExperimentConfig defaults;
  EXPECT_EQ(resolved.entries.size(), experiment_fields().size());
  for (const ConfigField& field : experiment_fields()) {
    EXPECT_EQ(field.get(resolved.config), field.get(defaults)) << field.key;
    EXPECT_EQ(origin_of(resolved, field.key), "default");
  }
  EXPECT_EQ(resolved.config.train.epochs, TrainOptions{}.epochs);
}

TEST(ExperimentConfig, ReadsEveryKindOfValue) {
  const auto resolved = resolve(R"(
schema = 1
seed = 3
n_seed = 2
[model]
path = "m"
[target]
units = ["blocks.1.mlp.hook_post[5]@last"]
mode = "live"
[data]
split = { train = 0.5, val = 0.25, test = 0.25 }
sentences = true
[train]
epochs = 7
clip_norm = 2
reporter.hidden = [64, 32]
trained = { part = "selected", components = ["mlp", "norms"] }
[train.optimizer]
learning_rate = 5e-4
)");
  const ExperimentConfig& c = resolved.config;
  EXPECT_THAT(c.seeds(), ElementsAre(3, 4));
  EXPECT_EQ(c.train.seed, 3U);
  EXPECT_EQ(c.model.path, "m");
  EXPECT_THAT(c.target.units, ElementsAre("blocks.1.mlp.hook_post[5]@last"));
  EXPECT_EQ(c.train.target_mode, TargetMode::live);
  EXPECT_EQ(c.data.split.val, 0.25);
  EXPECT_TRUE(c.data.sentences);
  EXPECT_EQ(c.train.epochs, 7);
  EXPECT_EQ(c.train.clip_norm, 2.0);
  EXPECT_THAT(c.train.reporter.hidden, ElementsAre(64, 32));
  EXPECT_EQ(c.train.trained.part, TrainedPart::selected);
  EXPECT_THAT(c.train.trained.components, ElementsAre(Component::mlp, Component::norms));
  EXPECT_EQ(c.train.optimizer.learning_rate, 5e-4);
  EXPECT_EQ(origin_of(resolved, "train.epochs"), "study.toml");
  EXPECT_THAT(resolved.places.at("train.epochs"), HasSubstr("study.toml:14"));
}

TEST(ExperimentConfig, JsonMeansTheSame) {
  const TemporaryFolder folder;
  const auto file = folder.write("study.json", R"({"schema": 1, "seed": 3,
    "train": {"epochs": 7, "trained": {"part": "all"}},
    "train.reporter.hidden": [64]})");
  const auto resolved = resolve_experiment({.file = file});
  EXPECT_EQ(resolved.config.train.epochs, 7);
  EXPECT_EQ(resolved.config.train.trained.part, TrainedPart::all);
  EXPECT_THAT(resolved.config.train.reporter.hidden, ElementsAre(64));
  EXPECT_THAT(resolved.places.at("train.epochs"), HasSubstr("study.json:2"));
}

TEST(ExperimentConfig, SetGoesBeforeTheFileAndTheFileBeforeDefaults) {
  const auto resolved =
      resolve("seed = 1\nname = \"file\"\n", {"seed=2", "name=from the line", "seed=9"});
  EXPECT_EQ(resolved.config.seed, 9U);
  EXPECT_EQ(resolved.config.name, "from the line");
  EXPECT_EQ(origin_of(resolved, "seed"), "--set");
  EXPECT_EQ(origin_of(resolved, "n_seed"), "default");
  const auto flag = resolve_experiment(
      {.set = {"seed=9"}, .options = {{"seed", Json(4), "--seed", "--seed", ""}}});
  EXPECT_EQ(flag.config.seed, 4U);
}

TEST(ExperimentConfig, SetTakesTomlAndBareWords) {
  const auto c =
      resolve_experiment(
          {.set = {"train.trained.part=lora", "train.trained.name_patterns=h.*.attn.c_attn",
                   "data.texts=[\"a.txt\", 'b.txt']", "name=2026", "train.reporter.hidden=[8]",
                   "train.recompute=true", "train.clip_norm=5", "model.path=a=b"}})
          .config;
  EXPECT_EQ(c.train.trained.part, TrainedPart::lora);
  EXPECT_THAT(c.train.trained.name_patterns, ElementsAre("h.*.attn.c_attn"));
  EXPECT_THAT(c.data.texts, ElementsAre("a.txt", "b.txt"));
  EXPECT_EQ(c.name, "2026");
  EXPECT_THAT(c.train.reporter.hidden, ElementsAre(8));
  EXPECT_TRUE(c.train.recompute);
  EXPECT_EQ(c.model.path, "a=b");
  for (const char* wrong : {"seed", "=3", "seed=", "seed=1\nname=\"x\"", "seed=1.5"}) {
    message_of([&] { resolve_experiment({.set = {wrong}}); });
  }
}

TEST(ExperimentConfig, NamesUnknownKeysWithPlaceAndNearestName) {
  EXPECT_EQ(complaint("[train]\nepoch = 3\n"),
            "study.toml:2: no setting \"train.epoch\"; did you mean \"train.epochs\"?");
  // The right name in the wrong table.
  EXPECT_EQ(complaint("learning_rate = 1e-3\n"),
            "study.toml:1: no setting \"learning_rate\"; did you mean "
            "\"train.optimizer.learning_rate\"?");
  EXPECT_EQ(complaint("[zebra]\nx = 1\n"), "study.toml:2: no setting \"zebra.x\"");
  EXPECT_EQ(complaint("[zebra]\n"), "study.toml:1: no setting \"zebra\"");
  EXPECT_EQ(complaint("[train]\n[data]\ntrain = 1\n"),
            "study.toml:3: no setting \"data.train\"; did you mean \"data.split.train\"?");
  EXPECT_EQ(complaint("train = 3\n"),
            "study.toml:1: \"train\" is a value, expected a table of settings");
  EXPECT_EQ(complaint("", {"train.epcohs=3"}),
            "--set: no setting \"train.epcohs\"; did you mean \"train.epochs\"?");
}

TEST(ExperimentConfig, NamesUnknownChoices) {
  EXPECT_EQ(complaint("[train.trained]\npart = \"after_targets\"\n"),
            "study.toml:2: train.trained.part is \"after_targets\", expected one of none, all, "
            "after_target, from_layer, selected, lora; did you mean \"after_target\"?");
  EXPECT_EQ(complaint("[train.trained]\ncomponents = [\"mpl\"]\n"),
            "study.toml:2: train.trained.components is \"mpl\", expected a list of attention, mlp, "
            "embeddings, norms; did you mean \"mlp\"?");
}

TEST(ExperimentConfig, SaysWhatTypeWasFoundAndExpected) {
  EXPECT_EQ(complaint("[train]\nepochs = \"many\"\n"),
            "study.toml:2: train.epochs is \"many\", a text, expected a whole number from 1 to "
            "1000000000");
  EXPECT_EQ(complaint("[train]\nepochs = 2.5\n"),
            "study.toml:2: train.epochs is 2.5, a number, expected a whole number from 1 to "
            "1000000000");
  EXPECT_EQ(complaint("name = 3\n"), "study.toml:1: name is 3, a whole number, expected a text");
  EXPECT_EQ(complaint("data.texts = \"a\"\n"),
            "study.toml:1: data.texts is \"a\", a text, expected a list of texts");
  EXPECT_EQ(complaint("data.texts = [1]\n"),
            "study.toml:1: data.texts is a list with 1, a whole number, expected a list of texts");
  EXPECT_EQ(complaint("data.texts = [{a = 1}]\n"),
            "study.toml:1: data.texts is a list with a table, expected a list of texts");
  EXPECT_EQ(complaint("train.epochs = { a = 1 }\n"),
            "study.toml:1: no setting \"train.epochs.a\"; did you mean \"train.epochs\"?");
  EXPECT_EQ(complaint("name = 2026-01-01\n"),
            "study.toml:1: \"name\" is a date or time, which no setting is");
  EXPECT_EQ(complaint("name = \"a\\u001b[31m\"\n"),
            "study.toml:1: name is \"a\\x1b[31m\" with a control character, expected a text");
}

TEST(ExperimentConfig, ChecksRanges) {
  for (const char* toml :
       {"train.epochs = 0", "train.epochs = 9223372036854775807", "n_seed = 0", "seed = -1",
        "train.optimizer.learning_rate = 0", "train.optimizer.learning_rate = -1e-3",
        "train.optimizer.learning_rate = nan", "train.optimizer.learning_rate = inf",
        "train.optimizer.learning_rate = -inf", "train.optimizer.beta1 = 1",
        "train.schedule.final_fraction = 1.5", "evaluate.level = 1.0", "data.split.train = 0",
        "train.trained.lora_alpha = 0", "train.reporter.hidden = [0]",
        "train.reporter.n_bin = 1"}) {
    EXPECT_THAT(complaint(std::string(toml) + "\n"), HasSubstr("study.toml:1: ")) << toml;
  }
  EXPECT_EQ(complaint("train.optimizer.learning_rate = nan\n"),
            "study.toml:1: train.optimizer.learning_rate is nan, a number, expected a finite "
            "number above 0");
  EXPECT_EQ(complaint("evaluate.level = 0.2\n"),
            "study.toml:1: evaluate.level is 0.2, a number, expected a finite number from 0.5 "
            "below 1");
}

TEST(ExperimentConfig, ChecksWhatDoesNotGoTogether) {
  EXPECT_EQ(complaint("data.split.train = 0.8\n"),
            "study.toml:1: data.split has the fractions 0.8 + 0.15 + 0.15 = 1.1, expected a sum of "
            "1");
  EXPECT_THAT(complaint("[train]\nbatch_rows = 2\naccumulate = 4\n"),
              HasSubstr("study.toml:3: train.accumulate is 4, expected at most train.batch_rows"));
  EXPECT_THAT(complaint("train.trained.part = \"lora\"\n"),
              HasSubstr("name_patterns to say which"));
  EXPECT_THAT(complaint("train.trained.part = \"selected\"\n"), HasSubstr("to say which"));
  EXPECT_THAT(complaint("train.trained.from_layer = 2\n"), HasSubstr("expected from_layer"));
  EXPECT_THAT(complaint("train.trained.components = [\"mlp\"]\n"), HasSubstr("expected selected"));
  EXPECT_THAT(complaint("train.reporter = { kind = \"digit\", hidden = [4] }\n"),
              HasSubstr("a token reporter has no head"));
  EXPECT_THAT(complaint("train.reporter = { head = \"ridge\", hidden = [4] }\n"),
              HasSubstr("the ridge solution is linear"));
  EXPECT_THAT(complaint("target.units = [\"a\", \"a\"]\n"), HasSubstr("names a site twice"));
}

TEST(ExperimentConfig, SaysWhatIsMissing) {
  ExperimentConfig config;
  EXPECT_EQ(message_of([&] { require_complete(config); }),
            "model.path is not given, expected a value");
  config.model.path = "m";
  EXPECT_THAT(message_of([&] { require_complete(config); }), HasSubstr("target.units"));
  config.target.units = {"x"};
  EXPECT_THAT(message_of([&] { require_complete(config); }), HasSubstr("data.texts"));
  config.data.texts = {"x"};
  EXPECT_NO_THROW(require_complete(config));
}

TEST(ExperimentConfig, RefusesAKeyGivenTwice) {
  EXPECT_THAT(message_of([] { resolve("seed = 1\nseed = 2\n"); }, ErrorCode::bad_file),
              HasSubstr("study.toml:2"));
  const auto json = [](const char* text) { parse_json_config(text, "a.json"); };
  EXPECT_EQ(message_of([&] { json("{\"seed\": 1,\n\"seed\": 2}"); }),
            "a.json:2: \"seed\" is given twice, expected once");
  EXPECT_EQ(message_of([&] { json("{\"train.epochs\": 1, \"train\": {\"epochs\": 2}}"); }),
            "a.json:1: \"train.epochs\" is given twice, expected once");
}

TEST(ExperimentConfig, RefusesANewerSchema) {
  EXPECT_THAT(message_of([] { resolve("schema = 2\n"); }, ErrorCode::incompatible),
              HasSubstr("schema is 2, expected at most 1"));
  message_of([] { resolve("schema = \"x\"\n"); });
  message_of([] { resolve("schema = 0\n"); });
}

TEST(ExperimentConfig, SurvivesHostileFiles) {
  const std::string deep_list = "a = " + std::string(100000, '[');
  std::string deep_key = "a";
  for (int i = 0; i < 100000; ++i) deep_key += ".a";
  const std::string deep_json = std::string(100000, '[');
  for (const std::string& text :
       std::vector<std::string>{deep_list, deep_key + " = 1", "[" + deep_key + "]", "[a\x01]",
                                std::string("a = \0 1", 7), std::string("\xC3\xA9 = 1"),
                                std::string("a = \"\xff\""), std::string("a = \"\"\""),
                                std::string("a.b.\x7f = 1"), "a = {" + std::string(5000, '{')}) {
    message_of([&] { parse_toml_config(text, "a.toml"); }, ErrorCode::bad_file);
  }
  std::string deep_object;
  for (int i = 0; i < 1000; ++i) deep_object += "{\"a\":";
  for (const std::string& text :
       {deep_json, deep_object, std::string("[1]"), std::string("3"), std::string("{"),
        std::string("{} {}"), std::string("{\"a\": NaN}"), std::string("{\"a\": 1e999}"),
        std::string("{\"a\": \"\xff\"}"), std::string()}) {
    message_of([&] { parse_json_config(text, "a.json"); }, ErrorCode::bad_file);
  }
  const TemporaryFolder folder;
  const auto huge = folder.write("huge.toml", std::string(kLargestConfigFile + 1, '#'));
  message_of([&] { resolve_experiment({.file = huge}); }, ErrorCode::bad_file);
  message_of([&] { resolve_experiment({.file = folder / "absent.toml"}); }, ErrorCode::not_found);
}

// As refused_changes, but a change may also leave a valid file or give one of our usage errors.
TEST(ExperimentConfig, SurvivesChangedBytes) {
  const std::string toml =
      "schema = 1\n[target]\nunits = [\"a\", 'b']  # é\n[train]\nreporter = { hidden = [1, 2] }\n"
      "clip_norm = 1.5e-3\n\"quoted\".key = \"\"\"x\n\"\"\"\n";
  const std::string json = R"({"a": {"b": [1, {"c": [2]}, "x"]}, "d": 1.5, "e": null, "f": {}})";
  for (const bool is_json : {false, true}) {
    const auto read = [&](std::string_view text) {
      try {
        is_json ? parse_json_config(text, "x") : parse_toml_config(text, "x");
      } catch (const ArgumentError&) {
      }
    };
    EXPECT_GT(test::refused_changes(is_json ? json : toml, read), 500);
  }
}

TEST(ExperimentConfig, TheFileOfDefaultsIsTheDefaults) {
  const auto resolved = resolve(default_config_toml());
  const ExperimentConfig defaults;
  EXPECT_EQ(resolved.places.size(), experiment_fields().size());
  for (const ConfigField& field : experiment_fields()) {
    EXPECT_EQ(field.get(resolved.config), field.get(defaults)) << field.key;
  }
}

TEST(ExperimentConfig, AResolvedConfigurationIsAConfiguration) {
  const auto first = resolve(
      "", {"train.epochs=3", "train.trained.part=from_layer", "train.trained.from_layer=2",
           "data.texts=~/a.txt", "name=\"é \\\" # x\"", "train.optimizer.learning_rate=0.1"});
  const TemporaryFolder folder;
  const auto file = folder.write("config.resolved.toml", resolved_config_toml(first.entries));
  const auto second = resolve_experiment({.file = file, .home = "/home/ana"});
  EXPECT_THAT(second.config.data.texts, ElementsAre("/home/ana/a.txt"));
  for (const ConfigField& field : experiment_fields()) {
    if (field.key == "data.texts") continue;
    EXPECT_EQ(field.get(second.config), field.get(first.config)) << field.key;
  }
}

// Settings of one table stand together, so that a file names each table once.
TEST(ExperimentFields, AreGroupedByTable) {
  std::vector<std::string> tables;
  for (const ConfigField& field : experiment_fields()) {
    const std::size_t dot = field.key.rfind('.');
    const std::string table = dot == std::string::npos ? "" : field.key.substr(0, dot);
    if (!tables.empty() && tables.back() == table) continue;
    EXPECT_EQ(std::count(tables.begin(), tables.end(), table), 0) << field.key;
    tables.push_back(table);
  }
}

TEST(ExperimentFields, SchemaDescribesEveryField) {
  const Json schema = experiment_schema();
  for (const ConfigField& field : experiment_fields()) {
    Json place = schema;
    std::string rest = field.key;
    for (std::size_t dot = rest.find('.'); dot != std::string::npos; dot = rest.find('.')) {
      place = place["properties"][rest.substr(0, dot)];
      rest.erase(0, dot + 1);
    }
    EXPECT_EQ(place["properties"][rest]["description"], field.help) << field.key;
  }
  EXPECT_EQ(schema["properties"]["train"]["properties"]["epochs"]["minimum"], 1);
}

// The table of docs/formats/configuration.md is this one.
TEST(ExperimentFields, AreDocumented) {
  std::ifstream in(GNOMON_SOURCE_DIR "/docs/formats/configuration.md");
  const std::string document{std::istreambuf_iterator<char>(in), {}};
  const ExperimentConfig defaults;
  for (const ConfigField& field : experiment_fields()) {
    const std::string value =
        field.required ? "required" : "`" + config_value_text(field.get(defaults)) + "`";
    const std::string row = "| `" + field.key + "` | " + value + " | " + expected_value(field) +
                            " | " + field.help + " |\n";
    EXPECT_NE(document.find(row), std::string::npos) << row;
  }
}

TEST(ConfigCommand, InitShowCheckSchema) {
  const TemporaryFolder folder;
  const auto init = run_gnomon({"config", "init"});
  ASSERT_EQ(init.exit_status, 0) << init.err;
  for (const std::string& line : test::lines_of(init.out)) EXPECT_LE(line.size(), 80U) << line;
  const std::string file = folder.write("study.toml", init.out).string();
  const auto missing = run_gnomon({"config", "check", "--config", file});
  EXPECT_EQ(missing.exit_status, 2);
  EXPECT_THAT(missing.err, HasSubstr("model.path is not given"));
  const auto valid = run_gnomon({"config", "check", "--config", file, "--set", "model.path=m",
                                 "--set", "target.units=[\"a\"]", "--set", "data.texts=t"});
  EXPECT_EQ(valid.exit_status, 0) << valid.err;

  const auto show = run_gnomon({"config", "show", "--set", "train.epochs=3", "--seed", "5"});
  EXPECT_THAT(show.out, HasSubstr("epochs = 3  # --set\n"));
  EXPECT_THAT(show.out, HasSubstr("seed = 5  # --seed\n"));
  EXPECT_EQ(parse_resolved_config(show.out, "x").size(), experiment_fields().size());
  const Json json = Json::parse(run_gnomon({"config", "show", "--config", file, "--json"}).out);
  EXPECT_EQ(json["settings"]["train.epochs"]["origin"], "study.toml");
  EXPECT_EQ(json["settings"]["train.epochs"]["value"], 20);

  EXPECT_EQ(Json::parse(run_gnomon({"config", "schema", "--json"}).out), experiment_schema());
  const auto schema = run_gnomon({"config", "schema"});
  EXPECT_THAT(schema.out, HasSubstr("train.trained.part\n"));
  for (const std::string& line : test::lines_of(schema.out)) EXPECT_LE(line.size(), 80U) << line;
  EXPECT_EQ(run_gnomon({"config", "show", "--set", "x=1"}).exit_status, 2);
}

}  // namespace
}  // namespace gnomon::cli
