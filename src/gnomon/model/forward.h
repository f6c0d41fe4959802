// SPDX-License-Identifier: Apache-2.0
// in: a packed batch of token ids   out: calls of hooks with every named tensor on the way
#pragma once

#include <functional>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "gnomon/kernels/matmul.h"
#include "gnomon/model/forward_trace.h"
#include "gnomon/model/hook_points.h"
#include "gnomon/model/weights.h"
#include "gnomon/tokens/packed_batch.h"

namespace gnomon {

// Where a hook is called. Row i of `values` belongs to token rows[i] of the batch; for attention
// scores and patterns `values` is [n_heads n_q, n_k] of one text, row h n_q + i belongs to head h
// and query rows[i].
struct HookContext {
  HookKind kind;
  Index layer;  // -1 outside the blocks
  const PackedBatch& batch;
  std::span<const Index> rows;
  Index text;  // -1 where the rows of all texts are together

  // Where a token of the batch stands in `rows`. Throws InternalError where it was not computed.
  Index row_of(Index token) const;
};

// May read `values`, and may write them: the forward pass goes on with what it finds.
template <class T>
using HookFunction = std::function<void(const HookContext&, MatrixView<T> values)>;

// The hooks of a run, called at their site in the order in which they were added.
template <class T>
class Hooks {
 public:
  void add(HookKind kind, Index layer, HookFunction<T> function);

  bool empty() const { return functions_.empty(); }
  bool has(HookKind kind, Index layer) const {
    return functions_.contains({layer_key(kind, layer), kind});
  }
  void call(const HookContext& context, MatrixView<T> values) const;
  // Throws ArgumentError for a hook at a site that the model does not have: it would never be
  // called.
  void check_sites(const ModelConfig& config) const;
  // The first site with a hook, and the last: the forward pass ends there. Throw ArgumentError
  // where there is none.
  std::pair<HookKind, Index> first() const;
  std::pair<HookKind, Index> last() const;

 private:
  // Orders sites as the forward pass reaches them: before the blocks, block by block, after them.
  static Index layer_key(HookKind kind, Index layer);
  static std::pair<HookKind, Index> site_of(const std::pair<Index, HookKind>& key);

  std::map<std::pair<Index, HookKind>, std::vector<HookFunction<T>>> functions_;
};

// Tokens of a text that an earlier pass has run, before those that a batch has of it.
struct EarlierTokens {
  Index n_token = 0;
  Index first_row = 0;  // of the earlier pass: where the text's keys and values begin
};

// A pass that begins inside the model, with a stream that an earlier pass gave, and possibly inside
// texts.
template <class T>
struct StreamStart {
  Index layer = 0;
  // blocks.{layer}.hook_resid_pre of every token of the batch; with layer = n_layers the last
  // block's hook_resid_post.
  MatrixView<const T> stream;
  // resid_mid: the stream is that site's, and the block's attention is not run; not where attention
  // and MLP stand side by side.
  HookKind at = HookKind::resid_pre;
  // Where the batch's texts go on from others, of each text; empty: all begin with their first
  // token. The batch's positions count from there.
  std::span<const EarlierTokens> earlier = {};
  // By layer of the model, from the first whose attention is run: keys (rotated where positions
  // are) and values [earlier pass's tokens, n_kv_heads d_head].
  std::span<const MatrixView<const T>> earlier_keys = {};
  std::span<const MatrixView<const T>> earlier_values = {};
};

// The forward pass, one implementation for every family, scalar and use. Runs from the embedding to
// the last site that has a hook and stops there.
//
// `kept_rows`, ascending, names the tokens whose values are wanted at that last site; empty means
// all. In the last block reached, queries, attention output, MLP and what follows are computed for
// them alone.
//
// A row's values depend on its own text alone. Without hooks that write, the values are the same
// whichever hooks are present, bit for bit.
//
// With `start` the pass begins there and gives the bits of a pass over whole texts from the
// embedding. `trace` receives what run_backward needs; hooks must not write then, and texts must
// not go on from earlier tokens.
//
// Throws ArgumentError (out_of_range) for a token id outside the vocabulary and (bad_data) for a
// text longer than n_ctx; ArgumentError where `hooks` is empty or names a site that the model does
// not have or that the pass does not reach from `start`; ShapeError where what `start` holds does
// not fit the batch. What a hook throws ends the pass.
template <class T>
void run_forward(const ModelConfig& config, const Weights<T>& weights, const PackedBatch& batch,
                 const Hooks<T>& hooks, std::span<const Index> kept_rows, Backend backend,
                 const StreamStart<T>* start = nullptr, ForwardTrace<T>* trace = nullptr);

}  // namespace gnomon
