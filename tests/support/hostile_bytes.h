// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <exception>
#include <functional>
#include <string>
#include <string_view>

#include "gnomon/base/error.h"
#include "support/memory_file.h"

namespace gnomon::test {

// How often a reader took a content and how often it refused it with an error of ours; anything
// else it does fails the test.
struct HostileCounts {
  int accepted = 0;
  int refused = 0;
};

using ReadAll = std::function<void(const std::filesystem::path&)>;

inline void try_content(MemoryFile& file, std::string_view content, std::string_view what,
                        const ReadAll& read_all, HostileCounts& counts) {
  file.set(content);
  try {
    read_all(file.path());
    ++counts.accepted;
  } catch (const FileError&) {
    ++counts.refused;
  } catch (const UnsupportedError&) {
    ++counts.refused;
  } catch (const std::exception& e) {
    ADD_FAILURE() << what << ": " << e.what();
  }
}

// Every proper beginning of `content`.
inline HostileCounts try_truncations(std::string_view content, const ReadAll& read_all) {
  HostileCounts counts;
  MemoryFile file;
  for (std::size_t n = 0; n < content.size(); ++n) {
    try_content(file, content.substr(0, n), "cut to " + std::to_string(n), read_all, counts);
  }
  return counts;
}

// Each byte of the first `n_byte` with each bit flipped, as 0, 0x7f, 0x80 and 0xff, and as text
// that means something in JSON.
inline HostileCounts try_changed_bytes(std::string_view content, std::size_t n_byte,
                                       const ReadAll& read_all) {
  HostileCounts counts;
  MemoryFile file;
  std::string changed(content);
  const auto try_byte = [&](std::size_t i, char value) {
    if (value == content[i]) return;
    changed[i] = value;
    try_content(file, changed, "byte " + std::to_string(i), read_all, counts);
  };
  for (std::size_t i = 0; i < n_byte; ++i) {
    for (int bit = 0; bit < 8; ++bit) try_byte(i, static_cast<char>(content[i] ^ (1 << bit)));
    for (const char value : std::string_view("\x00\x7f\x80\xff{}[]\",:-9 ", 14)) try_byte(i, value);
    changed[i] = content[i];
  }
  return counts;
}

}  // namespace gnomon::test
