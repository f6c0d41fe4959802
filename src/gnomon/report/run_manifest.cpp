// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/run_manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <new>

#include "gnomon/base/error.h"
#include "gnomon/report/detail/inside_path.h"

namespace gnomon {
namespace {

constexpr std::array<std::string_view, 4> kStatusNames = {"running", "done", "failed",
                                                          "interrupted"};

Json files_to_json(const std::map<std::string, FileRecord>& files) {
  Json json = Json::object();
  for (const auto& [name, file] : files) {
    json[name] = {{"sha256", file.sha256}, {"bytes", file.bytes}};
  }
  return json;
}

Json stage_to_json(const StageRecord& stage) {
  Json json = {{"name", stage.name}, {"status", to_string(stage.status)}};
  if (!stage.inputs_sha256.empty()) json["inputs_sha256"] = stage.inputs_sha256;
  if (!stage.upstream.empty()) json["upstream"] = stage.upstream;
  if (!stage.outputs.empty()) json["outputs"] = stage.outputs;
  if (!stage.resumable.empty()) json["resumable"] = stage.resumable;
  return json;
}

// A JSON object of which every access is checked, and the place that messages name.
class Fields {
 public:
  Fields(const Json& json, std::string_view origin, std::string place = {})
      : json_(json), origin_(origin), place_(std::move(place)) {
    if (!json.is_object()) throw wrong(json, place_, "an object");
  }

  bool has(const char* key) const { return json_.contains(key) && !json_[key].is_null(); }

  const Json& at(const char* key) const {
    if (!json_.contains(key)) {
      throw FileError(fmt::format("\"{}\": \"{}\" is missing", origin_, place_of(key)));
    }
    return json_[key];
  }

  std::string text(const char* key) const {
    const Json& value = at(key);
    if (!value.is_string()) throw wrong(value, place_of(key), "a string");
    return value.get<std::string>();
  }

  std::uint64_t count(const char* key) const {
    const Json& value = at(key);
    const bool whole = value.is_number_integer();
    if (!whole || (!value.is_number_unsigned() && value.get<std::int64_t>() < 0)) {
      throw wrong(value, place_of(key), "a whole number from 0");
    }
    return value.get<std::uint64_t>();
  }

  std::string sha256(const char* key) const {
    std::string value = text(key);
    const bool hexadecimal = std::all_of(value.begin(), value.end(), [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    });
    if (value.size() != 64 || !hexadecimal) {
      throw FileError(fmt::format("\"{}\": \"{}\" is not a SHA-256, expected 64 hexadecimal digits",
                                  origin_, place_of(key)));
    }
    return value;
  }

  Fields object(const char* key) const { return Fields(at(key), origin_, place_of(key)); }

  const Json& list(const char* key) const {
    const Json& value = at(key);
    if (!value.is_array()) throw wrong(value, place_of(key), "a list");
    return value;
  }

  std::vector<std::string> texts(const char* key) const {
    std::vector<std::string> result;
    for (const Json& item : list(key)) {
      if (!item.is_string()) throw wrong(item, place_of(key) + "[]", "a string");
      result.push_back(item.get<std::string>());
    }
    return result;
  }

  // Paths inside the run; none where the key is absent.
  std::set<std::string> paths(const char* key) const {
    std::set<std::string> result;
    if (!has(key)) return result;
    for (std::string& path : texts(key)) {
      require_inside(path, key);
      result.insert(std::move(path));
    }
    return result;
  }

  std::map<std::string, FileRecord> files(const char* key) const {
    const Fields entries = object(key);
    std::map<std::string, FileRecord> result;
    for (const auto& [name, value] : entries.json_.items()) {
      const Fields entry(value, origin_, entries.place_ + "[]");
      result[name] = {entry.sha256("sha256"), entry.count("bytes")};
    }
    return result;
  }

  void require_inside(std::string_view path, const char* key) const {
    if (const auto why = detail::why_not_inside(path)) {
      throw FileError(fmt::format("\"{}\": \"{}\" has a path that {}, expected one inside the run",
                                  origin_, place_of(key), *why));
    }
  }

  FileError wrong(const Json& value, std::string_view place, std::string_view expected) const {
    return FileError(fmt::format("\"{}\": \"{}\" is of type {}, expected {}", origin_,
                                 place.empty() ? "the document" : place, value.type_name(),
                                 expected));
  }

  std::string place_of(const char* key) const { return place_.empty() ? key : place_ + "." + key; }

