// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gnomon::test {

// Value types as stored.
namespace gguf_types {
enum Type : std::uint32_t { U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64, F64 };
}  // namespace gguf_types

// Writes a GGUF file piece by piece (docs/formats/gguf.md), also one that is wrong.
class GgufBytes {
 public:
  template <class T>
  GgufBytes& put(T value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(value));
    return *this;
  }
  GgufBytes& u32(std::uint32_t value) { return put(value); }
  GgufBytes& u64(std::uint64_t value) { return put(value); }
  GgufBytes& raw(std::string_view text) {
    bytes_ += text;
    return *this;
  }
  GgufBytes& text(std::string_view value) { return u64(value.size()).raw(value); }
  GgufBytes& key(std::string_view name, std::uint32_t type) { return text(name).u32(type); }
  GgufBytes& header(std::uint64_t n_tensor, std::uint64_t n_pair, std::uint32_t version = 3) {
    return raw("GGUF").u32(version).u64(n_tensor).u64(n_pair);
  }
  // `axes` as stored: the fastest first.
  GgufBytes& tensor(std::string_view name, const std::vector<std::uint64_t>& axes,
                    std::uint32_t type, std::uint64_t offset) {
    text(name).u32(static_cast<std::uint32_t>(axes.size()));
    for (const std::uint64_t axis : axes) u64(axis);
    return u32(type).u64(offset);
  }
  GgufBytes& pad(std::size_t alignment = 32) {
    bytes_.resize((bytes_.size() + alignment - 1) / alignment * alignment, '\0');
    return *this;
  }
  const std::string& str() const { return bytes_; }

 private:
  std::string bytes_;
};

}  // namespace gnomon::test
