// SPDX-License-Identifier: Apache-2.0
// in: a model   out: its parameters by name, and copies of them that training may change
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gnomon/model/family.h"
#include "gnomon/tensor/tensor.h"

namespace gnomon {

class Model;

// One tensor of a model; `layer` is 0 outside the blocks.
struct ParameterKey {
  WeightKind kind = WeightKind::wte;
  Index layer = 0;
  bool is_bias = false;

  friend auto operator<=>(const ParameterKey&, const ParameterKey&) = default;
};

struct ParameterRow {
  ParameterKey key;
  std::string name;  // as in a Hugging Face file, with its prefix: "transformer.h.3.ln_1.bias"
  std::vector<Index> shape;                    // as in a Hugging Face file
  bool per_block = false;                      // key.layer is a block
  WeightLayout layout = WeightLayout::out_in;  // of a projection

  Index size() const;
  bool is_matrix() const { return shape.size() >= 2; }
};

// Every parameter of a model of this configuration in the order of its family's table. A tied
// unembedding is no parameter of its own.
std::vector<ParameterRow> model_parameters(const ModelConfig& config);
// Throws ArgumentError with the nearest name.
ParameterRow find_parameter(const ModelConfig& config, std::string_view name);

// Some of a model's parameters as tensors of our own, shaped and laid out as in a Hugging Face
// file. Their memory does not move.
template <class T>
class ParameterSet {
 public:
  // Throws ArgumentError for a key that is there already or a tensor of another shape.
  void insert(const ParameterRow& row, Tensor<T> values);

  bool contains(const ParameterKey& key) const { return entries_.contains(key); }
  // Null where absent.
  Tensor<T>* find(const ParameterKey& key);
  const Tensor<T>* find(const ParameterKey& key) const;

  struct Entry {
    ParameterRow row;
    Tensor<T> values;
  };
  const std::map<ParameterKey, Entry>& entries() const { return entries_; }
  std::map<ParameterKey, Entry>& entries() { return entries_; }
  bool empty() const { return entries_.empty(); }
  Index size() const;  // numbers in all tensors

  // SHA-256 over names, shapes and bytes.
  std::string sha256() const;

 private:
  std::map<ParameterKey, Entry> entries_;
};

// Copies of the model's current values. Throws ArgumentError for a row the model does not have.
template <class T>
ParameterSet<T> copy_parameters(const Model& model, const std::vector<ParameterRow>& rows);

// Zeros in the same shapes, for gradients.
template <class T>
ParameterSet<T> zeros_like(const ParameterSet<T>& parameters);

template <class To, class From>
ParameterSet<To> converted(const ParameterSet<From>& parameters);

}  // namespace gnomon