 private:
  const Json& json_;
  std::string_view origin_;
  std::string place_;
};

RunStatus read_status(const Fields& fields) {
  const std::string name = fields.text("status");
  const auto found = std::find(kStatusNames.begin(), kStatusNames.end(), name);
  if (found == kStatusNames.end()) {
    throw fields.wrong(fields.at("status"), fields.place_of("status"),
                       "running, done, failed or interrupted");
  }
  return static_cast<RunStatus>(found - kStatusNames.begin());
}

void require_schema(const Fields& fields, std::string_view origin) {
  const std::uint64_t schema = fields.count("schema");
  if (schema > kRunSchema) {
    throw FileError(
        ErrorCode::incompatible,
        fmt::format("\"{}\" has schema {}, expected at most {}", origin, schema, kRunSchema),
        "it was written by a newer Gnomon; update this one");
  }
  if (schema < 1) throw fields.wrong(fields.at("schema"), "schema", "a number from 1");
}

ToolRecord read_tool(const Fields& f) {
  return {f.text("version"), f.text("git"), f.text("compiler"), f.text("build_type"),
          f.text("blas")};
}

MachineRecord read_machine(const Fields& f) {
  const std::uint64_t n_threads = f.count("threads");
  if (n_threads > static_cast<std::uint64_t>(std::numeric_limits<int>::max())) {
    throw f.wrong(f.at("threads"), f.place_of("threads"), "a number of threads");
  }
  return {f.text("cpu"), static_cast<int>(n_threads)};
}

ModelRecord read_model(const Fields& f) {
  return {f.text("name"), f.text("format"), f.sha256("sha256"), f.files("files"),
          f.has("weights") ? f.text("weights") : "raw"};
}

StageRecord read_stage(const Fields& f) {
  StageRecord stage{f.text("name"), read_status(f)};
  if (f.has("inputs_sha256")) stage.inputs_sha256 = f.sha256("inputs_sha256");
  if (f.has("upstream")) stage.upstream = f.texts("upstream");
  stage.outputs = f.paths("outputs");
  stage.resumable = f.paths("resumable");
  return stage;
}

DataRecord read_data(const Fields& f) {
  return {f.sha256("sha256"), f.count("rows"), f.count("distinct"), f.count("groups")};
}

ErrorRecord read_error(const Fields& f) {
  return {f.text("code"), f.text("kind"), f.text("message"), f.text("hint")};
}

}  // namespace

std::string_view to_string(RunStatus status) {
  return kStatusNames.at(static_cast<std::size_t>(status));
}

ErrorRecord error_record(const std::exception& error) {
  ErrorCode code = ErrorCode::internal;
  std::string hint;
  if (const auto* ours = dynamic_cast<const Error*>(&error)) {
    code = ours->code();
    hint = ours->hint();
  } else if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) {
    code = ErrorCode::out_of_resources;
  }
  const ErrorCodeRow& row = error_code_row(code);
  return {std::string(row.name), std::string(row.kind), error.what(), hint};
}

Json to_json(const RunManifest& m) {
  Json json;
  json["$schema"] = "urn:gnomon:schema:run:1";
  json["schema"] = kRunSchema;
  json["id"] = m.id;
  json["name"] = m.name;
  json["status"] = to_string(m.status);
  json["argv"] = m.argv;
  json["configuration_sha256"] = m.configuration_sha256;
  json["seed"] = m.seed;
  json["precision"] = m.precision;
  json["backend"] = m.backend;
  json["stages"] = Json::array();
  for (const StageRecord& stage : m.stages) {
    json["stages"].push_back(stage_to_json(stage));
  }
  json["tool"] = {{"version", m.tool.version},
                  {"git", m.tool.git},
                  {"compiler", m.tool.compiler},
                  {"build_type", m.tool.build_type},
                  {"blas", m.tool.blas}};
  json["machine"] = {{"cpu", m.machine.cpu}, {"threads", m.machine.threads}};
  json["model"] = nullptr;
  if (m.model) {
    json["model"] = {{"name", m.model->name},
                     {"format", m.model->format},
                     {"sha256", m.model->sha256},
                     {"files", files_to_json(m.model->files)}};
    if (m.model->weights != "raw") json["model"]["weights"] = m.model->weights;
  }
  json["data"] = nullptr;
  if (m.data) {
    json["data"] = {{"sha256", m.data->sha256},
                    {"rows", m.data->rows},
                    {"distinct", m.data->distinct},
                    {"groups", m.data->groups}};
  }
  json["error"] = nullptr;
  if (m.error) {
    json["error"] = {{"code", m.error->code},
                     {"kind", m.error->kind},
                     {"message", m.error->message},
                     {"hint", m.error->hint}};
  }
  json["files"] = files_to_json(m.files);
  json["varying_files"] = m.varying_files;
  return json;
}

RunManifest manifest_from_json(const Json& json, std::string_view origin) {
  const Fields fields(json, origin);
  require_schema(fields, origin);
  RunManifest m;
  m.id = fields.text("id");
  m.name = fields.text("name");
  m.status = read_status(fields);
  m.argv = fields.texts("argv");
  m.configuration_sha256 = fields.sha256("configuration_sha256");
  m.seed = fields.count("seed");
  m.precision = fields.text("precision");
  m.backend = fields.text("backend");
  for (const Json& item : fields.list("stages")) {
    m.stages.push_back(read_stage(Fields(item, origin, "stages[]")));
  }
  m.tool = read_tool(fields.object("tool"));
  m.machine = read_machine(fields.object("machine"));
  if (fields.has("model")) m.model = read_model(fields.object("model"));
  if (fields.has("data")) m.data = read_data(fields.object("data"));
  if (fields.has("error")) m.error = read_error(fields.object("error"));
  m.files = fields.files("files");
  for (const auto& [path, file] : m.files) fields.require_inside(path, "files");
  fields.at("varying_files");
  m.varying_files = fields.paths("varying_files");
  return m;
}

}  // namespace gnomon
