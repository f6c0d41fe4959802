// SPDX-License-Identifier: Apache-2.0
#include "gnomon/model/detail/forward_checks.h"

#include <fmt/format.h>

#include <algorithm>

#include "gnomon/base/error.h"

namespace gnomon::detail {
namespace {

template <class T>
void check_earlier(const ModelConfig& config, const PackedBatch& batch, const Hooks<T>& hooks,
                   const StreamStart<T>& start) {
  if (start.earlier.empty()) return;
  if (static_cast<Index>(start.earlier.size()) != batch.n_text())
    throw ShapeError(fmt::format("run_forward: {} texts with earlier tokens, expected {}",
                                 start.earlier.size(), batch.n_text()));
  for (Index t = 0; t < batch.n_text(); ++t) {
    const EarlierTokens& earlier = start.earlier[static_cast<std::size_t>(t)];
    const Index first = batch.offset[static_cast<std::size_t>(t)];
    if (batch.position[static_cast<std::size_t>(first)] != earlier.n_token ||
        earlier.n_token + batch.length(t) > config.n_ctx) {
      throw ShapeError(
          fmt::format("run_forward: text {} goes on at position {} with {} tokens after {} earlier "
                      "ones, n_ctx is {}",
                      t, batch.position[static_cast<std::size_t>(first)], batch.length(t),
                      earlier.n_token, config.n_ctx));
    }
  }
  const Index first_layer = start.layer + (start.at == HookKind::resid_mid ? 1 : 0);
  const auto holds = [&](std::span<const MatrixView<const T>> views, Index layer) {
    if (static_cast<Index>(views.size()) <= layer) return false;
    const MatrixView<const T>& view = views[static_cast<std::size_t>(layer)];
    return view.cols == config.n_kv_heads * config.d_head &&
           std::ranges::all_of(start.earlier, [&](const EarlierTokens& earlier) {
             return earlier.first_row + earlier.n_token <= view.rows;
           });
  };
  const auto [kind, last_layer] = hooks.last();
  const Index end = hook_point(kind).per_block ? last_layer + 1 : config.n_layers;
  for (Index layer = first_layer; layer < end; ++layer) {
    if (!holds(start.earlier_keys, layer) || !holds(start.earlier_values, layer))
      throw ShapeError(
          fmt::format("run_forward: no keys and values of the earlier tokens in layer {}", layer));
  }
}

}  // namespace

void check_batch(const ModelConfig& config, const PackedBatch& batch,
                 std::span<const Index> kept_rows) {
  for (Index t = 0; t < batch.n_text(); ++t) {
    if (batch.length(t) > config.n_ctx) {
      throw ArgumentError(
          ErrorCode::bad_data,
          fmt::format("run_forward: text {} has {} tokens, expected at most n_ctx = {}", t,
                      batch.length(t), config.n_ctx));
    }
  }
  for (const TokenId id : batch.ids) {
    if (id < 0 || id >= config.d_vocab) {
      throw ArgumentError(
          ErrorCode::out_of_range,
          fmt::format("run_forward: token id {}, expected 0 to {}", id, config.d_vocab - 1));
    }
  }
  for (std::size_t i = 0; i < kept_rows.size(); ++i) {
    const Index floor = i == 0 ? 0 : kept_rows[i - 1] + 1;
    if (kept_rows[i] < floor || kept_rows[i] >= batch.n_token()) {
      throw ArgumentError(ErrorCode::out_of_range,
                          fmt::format("run_forward: kept row {}, expected ascending rows below {}",
                                      kept_rows[i], batch.n_token()));
    }
  }
}

template <class T>
void check_start(const ModelConfig& config, const PackedBatch& batch, const Hooks<T>& hooks,
                 const StreamStart<T>& start) {
  const bool at_mid = start.at == HookKind::resid_mid;
  if (at_mid) check_site({HookKind::resid_mid, start.layer, std::nullopt}, config);
  if ((!at_mid && start.at != HookKind::resid_pre) || start.layer < 0 ||
      start.layer > config.n_layers - (at_mid ? 1 : 0)) {
    throw ArgumentError(ErrorCode::out_of_range,
                        fmt::format("run_forward: starts at layer {}, expected 0 to {}",
                                    start.layer, config.n_layers - 1));
  }
  if (start.stream.rows != batch.n_token() || start.stream.cols != config.d_model) {
    throw ShapeError(
        fmt::format("run_forward: the stream is [{}, {}], expected [n_token, d_model] "
                    "= [{}, {}]",
                    start.stream.rows, start.stream.cols, batch.n_token(), config.d_model));
  }
  check_earlier(config, batch, hooks, start);
  const auto [kind, layer] = hooks.first();
  const bool before =
      hook_point(kind).per_block
          ? layer < start.layer || (layer == start.layer && at_mid && kind <= HookKind::resid_mid)
          : kind < HookKind::resid_pre;
  if (before) {
    throw ArgumentError(
        fmt::format("run_forward: \"{}\" lies before layer {}, where the pass starts",
                    site_name({kind, layer, std::nullopt}, config), start.layer));
  }
}

template void check_start<float>(const ModelConfig&, const PackedBatch&, const Hooks<float>&,
                                 const StreamStart<float>&);
template void check_start<double>(const ModelConfig&, const PackedBatch&, const Hooks<double>&,
                                  const StreamStart<double>&);

}  // namespace gnomon::detail
