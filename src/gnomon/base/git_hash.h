// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

namespace gnomon {

// The name that git gives a file's content: lower-case hexadecimal SHA-1 of "blob ", the size in
// decimal, a zero byte, and the content. It recognises a content; it is no proof against someone
// who makes two contents with one SHA-1. Throws FileError where the file cannot be read.
std::string git_blob_sha1(const std::filesystem::path& path);

}  // namespace gnomon
