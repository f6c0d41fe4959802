// SPDX-License-Identifier: Apache-2.0
#include "gnomon/model/parameters.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <span>

#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/base/nearest_name.h"
#include "gnomon/model/model.h"

namespace gnomon {
namespace {

// The stored matrix in the order of a Hugging Face file.
template <class T>
void copy_matrix(Tensor<T>& to, const WeightView<T>& from, WeightLayout layout) {
  const MatrixView<T> matrix = to.matrix();
  const bool in_out = layout == WeightLayout::in_out;
  for (Index i = 0; i < matrix.rows; ++i) {
    for (Index j = 0; j < matrix.cols; ++j) matrix(i, j) = in_out ? from(i, j) : from(j, i);
  }
}

// To the outputs of a joint projection that begin with `first`, in the groups of `from`.
template <class T>
void copy_outputs(Tensor<T>& to, const WeightView<T>& from, Index first, WeightLayout layout) {
  const MatrixView<T> matrix = to.matrix();
  for (Index i = 0; i < from.n_in; ++i) {
    for (Index o = 0; o < from.n_out; ++o) {
      const Index at = first + from.groups.stored(o);
      if (layout == WeightLayout::in_out) {
        matrix(i, at) = from(i, o);
      } else {
        matrix(at, i) = from(i, o);
      }
    }
  }
}

template <class T>
std::vector<const LinearWeights<T>*> projections(const BlockWeights<T>& block, WeightKind kind) {
  switch (kind) {
    case WeightKind::qkv_proj:
      return {&block.q_proj, &block.k_proj, &block.v_proj};
    case WeightKind::q_proj:
      return {&block.q_proj};
    case WeightKind::k_proj:
      return {&block.k_proj};
    case WeightKind::v_proj:
      return {&block.v_proj};
    case WeightKind::o_proj:
      return {&block.o_proj};
    case WeightKind::up_proj:
      return {&block.up_proj};
    case WeightKind::gate_proj:
      return {&block.gate_proj};
    case WeightKind::down_proj:
      return {&block.down_proj};
    default:
      throw InternalError("copy_parameters: not a projection");
  }
}

template <class T>
Tensor<T> copy_norm(const NormWeights<T>& norm, bool is_bias, const std::vector<Index>& shape) {
  const std::span<const T> values = is_bias ? norm.bias : norm.weight;
  return Tensor<T>(shape, std::vector<T>(values.begin(), values.end()));
}

template <class T>
Tensor<T> copy_projection(const std::vector<const LinearWeights<T>*>& parts,
                          const ParameterRow& row) {
  Tensor<T> result(row.shape);
  Index first = 0;
  for (const LinearWeights<T>* part : parts) {
    const OutputGroups& groups = part->weight.groups;
    if (row.key.is_bias) {
      for (Index o = 0; o < part->weight.n_out; ++o)
        result.data()[first + groups.stored(o)] = part->bias_of(o);
    } else if (parts.size() == 1) {
      copy_matrix(result, part->weight, row.layout);
    } else {
      copy_outputs(result, part->weight, first, row.layout);
    }
    // The next one's first group follows this one's.
    first += groups.size == 0 ? part->weight.n_out : groups.size;
  }
  return result;
}

template <class T>
Tensor<T> copy_embedding(MatrixView<const T> matrix, const std::vector<Index>& shape) {
  Tensor<T> result(shape);
  for (Index i = 0; i < matrix.rows; ++i)
    std::ranges::copy(matrix.row(i), result.matrix().row(i).begin());
  return result;
}

template <class T>
Tensor<T> copy_parameter(const Weights<T>& weights, const ParameterRow& row) {
  const ParameterKey& key = row.key;
  switch (key.kind) {
    case WeightKind::wte:
      return copy_embedding(weights.wte(), row.shape);
    case WeightKind::wpe:
      return copy_embedding(weights.wpe(), row.shape);
    case WeightKind::ln_f:
      return copy_norm(weights.ln_f(), key.is_bias, row.shape);
    case WeightKind::ln_1:
      return copy_norm(weights.block(key.layer).ln_1, key.is_bias, row.shape);
    case WeightKind::ln_2:
      return copy_norm(weights.block(key.layer).ln_2, key.is_bias, row.shape);
    case WeightKind::lm_head: {
      const LinearWeights<T> head = weights.unembed();
      return copy_projection<T>({&head}, row);
    }
    default:
      return copy_projection<T>(projections(weights.block(key.layer), key.kind), row);
  }
}

}  // namespace

Index ParameterRow::size() const {
  Index n = 1;
  for (const Index axis : shape) n *= axis;
  return n;
}

std::vector<ParameterRow> model_parameters(const ModelConfig& config) {
  const Family* family = find_family(config.architecture);
  if (family == nullptr)
    throw InternalError(fmt::format("model_parameters: no family {}", config.architecture));
  std::vector<ParameterRow> rows;
  for (const WeightRow& row : family->rows) {
    if (row.kind == WeightKind::lm_head && config.tied_unembedding) continue;
    const bool per_block = is_per_block(row);
    // The unembedding stands beside the model proper in a Hugging Face file.
    const std::string_view prefix = row.kind == WeightKind::lm_head ? "" : family->hf_prefix;
    for (Index layer = 0; layer < (per_block ? config.n_layers : 1); ++layer) {
      const std::string name = std::string(prefix) + fmt::format(fmt::runtime(row.hf_name), layer);
      rows.push_back({{row.kind, layer, false},
                      name + ".weight",
                      stored_shape(row, row.hf_layout, config),
                      per_block,
                      row.hf_layout});
      if (!row.has_bias) continue;
      rows.push_back({{row.kind, layer, true},
                      name + ".bias",
                      {axis_size(row.n_out, config)},
                      per_block,
                      row.hf_layout});
    }
  }
  return rows;
}

ParameterRow find_parameter(const ModelConfig& config, std::string_view name) {
  std::vector<std::string> names;
  for (const ParameterRow& row : model_parameters(config)) {
    if (row.name == name) return row;
    names.push_back(row.name);
  }
  const std::optional<std::string> nearest = nearest_name(name, names);
  throw ArgumentError(ErrorCode::out_of_range,
                      fmt::format("the model has no parameter \"{}\"", name),
                      nearest ? fmt::format("did you mean \"{}\"?", *nearest) : "");
}

template <class T>
void ParameterSet<T>::insert(const ParameterRow& row, Tensor<T> values) {
  if (values.shape() != row.shape) {
    throw ShapeError(fmt::format("parameter \"{}\" has shape {}, expected {}", row.name,
                                 shape_text(values.shape()), shape_text(row.shape)));
  }
  if (!entries_.emplace(row.key, Entry{row, std::move(values)}).second)
    throw ArgumentError(fmt::format("parameter \"{}\" is given twice", row.name));
}

template <class T>
Tensor<T>* ParameterSet<T>::find(const ParameterKey& key) {
  const auto found = entries_.find(key);
  return found == entries_.end() ? nullptr : &found->second.values;
}

template <class T>
const Tensor<T>* ParameterSet<T>::find(const ParameterKey& key) const {
  const auto found = entries_.find(key);
  return found == entries_.end() ? nullptr : &found->second.values;
}

template <class T>
Index ParameterSet<T>::size() const {
  Index n = 0;
  for (const auto& [key, entry] : entries_) n += entry.values.size();
  return n;
}

template <class T>
std::string ParameterSet<T>::sha256() const {
  std::string digests;
  for (const auto& [key, entry] : entries_) {
    digests += entry.row.name + shape_text(entry.row.shape) +
               sha256_hex(std::as_bytes(entry.values.values()));
  }
  return sha256_hex(digests);
}

template <class T>
ParameterSet<T> copy_parameters(const Model& model, const std::vector<ParameterRow>& rows) {
  ParameterSet<T> set;
  for (const ParameterRow& row : rows) {
    find_parameter(model.config(), row.name);
    set.insert(row, copy_parameter(model.weights<T>(), row));
  }
  return set;
}

template <class T>
ParameterSet<T> zeros_like(const ParameterSet<T>& parameters) {
  ParameterSet<T> zeros;
  for (const auto& [key, entry] : parameters.entries())
    zeros.insert(entry.row, Tensor<T>(entry.row.shape));
  return zeros;
}

template <class To, class From>
ParameterSet<To> converted(const ParameterSet<From>& parameters) {
  ParameterSet<To> result;
  for (const auto& [key, entry] : parameters.entries()) {
    const std::span<const From> values = entry.values.values();
    result.insert(entry.row, Tensor<To>(entry.row.shape, {values.begin(), values.end()}));
  }
  return result;
}

template class ParameterSet<float>;
template class ParameterSet<double>;
template ParameterSet<float> copy_parameters(const Model&, const std::vector<ParameterRow>&);
template ParameterSet<double> copy_parameters(const Model&, const std::vector<ParameterRow>&);
template ParameterSet<float> zeros_like(const ParameterSet<float>&);
template ParameterSet<double> zeros_like(const ParameterSet<double>&);
template ParameterSet<float> converted(const ParameterSet<double>&);
template ParameterSet<double> converted(const ParameterSet<float>&);
template ParameterSet<float> converted(const ParameterSet<float>&);
template ParameterSet<double> converted(const ParameterSet<double>&);

}  // namespace gnomon
