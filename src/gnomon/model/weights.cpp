// SPDX-License-Identifier: Apache-2.0
#include "gnomon/model/weights.h"

#include <fmt/format.h>

#include <atomic>
#include <cmath>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <type_traits>
#include <vector>

#include "gnomon/base/error.h"
#include "gnomon/base/threads.h"
#include "gnomon/kernels/dequantize.h"
#include "gnomon/model/checkpoint.h"
#include "gnomon/model/parameters.h"

namespace gnomon {
namespace {

template <class T>
void require_finite(std::span<const T> values, const StoredTensor& tensor) {
  std::atomic<Index> first_bad{-1};
  parallel_for(0, static_cast<Index>(values.size()), Index{1} << 20, [&](Index first, Index last) {
    // x - x is 0 for every finite x and NaN otherwise; the sum vectorises.
    T sum = 0;
    for (Index i = first; i < last; ++i)
      sum += values[static_cast<std::size_t>(i)] - values[static_cast<std::size_t>(i)];
    if (sum == 0) return;
    for (Index i = first; i < last; ++i) {
      if (!std::isfinite(values[static_cast<std::size_t>(i)])) {
        first_bad = i;
        return;
      }
    }
  });
  if (first_bad >= 0) {
    throw NumericError(fmt::format("load_weights: tensor \"{}\" is not finite at element {} of {}",
                                   tensor.name, first_bad.load(), values.size()),
                       "the model file is damaged or was saved after training diverged");
  }
}

}  // namespace

template <class T>
struct Weights<T>::Storage {
  std::shared_ptr<const Checkpoint> checkpoint;
  ModelConfig config;
  std::shared_ptr<const ParameterSet<T>> replaced;
  std::deque<std::vector<T>> buffers;  // a deque: growing it moves no buffer
  std::vector<BlockWeights<T>> blocks;
  std::vector<bool> block_ready;
  std::span<const T> wte, wpe;
  std::optional<NormWeights<T>> ln_f;
  std::optional<LinearWeights<T>> unembed;
  std::recursive_mutex mutex;

  const Tensor<T>* replacement(WeightKind kind, Index layer, bool is_bias) const {
    return replaced == nullptr ? nullptr : replaced->find({kind, layer, is_bias});
  }

  std::span<const T> weight_values(WeightKind kind, Index layer) {
    if (const Tensor<T>* own = replacement(kind, layer, false)) return own->values();
    return values(*checkpoint->weight(kind, layer));
  }

  std::span<const T> bias_values(WeightKind kind, Index layer) {
    if (const Tensor<T>* own = replacement(kind, layer, true)) return own->values();
    const StoredWeight* bias = checkpoint->bias(kind, layer);
    return bias == nullptr ? std::span<const T>() : values(*bias);
  }

  std::span<const T> values(const StoredWeight& stored) {
    const std::span<const std::byte> bytes = stored.tensor.bytes;
    Index n = 1;
    for (const Index axis : stored.tensor.shape) n *= axis;
    const auto size = static_cast<std::size_t>(n);
    const bool plain_float = std::is_same_v<T, float> && stored.tensor.dtype == Dtype::f32;
    const bool aligned = reinterpret_cast<std::uintptr_t>(bytes.data()) % alignof(T) == 0;
    std::span<const T> result;
    const bool in_order = stored.row_order == GgufRowOrder::as_hugging_face;
    if (plain_float && aligned && in_order) {
      result = {reinterpret_cast<const T*>(bytes.data()), size};
    } else {
      std::vector<T>& buffer = buffers.emplace_back(size);
      dequantize<T>(buffer, stored.tensor.dtype, bytes);
      if (!in_order) put_rows_in_order(buffer, stored);
      result = buffer;
    }
    require_finite(result, stored.tensor);
    return result;
  }

  // The row of Hugging Face's matrix that is row `row` of the file.
  Index hf_row(GgufRowOrder order, Index row) const {
    const Index d_head = config.d_head;
    if (order == GgufRowOrder::rotary_pairs) {
      const Index channel = row % d_head;
      return row - channel + channel % 2 * (d_head / 2) + channel / 2;
    }
    const Index width = config.n_heads * d_head;
    const Index part = row / width;  // queries, keys, values
    const Index head = row % width / d_head;
    return (3 * head + part) * d_head + row % d_head;
  }

  void put_rows_in_order(std::vector<T>& buffer, const StoredWeight& stored) const {
    const Index n_row = stored.tensor.shape[0];
    const Index n_in = static_cast<Index>(buffer.size()) / n_row;
    const std::vector<T> original = buffer;
    for (Index row = 0; row < n_row; ++row) {
      std::copy_n(original.data() + row * n_in, n_in,
                  buffer.data() + hf_row(stored.row_order, row) * n_in);
    }
  }

  NormWeights<T> norm(WeightKind kind, Index layer) {
    NormWeights<T> result;
    result.weight = weight_values(kind, layer);
    result.bias = bias_values(kind, layer);
    return result;
  }

