// SPDX-License-Identifier: Apache-2.0
// in: a plain text   out: its paragraphs
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace gnomon {

// Paragraphs of a UTF-8 file in their order: what blank lines separate, its lines joined by one
// space, white space at both ends of lines removed. Throws FileError where the file is missing, too
// large or not UTF-8.
std::vector<std::string> read_paragraphs(const std::filesystem::path& path);

}  // namespace gnomon
