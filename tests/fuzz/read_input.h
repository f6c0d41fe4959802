// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>

#include "gnomon/base/error.h"
#include "support/memory_file.h"

namespace gnomon::test {

// Whether `read()` took what it was given. Errors of ours are the other expected end; anything else
// that leaves it is a finding.
template <class Read>
bool catch_refusal(const Read& read) {
  try {
    read();
    return true;
  } catch (const FileError&) {
  } catch (const UnsupportedError&) {
  }
  return false;
}

// Gives the bytes to a reader that takes a path.
template <class Read>
int read_input(const std::uint8_t* data, std::size_t size, const Read& read) {
  static MemoryFile file;
  file.set({reinterpret_cast<const char*>(data), size});
  catch_refusal([&] { read(file.path()); });
  return 0;
}

// Reads every byte, so that a span beyond the mapping is noticed.
inline void touch(std::span<const std::byte> bytes) {
  unsigned sum = 0;
  for (const std::byte byte : bytes) sum += std::to_integer<unsigned>(byte);
  volatile unsigned kept = sum;
  (void)kept;
}

}  // namespace gnomon::test
