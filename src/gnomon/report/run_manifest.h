// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <exception>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "gnomon/base/json.h"

namespace gnomon {

inline constexpr int kRunSchema = 1;  // stored in run.json; a reader refuses a larger one

// Stored by these names. A run or stage that is `running` and has no writer was killed.
enum class RunStatus { running, done, failed, interrupted };
std::string_view to_string(RunStatus status);

struct FileRecord {
  std::string sha256;
  std::uint64_t bytes = 0;
};

struct StageRecord {
  std::string name;
  RunStatus status = RunStatus::running;
  // Of a stage that is only done again where it must be (StageSpec); empty otherwise.
  std::string inputs_sha256 = {};
  std::vector<std::string> upstream = {};  // names of stages
  std::set<std::string> outputs = {};      // paths; also those that are about to be written
  std::set<std::string> resumable = {};    // paths of files from which the stage can go on
};

struct ToolRecord {
  std::string version;
  std::string git;
  std::string compiler;
  std::string build_type;
  std::string blas;
};

struct MachineRecord {
  std::string cpu;
  int threads = 0;
};

struct ModelRecord {
  std::string name;
  std::string format;                       // "gguf", "safetensors"
  std::string sha256;                       // of the whole model
  std::map<std::string, FileRecord> files;  // by their names, without folders
  std::string weights = "raw";              // weight_processing_name; in run.json unless raw
};

struct DataRecord {
  std::string sha256;
  std::uint64_t rows = 0;
  std::uint64_t distinct = 0;
  std::uint64_t groups = 0;
};

struct ErrorRecord {
  std::string code;  // "E031"
  std::string kind;  // "input_not_found"
  std::string message;
  std::string hint;
};

// What ended a run, in the terms of gnomon::Error; a foreign exception is an internal error,
// exhausted memory is out_of_resources.
ErrorRecord error_record(const std::exception& error);

// run.json: what was done, with what, and which files came of it. It holds no time and no path
// outside the run, so that the same command on the same machine writes the same bytes; times are in
// timing.json.
struct RunManifest {
  std::string id;    // run_id(...)
  std::string name;  // the user's; may be empty
  RunStatus status = RunStatus::running;
  std::vector<std::string> argv;  // recorded_argv(...)
  std::string configuration_sha256;
  std::vector<StageRecord> stages;  // in the order in which they began
  ToolRecord tool;
  MachineRecord machine;
  std::string precision;  // "float32", "float64"
  std::string backend;
  std::uint64_t seed = 0;
  std::optional<ModelRecord> model;         // nothing before the model was read
  std::optional<DataRecord> data;           // nothing before the texts were read
  std::map<std::string, FileRecord> files;  // by path inside the run
  std::set<std::string> varying_files;      // differ from run to run (times) and so have no hash
  std::optional<ErrorRecord> error;         // set where status is failed or interrupted
};

Json to_json(const RunManifest& manifest);

// Throws Error (incompatible) for a newer schema and FileError where a field is missing, has
// another type, or names a file outside the run. Unknown fields are ignored. `origin` names the
// source in messages.
RunManifest manifest_from_json(const Json& json, std::string_view origin);

}  // namespace gnomon
