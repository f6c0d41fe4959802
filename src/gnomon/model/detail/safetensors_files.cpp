// SPDX-License-Identifier: Apache-2.0
#include "gnomon/model/detail/safetensors_files.h"

#include <fmt/format.h>

#include "gnomon/base/error.h"
#include "gnomon/base/quote.h"

namespace gnomon {

namespace fs = std::filesystem;

std::set<std::string> indexed_files(const Json& index, const std::string& origin) {
  const auto map = index.find("weight_map");
  if (map == index.end() || !map->is_object()) {
    throw FileError(fmt::format("{}: \"weight_map\" is missing or not an object", origin));
  }
  std::set<std::string> files;
  for (const auto& [tensor, file] : map->items()) {
    const fs::path name = file.is_string() ? fs::path(file.get<std::string>()) : fs::path();
    if (name.empty() || name != name.filename() || name == "." || name == "..") {
      throw FileError(
          fmt::format("{}: tensor {} is not in a file of this folder", origin, quote(tensor)));
    }
    files.insert(name.string());
  }
  return files;
}

std::vector<fs::path> safetensors_files(const fs::path& folder) {
  if (const fs::path whole = folder / kWholeWeights; fs::exists(whole)) return {whole};
  const fs::path index_path = folder / kWeightsIndex;
  if (!fs::exists(index_path)) return {};
  std::vector<fs::path> paths;
  for (const std::string& name :
       indexed_files(read_json_file(index_path), fmt::format("\"{}\"", index_path.string())))
    paths.push_back(folder / name);
  return paths;
}

}  // namespace gnomon
