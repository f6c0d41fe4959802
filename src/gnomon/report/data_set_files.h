// SPDX-License-Identifier: Apache-2.0
// in: a data set   out: its folder, docs/formats/data_set.md, and back
#pragma once

#include <filesystem>
#include <string>

#include "gnomon/analyses/data_set.h"
#include "gnomon/base/json.h"

namespace gnomon {

// Everything of dataset.json that does not come from the other files: what was asked for, counts,
// groups, the distribution of every target, the leakage table.
Json data_set_json(const DataSet& data, const DataSetLeakage& leakage);

struct WrittenDataSet {
  std::filesystem::path path;
  std::string sha256;          // of the content: the same data set has the same on every machine
  bool already_there = false;  // an equal data set stood there, and was left as it is
};

// Writes prompts.jsonl, activations.safetensors, DATA_CARD.md and dataset.json into a folder beside
// `folder` and renames that: a reader finds a whole data set or none. `tool` says what wrote it and
// is no part of the content. Throws ArgumentError where something else than an equal data set or an
// empty folder stands there, which is left as it is; FileError (write_failed).
WrittenDataSet write_data_set(const std::filesystem::path& folder, const DataSet& data,
                              const DataSetLeakage& leakage, const Json& tool);

// Reads a data set and checks every file against the hash in dataset.json, and dataset.json against
// its own. Balance::kept is empty; records have no line, and texts that are not UTF-8 have U+FFFD
// for what is not (their token ids are the original's).
//
// Throws FileError: not_found where there is no dataset.json, bad_file where a file is missing,
// changed or not of a data set; Error (incompatible) for a newer format.
DataSet read_data_set(const std::filesystem::path& folder);

}  // namespace gnomon
