// SPDX-License-Identifier: Apache-2.0
// in: a configuration file, --set and options   out: one struct with every setting of an experiment
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "cli/config_source.h"
#include "gnomon/report/resolved_config.h"
#include "gnomon/targets/split.h"
#include "gnomon/train/train_options.h"

namespace gnomon::cli {

inline constexpr std::int64_t kExperimentSchema = 1;  // stored; a reader refuses a larger one

// Every setting of an experiment, with its default. experiment_fields.cpp says for each its key in
// a file, what it means and which values it may have; docs/formats/configuration.md is for users.
struct ExperimentConfig {
  std::string name;        // kept in run.json
  std::uint64_t seed = 0;  // the first; also in train.seed
  Index n_seed = 1;        // trainings, of seeds seed, seed + 1, ...

  struct {
    std::string path;  // as --model: a known name, a folder or a file
  } model;

  struct {
    std::vector<std::string> units;  // texts of parse_site; target.mode is train.target_mode
  } target;

  struct {
    std::vector<std::string> texts;  // as --texts
    bool sentences = false;          // cut texts into sentences
    Index balance = 0;               // bins of the activation with equally many rows; 0: as it is
    double near_duplicate = 0.8;     // Jaccard similarity that joins texts into a group; 0: off
    SplitFractions split;
  } data;

  TrainOptions train;
  std::string feature_site;  // empty: the last block's hook_resid_post@last
  bool tensorboard = false;  // also write event files

  struct {
    Index bootstrap = 2000;
    double level = 0.95;
  } evaluate;

  // seed, seed + 1, ..., seed + n_seed - 1
  std::vector<std::uint64_t> seeds() const;
};

// A configuration and where each of its values comes from.
struct ResolvedExperiment {
  ExperimentConfig config;
  std::vector<ConfigEntry> entries;           // every setting, in the order of the table
  std::map<std::string, std::string> places;  // key -> "study.toml:12", for what was given
};

// Where the settings of a command come from; later ones win: the file, `set`, `options`.
struct ExperimentSources {
  std::filesystem::path file = {};       // none where empty
  std::vector<std::string> set = {};     // "train.epochs=5"
  std::vector<GivenValue> options = {};  // of flags that stand for a setting, such as --seed
  std::string home = {};                 // a path "~/..." of a stored configuration lies in it
};

// Throws FileError as read_config_file does, Error (incompatible) for a newer schema, and
// ArgumentError, naming key and place, for an unknown key or choice (with the nearest name), a
// value of another type, one out of its range, and settings that exclude each other.
ResolvedExperiment resolve_experiment(const ExperimentSources& sources);

// Throws ArgumentError where a setting is missing that has no default: model.path, target.units,
// data.texts.
void require_complete(const ExperimentConfig& config);

}  // namespace gnomon::cli