  LinearWeights<T> linear(WeightKind kind, Index layer) {
    LinearWeights<T> result;
    const StoredWeight* stored = checkpoint->weight(kind, layer);
    const Tensor<T>* own = replacement(kind, layer, false);
    if (stored == nullptr && own == nullptr) return result;
    const std::vector<Index>& shape = own != nullptr ? own->shape() : stored->tensor.shape;
    const WeightLayout layout = own != nullptr ? hf_layout(kind, config) : stored->layout;
    const bool in_out = layout == WeightLayout::in_out;
    result.weight = {weight_values(kind, layer).data(), in_out ? shape[0] : shape[1],
                     in_out ? shape[1] : shape[0], shape[1], layout};
    result.bias = bias_values(kind, layer);
    return result;
  }

  void load_attention(BlockWeights<T>& block, Index layer) {
    if (checkpoint->weight(WeightKind::qkv_proj, layer) == nullptr) {
      block.q_proj = linear(WeightKind::q_proj, layer);
      block.k_proj = linear(WeightKind::k_proj, layer);
      block.v_proj = linear(WeightKind::v_proj, layer);
    } else {
      const LinearWeights<T> qkv = linear(WeightKind::qkv_proj, layer);
      block.q_proj = part_of(qkv, WeightKind::q_proj);
      block.k_proj = part_of(qkv, WeightKind::k_proj);
      block.v_proj = part_of(qkv, WeightKind::v_proj);
    }
    block.o_proj = linear(WeightKind::o_proj, layer);
  }

  LinearWeights<T> part_of(const LinearWeights<T>& whole, WeightKind kind) const {
    const std::optional<QkvPart> place = qkv_part(kind, config);
    if (!place) throw InternalError("load_attention: a joint projection that the family lacks");
    LinearWeights<T> part = whole;
    part.weight.data += whole.weight.layout == WeightLayout::in_out
                            ? place->first
                            : place->first * whole.weight.stride;
    part.weight.n_out = place->n_out;
    part.weight.groups = place->groups;
    if (!whole.bias.empty()) {
      part.bias =
          whole.bias.subspan(static_cast<std::size_t>(place->first),
                             static_cast<std::size_t>(place->groups.stored(place->n_out - 1) + 1));
    }
    return part;
  }

  MatrixView<const T> embedding(WeightKind kind, std::span<const T>& cached) {
    const StoredWeight* stored = checkpoint->weight(kind, 0);
    if (stored == nullptr) return {nullptr, 0, config.d_model};
    const std::scoped_lock lock(mutex);
    if (cached.empty()) cached = weight_values(kind, 0);
    return {cached.data(), stored->tensor.shape[0], stored->tensor.shape[1]};
  }
};

template <class T>
Weights<T>::Weights(std::shared_ptr<const Checkpoint> checkpoint, const ModelConfig& config,
                    std::shared_ptr<const ParameterSet<T>> replaced)
    : storage_(std::make_unique<Storage>()) {
  storage_->checkpoint = std::move(checkpoint);
  storage_->replaced = std::move(replaced);
  storage_->config = config;
  storage_->blocks.resize(static_cast<std::size_t>(config.n_layers));
  storage_->block_ready.resize(static_cast<std::size_t>(config.n_layers));
}

template <class T>
Weights<T>::~Weights() = default;

template <class T>
MatrixView<const T> Weights<T>::wte() const {
  return storage_->embedding(WeightKind::wte, storage_->wte);
}

template <class T>
MatrixView<const T> Weights<T>::wpe() const {
  return storage_->embedding(WeightKind::wpe, storage_->wpe);
}

template <class T>
const BlockWeights<T>& Weights<T>::block(Index layer) const {
  if (layer < 0 || layer >= storage_->config.n_layers) {
    throw ArgumentError(ErrorCode::out_of_range,
                        fmt::format("Weights::block: layer {}, expected 0 to {}", layer,
                                    storage_->config.n_layers - 1));
  }
  const auto l = static_cast<std::size_t>(layer);
  const std::scoped_lock lock(storage_->mutex);
  BlockWeights<T>& block = storage_->blocks[l];
  if (storage_->block_ready[l]) return block;
  block.ln_1 = storage_->norm(WeightKind::ln_1, layer);
  storage_->load_attention(block, layer);
  block.ln_2 = storage_->norm(WeightKind::ln_2, layer);
  block.up_proj = storage_->linear(WeightKind::up_proj, layer);
  block.gate_proj = storage_->linear(WeightKind::gate_proj, layer);
  block.down_proj = storage_->linear(WeightKind::down_proj, layer);
  storage_->block_ready[l] = true;
  return block;
}

template <class T>
NormWeights<T> Weights<T>::ln_f() const {
  const std::scoped_lock lock(storage_->mutex);
  if (!storage_->ln_f) storage_->ln_f = storage_->norm(WeightKind::ln_f, 0);
  return *storage_->ln_f;
}

template <class T>
LinearWeights<T> Weights<T>::unembed() const {
  const std::scoped_lock lock(storage_->mutex);
  if (!storage_->unembed) {
    LinearWeights<T> head = storage_->linear(WeightKind::lm_head, 0);
    if (head.weight.data == nullptr) {
      const MatrixView<const T> embedding = wte();
      head.weight = {embedding.data, embedding.cols, embedding.rows, embedding.stride,
                     WeightLayout::out_in};
    }
    storage_->unembed = head;
  }
  return *storage_->unembed;
}

template class Weights<float>;
template class Weights<double>;

}  // namespace gnomon
