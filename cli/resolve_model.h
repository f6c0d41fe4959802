// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace gnomon::cli {

// Where fetched models are, as the environment says (model/fetch.h).
std::filesystem::path user_cache_folder();

// The small model that comes with Gnomon: share/gnomon beside an installed binary's folder or in
// the Python package, else the sources' assets. Nothing for another name.
inline constexpr const char* kEmbeddedModel = "gnomon-books";
std::optional<std::filesystem::path> embedded_model_folder(const std::string& name);

// The path that a user's --model means: a known name stands for its file in the cache, whatever the
// current folder holds; then what is a folder or a file is that; then ORG/NAME[@REV] is a snapshot
// in the Hugging Face cache. The network is not used. Throws FileError (not_found) with the places
// that were searched and the command that fetches a model.
std::filesystem::path resolve_model(const std::string& given);

// The same in the help of an option or argument.
inline constexpr const char* kModelHelp =
    "A name that `gnomon model list` shows, a folder with config.json and *.safetensors, a .gguf "
    "file, or ORG/NAME or ORG/NAME@REV in the Hugging Face cache";

}  // namespace gnomon::cli
