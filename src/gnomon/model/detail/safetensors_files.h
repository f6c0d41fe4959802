// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "gnomon/base/json.h"

namespace gnomon {

inline constexpr const char* kWholeWeights = "model.safetensors";
inline constexpr const char* kWeightsIndex = "model.safetensors.index.json";

// The files that the index of a model in several parts names. Throws FileError where one of them is
// not the name of a file beside the index; `origin` begins the message.
std::set<std::string> indexed_files(const Json& index, const std::string& origin);

// model.safetensors, or the parts that the index names, whether they exist or not: a folder may
// hold other files of the format, which are not the model. Empty where there is neither.
std::vector<std::filesystem::path> safetensors_files(const std::filesystem::path& folder);

}  // namespace gnomon
