// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "gnomon/base/error.h"
#include "gnomon/tensor/safetensors.h"

namespace gnomon::detail {

// Columns of numbers under their names, in one safetensors file. What is added must outlive it.
class TensorWriter {
 public:
  void add(const std::string& name, const Tensor<double>& tensor) {
    tensors_.push_back(stored(name, tensor));
  }
  void add(const std::string& name, const std::vector<double>& column) {
    if (column.empty()) return;
    tensors_.push_back(
        {name, Dtype::f64, {static_cast<Index>(column.size())}, std::as_bytes(std::span(column))});
  }
  void add(const std::string& name, const std::vector<Index>& column) {
    tensors_.push_back(
        {name, Dtype::i64, {static_cast<Index>(column.size())}, std::as_bytes(std::span(column))});
  }
  void write(const std::filesystem::path& path,
             const std::map<std::string, std::string>& metadata) const {
    write_safetensors(path, tensors_, metadata);
  }

 private:
  std::vector<StoredTensor> tensors_;
};

// Reads them back: every number is finite, and what is missing or of another type is a FileError.
class TensorReader {
 public:
  explicit TensorReader(const std::filesystem::path& path) : path_(path.string()), file_(path) {}

  std::string metadata_or(const std::string& key, const std::string& otherwise) const {
    const auto found = file_.metadata().find(key);
    return found == file_.metadata().end() ? otherwise : found->second;
  }
  const std::string& metadata(const std::string& key) const {
    const auto found = file_.metadata().find(key);
    if (found == file_.metadata().end())
      throw FileError(fmt::format("\"{}\": metadata \"{}\" is missing", path_, key));
    return found->second;
  }

  template <class T>
  std::vector<T> column(const std::string& name, Dtype dtype) const {
    const StoredTensor& tensor = require(name, dtype, 1);
    std::vector<T> values(static_cast<std::size_t>(tensor.shape[0]));
    if (!values.empty()) std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
    return values;
  }
  std::vector<double> numbers(const std::string& name) const {
    std::vector<double> values = column<double>(name, Dtype::f64);
    require_finite(name, values);
    return values;
  }
  std::vector<double> numbers_or_empty(const std::string& name) const {
    return file_.find(name) != nullptr ? numbers(name) : std::vector<double>();
  }
  std::vector<Index> indices(const std::string& name) const {
    return column<Index>(name, Dtype::i64);
  }

  Tensor<double> matrix(const std::string& name) const {
    const StoredTensor& tensor = require(name, Dtype::f64, 2);
    Tensor<double> values(tensor.shape);
    if (values.size() > 0) std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
    require_finite(name, values.values());
    return values;
  }

  FileError damaged(const std::string& what) const {
    return FileError(fmt::format("\"{}\": {}", path_, what));
  }

 private:
  const StoredTensor& require(const std::string& name, Dtype dtype, std::size_t n_axes) const {
    const StoredTensor* tensor = file_.find(name);
    if (tensor == nullptr || tensor->dtype != dtype || tensor->shape.size() != n_axes) {
      throw damaged(fmt::format("tensor \"{}\" is missing or not {} with {} axes", name,
                                dtype_info(dtype).name, n_axes));
    }
    return *tensor;
  }

  void require_finite(const std::string& name, std::span<const double> values) const {
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (!std::isfinite(values[i]))
        throw damaged(fmt::format("tensor \"{}\" is not finite at element {}", name, i));
    }
  }

  std::string path_;
  SafetensorsFile file_;
};

}  // namespace gnomon::detail
