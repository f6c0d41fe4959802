// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/data_set_files.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <system_error>
#include <utility>

#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/base/quote.h"
#include "gnomon/model/model_config_json.h"
#include "gnomon/report/data_set_text.h"
#include "gnomon/report/detail/tensor_columns.h"
#include "gnomon/report/study_files.h"

namespace gnomon {
namespace {

namespace fs = std::filesystem;

constexpr const char* kManifest = "dataset.json";
constexpr const char* kPrompts = "prompts.jsonl";
constexpr const char* kActivations = "activations.safetensors";
constexpr const char* kCard = "DATA_CARD.md";
constexpr std::array kContentFiles = {kPrompts, kActivations, kCard};
constexpr std::string_view kSchema = "urn:gnomon:schema:data_set:";
constexpr int kFormat = 1;

// Everything but its own hash and what wrote it.
std::string content_sha256(Json json) {
  json.erase("sha256");
  json.erase("tool");
  return sha256_hex(dump_json(json));
}

void write_activations_file(const fs::path& path, const DataSet& data) {
  detail::TensorWriter writer;
  std::vector<Index> group;
  std::vector<Index> part;
  for (Index r = 0; r < data.n_row(); ++r) {
    group.push_back(data.group(r));
    part.push_back(static_cast<Index>(data.part(r)));
  }
  Json targets = Json::array();
  for (Index k = 0; k < data.n_target(); ++k) targets.push_back(data.target_name(k));
  writer.add("activation", data.activation);
  writer.add("text", data.text);
  writer.add("position", data.position);
  writer.add("group", group);
  writer.add("part", part);
  writer.write(path, {{"targets", targets.dump()},
                      {"precision", std::string(precision_name(data.precision))},
                      {"model_sha256", data.model_sha256},
                      {"model_config", model_config_json(data.config)}});
}

// Writes the folder's files and returns dataset.json's content.
Json write_files(const fs::path& folder, const DataSet& data, const DataSetLeakage& leakage,
                 const Json& tool) {
  write_file_atomic(folder / kPrompts, prompts_jsonl(data.texts));
  write_activations_file(folder / kActivations, data);
  write_file_atomic(folder / kCard, data_set_card(data, leakage));
  Json json = data_set_json(data, leakage);
  json["files"] = Json::object();
  for (const char* name : kContentFiles) {
    json["files"][name] = {{"sha256", sha256_file(folder / name)},
                           {"bytes", fs::file_size(folder / name)}};
  }
  json["sha256"] = content_sha256(json);
  json["tool"] = tool;
  write_file_atomic(folder / kManifest, dump_json(json));
  return json;
}

// A folder beside `folder`, removed unless it was renamed.
class PartialFolder {
 public:
  explicit PartialFolder(const fs::path& folder) {
    const fs::path absolute = fs::absolute(folder).lexically_normal();
    const fs::path whole = absolute.has_filename() ? absolute : absolute.parent_path();
    path_ =
        whole.parent_path() / fmt::format(".{}.{}.partial", whole.filename().string(), ::getpid());
    std::error_code error;
    fs::create_directories(path_.parent_path(), error);
    fs::remove_all(path_, error);  // of a process of the same number that was killed
    if (!fs::create_directory(path_, error)) {
      throw FileError(ErrorCode::write_failed,
                      fmt::format("\"{}\" cannot be made: {}", path_.string(), error.message()));
    }
  }
  ~PartialFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  PartialFolder(const PartialFolder&) = delete;
  PartialFolder& operator=(const PartialFolder&) = delete;

  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

[[noreturn]] void throw_occupied(const fs::path& folder, std::string_view what) {
  throw ArgumentError(
      fmt::format("\"{}\" {}, expected nothing, an empty folder or the same data set",
                  folder.string(), what),
      "choose another --out, or move it away");
}

bool is_vacant(const fs::path& folder) {
  if (!fs::exists(fs::symlink_status(folder))) return true;
  return fs::is_directory(folder) && fs::is_empty(folder);
}

Json read_manifest(const fs::path& folder) {
  const fs::path path = folder / kManifest;
  if (!fs::exists(path)) {
    throw FileError(ErrorCode::not_found,
                    fmt::format("\"{}\" is no data set: it has no {}", folder.string(), kManifest),
                    "gnomon data makes one");
  }
  Json json = read_json_file(path);
  const std::string schema =
      json.is_object() && json.contains("$schema") && json["$schema"].is_string()
          ? json["$schema"].get<std::string>()
          : "";
  if (!schema.starts_with(kSchema) || !json.contains("format") ||
      !json["format"].is_number_integer()) {
    throw FileError(fmt::format("\"{}\" is not of a data set: its \"$schema\" is {}", path.string(),
                                quote(schema)));
  }
  if (json["format"].get<int>() > kFormat) {
    throw Error(ErrorCode::incompatible,
                fmt::format("\"{}\" has format {}, this version reads up to {}", path.string(),
                            json["format"].get<int>(), kFormat),
                "use the version that wrote it, or make the data set again");
  }
  if (!json.contains("sha256") || json["sha256"] != content_sha256(json)) {
    throw FileError(
        fmt::format("\"{}\" was changed after it was written: its content does not have "
                    "the SHA-256 that it names",
                    path.string()),
        "make the data set again with gnomon data");
  }
  return json;
}

void check_files(const fs::path& folder, const Json& manifest) {
  for (const char* name : kContentFiles) {
    const fs::path path = folder / name;
    const std::string expected = manifest.at("files").at(name).at("sha256").get<std::string>();
    const std::string found = sha256_file(path);
    if (found == expected) continue;
    throw FileError(fmt::format("\"{}\" was changed after it was written: its SHA-256 is {}, "
                                "expected {}",
                                path.string(), found, expected),
                    "make the data set again with gnomon data");
  }
}

GroupRule rule_of(const std::string& name) {
  for (const GroupRule rule : kAllGroupRules) {
    if (group_rule_name(rule) == name) return rule;
  }
  throw FileError(fmt::format("{}: unknown group rule {}", kManifest, quote(name)));
}

Part part_of(const std::string& name) {
  for (const Part part : kAllParts) {
    if (part_name(part) == name) return part;
  }
  throw FileError(fmt::format("{}: unknown split {}", kPrompts, quote(name)));
}

void read_prompts(const fs::path& path, DataSet& data) {
  const std::string content = read_text_file(path);
  StudyTexts& texts = data.texts;
  for (std::size_t begin = 0; begin < content.size();) {
    const std::size_t end = std::min(content.find('\n', begin), content.size());
    const Json json =
        parse_json(std::string_view(content).substr(begin, end - begin), path.string());
    const auto word = [&](const char* key) {
      return json.contains(key) ? json.at(key).get<std::string>() : std::string();
    };
    texts.records.push_back({.text = json.at("text").get<std::string>(),
                             .source = json.at("source").get<std::string>(),
                             .line = 0,
                             .template_id = word("template"),
                             .group = word("declared_group")});
    texts.ids.push_back(json.at("token_ids").get<std::vector<TokenId>>());
    texts.n_copies.push_back(json.contains("n_copies") ? json.at("n_copies").get<Index>() : 1);
    texts.groups.group_of_row.push_back(json.at("group").get<std::int64_t>());
    texts.part.push_back(part_of(json.at("split").get<std::string>()));
    begin = end + 1;
  }
  std::map<std::int64_t, std::int64_t> size_of;
  for (const std::int64_t group : texts.groups.group_of_row) {
    texts.groups.largest_group = std::max(texts.groups.largest_group, ++size_of[group]);
  }
  texts.groups.n_groups = std::ssize(size_of);
}

void read_activations_file(const fs::path& path, DataSet& data) {
  const detail::TensorReader reader(path);
  data.config = model_config_from_json(reader.metadata("model_config"), path.string());
  data.activation = reader.matrix("activation");
  data.text = reader.indices("text");
  data.position = reader.indices("position");
  const std::vector<Index> group = reader.indices("group");
  const std::vector<Index> part = reader.indices("part");
  bool fits = data.activation.matrix().rows == data.n_row() && !data.text.empty() &&
              data.position.size() == data.text.size() && group.size() == data.text.size() &&
              part.size() == data.text.size();
  for (Index r = 0; fits && r < data.n_row(); ++r) {
    const auto i = static_cast<std::size_t>(r);
    fits = data.text[i] >= 0 && data.text[i] < data.texts.n_text() && data.position[i] >= 0 &&
           data.position[i] < std::ssize(data.texts.ids[static_cast<std::size_t>(data.text[i])]) &&
           group[i] == data.group(r) && part[i] == static_cast<Index>(data.part(r));
  }
  if (!fits) throw reader.damaged(fmt::format("its rows do not fit the texts of {}", kPrompts));
}

void read_settings(const Json& json, DataSet& data) {
  data.model_name = json.at("model").at("name").get<std::string>();
  data.model_sha256 = json.at("model").at("sha256").get<std::string>();
  const auto precision = json.at("precision").get<std::string>();
  if (precision != "float32" && precision != "float64")
    throw FileError(fmt::format("{}: precision {}", kManifest, quote(precision)));
  data.precision = precision == "float32" ? Precision::float32 : Precision::float64;
  data.seed = json.at("seed").get<std::uint64_t>();
  const Json& fractions = json.at("split").at("fractions");
  data.fractions = {fractions.at(0).get<double>(), fractions.at(1).get<double>(),
                    fractions.at(2).get<double>()};
  for (const Json& source : json.at("sources")) {
    data.sources.push_back({source.at("name").get<std::string>(),
                            source.at("sha256").get<std::string>(),
                            source.at("n_records").get<Index>()});
  }
  const Json& counts = json.at("counts");
  data.counts = {counts.at("n_read").get<Index>(), counts.at("n_duplicates").get<Index>(),
                 counts.at("n_excluded").get<Index>(), counts.at("n_unused").get<Index>(),
                 counts.at("n_measured").get<Index>()};
  for (const Json& rule : json.at("groups").at("rules")) {
    data.texts.groups.rules.push_back({rule_of(rule.at("rule").get<std::string>()),
                                       rule.at("n_texts").get<Index>(),
                                       rule.at("n_joins").get<Index>()});
  }
  if (const Json& near = json.at("groups").at("near_duplicates"); !near.is_null()) {
    NearDuplicateOptions options;
    options.threshold = near.at("threshold").get<double>();
    options.unit = near.at("unit") == "words" ? ShingleUnit::words : ShingleUnit::characters;
    options.shingle_length = near.at("shingle_length").get<Index>();
    options.n_hash = near.at("n_hash").get<Index>();
    options.seed = data.seed;
    data.near = options;
  }
  if (const Json& balance = json.at("balance"); !balance.is_null()) {
    data.balance.emplace();
    data.balance->cap = balance.at("cap").get<Index>();
    for (const Json& bin : balance.at("bins")) {
      data.balance->bins.push_back({bin.at("low").get<double>(), bin.at("high").get<double>(),
                                    bin.at("n_before").get<Index>(),
                                    bin.at("n_after").get<Index>()});
    }
  }
  for (const Json& text : json.at("excluded")) {
    data.texts.excluded.push_back({text.at("record").get<Index>(),
                                   text.at("source").get<std::string>(),
                                   text.at("why").get<std::string>()});
  }
}

void read_targets(const Json& json, DataSet& data) {
  for (const Json& name : json.at("targets")) {
    data.targets.push_back(
        make_target(parse_site(name.get<std::string>(), data.config), data.config));
  }
  if (data.targets.empty() || data.n_target() != data.activation.matrix().cols)
    throw FileError(fmt::format("{}: {} targets for {} columns of activations", kManifest,
                                data.n_target(), data.activation.matrix().cols));
}

}  // namespace

WrittenDataSet write_data_set(const fs::path& folder, const DataSet& data,
                              const DataSetLeakage& leakage, const Json& tool) {
  const bool vacant = is_vacant(folder);
  if (!vacant && !fs::exists(folder / kManifest))
    throw_occupied(folder, "is there and is no data set");
  const PartialFolder partial(folder);
  const Json json = write_files(partial.path(), data, leakage, tool);
  WrittenDataSet written{folder, json["sha256"].get<std::string>(), false};
  if (!vacant) {
    const Json other = read_manifest(folder);
    if (other["sha256"] != json["sha256"]) throw_occupied(folder, "holds another data set");
    check_files(folder, other);
    written.already_there = true;
    return written;
  }
  std::error_code error;
  fs::rename(partial.path(), folder, error);
  if (error) {
    if (!is_vacant(folder)) throw_occupied(folder, "was made by another process meanwhile");
    throw FileError(ErrorCode::write_failed,
                    fmt::format("\"{}\" cannot be made: {}", folder.string(), error.message()));
  }
  return written;
}

DataSet read_data_set(const fs::path& folder) {
  DataSet data;
  const Json json = read_manifest(folder);
  try {
    check_files(folder, json);
    read_settings(json, data);
    read_prompts(folder / kPrompts, data);
    read_activations_file(folder / kActivations, data);
    read_targets(json, data);
  } catch (const Json::exception& error) {
    throw FileError(fmt::format("\"{}\" is not a data set as this version writes it: {}",
                                folder.string(), error.what()));
  }
  return data;
}

}  // namespace gnomon
