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
// current folder holds; anything else is a folder or a file. Throws FileError (not_found) with the
// places that were searched and the command that fetches a model.
std::filesystem::path resolve_model(const std::string& given);

}  // namespace gnomon::cli
