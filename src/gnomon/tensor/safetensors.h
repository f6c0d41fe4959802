// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gnomon/base/file.h"
#include "gnomon/tensor/stored_tensor.h"
#include "gnomon/tensor/tensor.h"

namespace gnomon {

// A safetensors file, mapped. Format: docs/formats/safetensors.md. The header is checked completely
// before any tensor is handed out: offsets inside the file, no overlap, no hole, sizes that match
// shapes. Bytes of a tensor need not be aligned. Throws FileError naming file, tensor, found and
// expected; UnsupportedError for element types and fields that are not known.
class SafetensorsFile {
 public:
  explicit SafetensorsFile(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return file_->path(); }
  const std::vector<StoredTensor>& tensors() const { return tensors_; }  // in file order
  const StoredTensor* find(const std::string& name) const;               // null where absent
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

 private:
  std::shared_ptr<const MappedFile> file_;
  std::vector<StoredTensor> tensors_;
  std::map<std::string, std::size_t> index_;
  std::map<std::string, std::string> metadata_;
};

// Writes atomically; `bytes` are little-endian and row-major. Tensors of wider elements come first,
// otherwise in the given order, and the header is a multiple of 8 bytes, so that every tensor is
// aligned to its element: other readers cannot view one that is not. "format": "pt" is added to the
// metadata unless given, for the same reason. Throws FileError, and ArgumentError for a repeated or
// unusable name, an element type in blocks, or a size that does not match the shape.
void write_safetensors(const std::filesystem::path& path, const std::vector<StoredTensor>& tensors,
                       const std::map<std::string, std::string>& metadata);

// A view of a tensor in memory, for write_safetensors. The tensor must outlive it.
StoredTensor stored(std::string name, const Tensor<float>& tensor);
StoredTensor stored(std::string name, const Tensor<double>& tensor);

}  // namespace gnomon
