// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "gnomon/base/file.h"
#include "gnomon/tensor/stored_tensor.h"

namespace gnomon {

// A value of a GGUF key. Integers of every width become int64 or uint64.
struct GgufValue {
  using Array = std::vector<GgufValue>;
  std::variant<bool, std::int64_t, std::uint64_t, double, std::string, Array> value;
};

// A GGUF file, versions 2 and 3, mapped. Format: docs/formats/gguf.md. Everything is checked
// against the size of the file before it is read or allocated. Throws FileError naming file, key or
// tensor, offset, found and expected; UnsupportedError for element types that are not decoded.
class GgufFile {
 public:
  explicit GgufFile(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return file_->path(); }
  const std::map<std::string, GgufValue>& metadata() const { return metadata_; }
  const std::vector<StoredTensor>& tensors() const { return tensors_; }
  const StoredTensor* find(const std::string& name) const;

  // Typed look-ups: null where the key is absent; FileError where it has another type.
  const std::string* find_string(const std::string& key) const;
  const GgufValue::Array* find_array(const std::string& key) const;
  bool has(const std::string& key) const { return metadata_.contains(key); }
  std::int64_t integer(const std::string& key) const;  // throws where absent
  std::int64_t integer_or(const std::string& key, std::int64_t fallback) const;
  double number_or(const std::string& key, double fallback) const;
  bool boolean_or(const std::string& key, bool fallback) const;

 private:
  std::shared_ptr<const MappedFile> file_;
  std::map<std::string, GgufValue> metadata_;
  std::vector<StoredTensor> tensors_;
  std::map<std::string, std::size_t> index_;
};

}  // namespace gnomon
