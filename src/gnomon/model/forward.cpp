// SPDX-License-Identifier: Apache-2.0
#include "gnomon/model/forward.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <tuple>

#include "gnomon/base/error.h"
#include "gnomon/base/threads.h"
#include "gnomon/kernels/activation.h"
#include "gnomon/kernels/attention.h"
#include "gnomon/kernels/norm.h"
#include "gnomon/kernels/rotary.h"
#include "gnomon/model/detail/earlier_keys.h"
#include "gnomon/model/detail/forward_checks.h"
#include "gnomon/model/detail/head_projection.h"
#include "gnomon/model/detail/text_rows.h"

namespace gnomon {
namespace {

using detail::attention_shape;
using detail::flat;
using detail::JoinedKeys;
using detail::keys_of;
using detail::next;
using detail::positions_of;
using detail::query_ranges;
using detail::QueryRange;
using detail::rows_of;

// Rows of elementwise work below which a second thread costs more than it saves.
constexpr Index kRowGrain = 16;
// Queries of one text that are attended together: work items of similar size for all threads.
constexpr Index kQueryBlock = 64;

template <class Body>
void for_row_ranges(Index n_row, const Body& body) {
  parallel_for(0, n_row, kRowGrain, [&](Index first, Index last) { body(first, last - first); });
}

// y += x, both contiguous.
template <class T>
void add_rows(MatrixView<T> y, MatrixView<const T> x) {
  for_row_ranges(y.rows, [&](Index first, Index n) {
    T* to = y.data + first * y.cols;
    const T* from = x.data + first * x.cols;
    for (Index i = 0; i < n * y.cols; ++i) to[i] += from[i];
  });
}

template <class T>
class ForwardPass {
 public:
  ForwardPass(const ModelConfig& config, const Weights<T>& weights, const PackedBatch& batch,
              const Hooks<T>& hooks, std::span<const Index> kept_rows, Backend backend,
              const StreamStart<T>* start, ForwardTrace<T>* trace)
      : config_(config),
        weights_(weights),
        batch_(batch),
        hooks_(hooks),
        kept_rows_(kept_rows),
        backend_(backend),
        start_(start),
        trace_(trace) {
    std::tie(last_kind_, last_layer_) = hooks.last();
    if (trace != nullptr) {
      trace->last = hooks.last();
      trace->kept_rows.assign(kept_rows.begin(), kept_rows.end());
      trace->blocks.resize(static_cast<std::size_t>(config.n_layers));
    }
    if (last_kind_ > HookKind::resid_post) last_layer_ = config.n_layers;
    rows_.resize(static_cast<std::size_t>(batch.n_token()));
    std::iota(rows_.begin(), rows_.end(), Index{0});
  }

  void run() {
    const Index first = start_ != nullptr ? start_->layer : 0;
    if (trace_ != nullptr) trace_->first_layer = first;
    if (start_ != nullptr) {
      const MatrixView<T> x = resid_.resize(batch_.n_token(), config_.d_model);
      for (Index i = 0; i < x.rows; ++i) std::ranges::copy(start_->stream.row(i), x.row(i).begin());
    } else if (embed()) {
      return;
    }
    const bool after_attention = start_ != nullptr && start_->at == HookKind::resid_mid;
    for (Index layer = first; layer < config_.n_layers; ++layer) {
      begin_block(layer);
      const BlockWeights<T>& block = weights_.block(layer);
      if (after_attention && layer == first) {
        if (is_last_block(layer)) keep_stream();
      } else if (attention(block, layer)) {
        return;
      }
      if (mlp(block, layer)) return;
    }
    if (first == config_.n_layers) keep_stream();
    unembed();
  }

 private:
  // From here on block_ is this block's.
  void begin_block(Index layer) {
    const bool keep_all = trace_ != nullptr && !trace_->inputs_only;
    BlockTrace<T>* kept =
        trace_ != nullptr ? &trace_->blocks[static_cast<std::size_t>(layer)] : nullptr;
    block_ = keep_all ? kept : &scratch_;
    block_->rows_in = rows_;
    block_->rows = rows_;
    if (trace_ == nullptr || keep_all) return;
    kept->rows_in = rows_;
    const MatrixView<T> x = resid_.view();
    std::ranges::copy(flat(x), kept->resid_pre.resize(x.rows, x.cols).data);
  }

  // Calls the hooks of a site. True where the pass ends here.
  bool reached(HookKind kind, Index layer, MatrixView<T> values) {
    hooks_.call({kind, layer, batch_, rows_, -1}, values);
    return kind == last_kind_ && (layer < 0 || layer == last_layer_);
  }

  bool is_last_block(Index layer) const {
    return layer == std::min(last_layer_, config_.n_layers - 1);
  }

  bool embed() {
    const MatrixView<const T> wte = weights_.wte();
    const MatrixView<T> x = resid_.resize(batch_.n_token(), config_.d_model);
    for (Index i = 0; i < x.rows; ++i)
      std::ranges::copy(wte.row(batch_.ids[static_cast<std::size_t>(i)]), x.row(i).begin());
    if (reached(HookKind::embed, -1, x)) return true;
    if (config_.position != PositionKind::learned) return false;
    const MatrixView<const T> wpe = weights_.wpe();
    const MatrixView<T> positions = branch_.resize(x.rows, config_.d_model);
    for (Index i = 0; i < x.rows; ++i) {
      std::ranges::copy(wpe.row(batch_.position[static_cast<std::size_t>(i)]),
                        positions.row(i).begin());
    }
    if (reached(HookKind::pos_embed, -1, positions)) return true;
    add_rows<T>(x, positions);
    return false;
  }

  // The three hook points of a norm of x are `scale`, the next and the one after it.
  bool norm(NormTrace<T>& to, MatrixView<const T> x, const NormWeights<T>& weights,
            HookKind scale_kind, Index layer) {
    const MatrixView<T> normalized = to.normalized.resize(x.rows, x.cols);
    const MatrixView<T> y = to.out.resize(x.rows, x.cols);
    const std::span<T> scale = flat(to.scale.resize(x.rows, 1));
    const std::span<T> mean = flat(to.mean.resize(x.rows, 1));
    const auto part = [](std::span<T> s, Index first, Index n) {
      return s.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(n));
    };
    for_row_ranges(x.rows, [&](Index first, Index n) {
      norm_scale_forward<T>(config_.norm, part(mean, first, n), part(scale, first, n),
                            x.row_range(first, n), config_.norm_eps);
    });
    if (reached(scale_kind, layer, to.scale.view())) return true;
    for_row_ranges(x.rows, [&](Index first, Index n) {
      norm_normalize_forward<T>(normalized.row_range(first, n), x.row_range(first, n),
                                part(mean, first, n), part(scale, first, n));
    });
    if (reached(next(scale_kind, 1), layer, normalized)) return true;
    for_row_ranges(x.rows, [&](Index first, Index n) {
      norm_affine_forward<T>(y.row_range(first, n), normalized.row_range(first, n), weights.weight,
                             weights.bias);
    });
    return reached(next(scale_kind, 2), layer, y);
  }

  void linear(MatrixView<T> y, MatrixView<const T> x, const LinearWeights<T>& w) {
    linear_forward<T>(y, x, w.weight, w.bias, backend_);
  }

  bool attention(const BlockWeights<T>& block, Index layer) {
    if (reached(HookKind::resid_pre, layer, resid_.view())) return true;
    if (copy_stream(block, layer)) return true;
    BlockTrace<T>& at = *block_;
    if (norm(at.ln1, resid_.view(), block.ln_1, HookKind::ln1_scale, layer)) return true;

    const Index kv_width = config_.n_kv_heads * config_.d_head;
    const MatrixView<const T> all = at.ln1.out.view();
    linear(at.k.resize(all.rows, kv_width), all, block.k_proj);
    linear(at.v.resize(all.rows, kv_width), all, block.v_proj);
    const bool fewer = is_last_block(layer) && keep_rows();
    linear(at.q.resize(resid_.view().rows, config_.n_heads * config_.d_head),
           fewer ? at.q_input.view() : at.ln1.out.view(), block.q_proj);
    write_changes(at.q.view(), q_changes_, rows_);
    write_changes(at.k.view(), k_changes_, at.rows_in);
    write_changes(at.v.view(), v_changes_, at.rows_in);
    if (reached(HookKind::q, layer, at.q.view())) return true;
    if (reached_keys(HookKind::k, layer, at.k.view())) return true;
    if (reached_keys(HookKind::v, layer, at.v.view())) return true;
    if (rotate(layer)) return true;

    at.z.resize(at.q.view().rows, at.q.view().cols);
    const bool pairs_hooked =
        hooks_.has(HookKind::attn_scores, layer) || hooks_.has(HookKind::pattern, layer);
    if (pairs_hooked) {
      attend_text_by_text(layer);
      if (is_last(HookKind::attn_scores, layer) || is_last(HookKind::pattern, layer)) return true;
    } else {
      attend(layer);
    }
    if (reached(HookKind::z, layer, at.z.view())) return true;
    const MatrixView<T> out = attn_out_.resize(at.z.view().rows, config_.d_model);
    linear(out, at.z.view(), block.o_proj);
    if (hooks_.has(HookKind::result, layer)) {
      hook_result(block.o_proj, layer);
      if (is_last(HookKind::result, layer)) return true;
    }
    if (reached(HookKind::attn_out, layer, out)) return true;
    // In a parallel block the MLP reads the stream before it.
    if (config_.parallel_block) return false;
    add_rows<T>(resid_.view(), out);
    return reached(HookKind::resid_mid, layer, resid_.view());
  }

  // Queries, keys or values of one head, of rows whose copy of the stream a hook has changed.
  struct HeadChange {
    Index head;
    std::vector<Index> rows;
    std::vector<T> values;  // [rows, d_head]
  };

  // The copies of the stream that attention's projections read, one for each head. They are made
  // where a hook wants them, and a head is projected by itself in the rows that a hook has changed:
  // all others keep the bits of the common projection.
  bool copy_stream(const BlockWeights<T>& block, Index layer) {
    const Index d = config_.d_model;
    const MatrixView<const T> stream = resid_.view();
    const auto repeat = [&](Buffer<T>& copies, Index n_heads) {
      const MatrixView<T> to = copies.resize(stream.rows, n_heads * d);
      for (Index i = 0; i < to.rows; ++i) {
        for (Index h = 0; h < n_heads; ++h)
          std::ranges::copy(stream.row(i), to.row(i).begin() + h * d);
      }
    };
    const bool together = hooks_.has(HookKind::attn_in, layer);
    if (together) {
      repeat(attn_in_, config_.n_heads);
      if (reached(HookKind::attn_in, layer, attn_in_.view())) return true;
    }
    struct Input {
      HookKind kind;
      Index n_heads;
      const LinearWeights<T>& projection;
      std::vector<HeadChange>& changes;
    };
    const Input inputs[] = {
        {HookKind::q_input, config_.n_heads, block.q_proj, q_changes_},
        {HookKind::k_input, config_.n_kv_heads, block.k_proj, k_changes_},
        {HookKind::v_input, config_.n_kv_heads, block.v_proj, v_changes_},
    };
    for (const Input& input : inputs) {
      input.changes.clear();
      if (!together && !hooks_.has(input.kind, layer)) continue;
      if (together) {
        std::ranges::copy(flat(attn_in_.view()),
                          head_in_.resize(stream.rows, input.n_heads * d).data);
      } else {
        repeat(head_in_, input.n_heads);
      }
      if (reached(input.kind, layer, head_in_.view())) return true;
      for (Index h = 0; h < input.n_heads; ++h) {
        HeadChange change = project_changed(h, block.ln_1, input.projection);
        if (!change.rows.empty()) input.changes.push_back(std::move(change));
      }
    }
    return false;
  }

  HeadChange project_changed(Index head, const NormWeights<T>& ln,
                             const LinearWeights<T>& projection) {
    const Index d = config_.d_model;
    const MatrixView<const T> stream = resid_.view();
    const MatrixView<const T> copies = head_in_.view().columns(head * d, d);
    HeadChange change{head, {}, {}};
    std::vector<T> x;
    for (Index i = 0; i < stream.rows; ++i) {
      // By bits: a number that is not one differs from itself.
      if (std::memcmp(copies.row(i).data(), stream.row(i).data(), stream.row(i).size_bytes()) == 0)
        continue;
      change.rows.push_back(rows_[static_cast<std::size_t>(i)]);
      x.insert(x.end(), copies.row(i).begin(), copies.row(i).end());
    }
    const auto n = static_cast<Index>(change.rows.size());
    if (n == 0) return change;
    const MatrixView<T> rows(x.data(), n, d);
    std::vector<T> mean(change.rows.size()), scale(change.rows.size());
    norm_scale_forward<T>(config_.norm, mean, scale, rows, config_.norm_eps);
    norm_normalize_forward<T>(rows, rows, mean, scale);
    norm_affine_forward<T>(rows, rows, ln.weight, ln.bias);
    change.values.resize(static_cast<std::size_t>(n * config_.d_head));
    linear({change.values.data(), n, config_.d_head}, rows,
           detail::outputs(projection, head * config_.d_head, config_.d_head));
    return change;
  }

  void write_changes(MatrixView<T> to, const std::vector<HeadChange>& changes,
                     std::span<const Index> rows) {
    for (const HeadChange& change : changes) {
      for (std::size_t i = 0; i < change.rows.size(); ++i) {
        const auto row = std::ranges::lower_bound(rows, change.rows[i]);
        if (row == rows.end() || *row != change.rows[i]) continue;
        std::copy_n(change.values.begin() + static_cast<Index>(i) * config_.d_head, config_.d_head,
                    to.row(row - rows.begin()).begin() + change.head * config_.d_head);
      }
    }
  }

  bool is_last(HookKind kind, Index layer) const {
    return kind == last_kind_ && layer == last_layer_;
  }

  bool reached_keys(HookKind kind, Index layer, MatrixView<T> values) {
    hooks_.call({kind, layer, batch_, block_->rows_in, -1}, values);
    return is_last(kind, layer);
  }

  // From here on only the rows that are wanted at the end. False where those are all.
  bool keep_stream() {
    if (kept_rows_.empty() || kept_rows_.size() == rows_.size()) return false;
    const MatrixView<T> resid = resid_.view();
    const auto n_kept = static_cast<Index>(kept_rows_.size());
    for (Index i = 0; i < n_kept; ++i) {
      const Index row = kept_rows_[static_cast<std::size_t>(i)];
      // Ascending: row i is taken from at or after i, never from one already overwritten.
      if (row != i) std::ranges::copy(resid.row(row), resid.row(i).begin());
    }
    resid_.resize(n_kept, resid.cols);
    rows_.assign(kept_rows_.begin(), kept_rows_.end());
    if (block_ != nullptr) block_->rows = rows_;
    return true;
  }

  bool keep_rows() {
    if (!keep_stream()) return false;
    const MatrixView<T> all = block_->ln1.out.view();
    const MatrixView<T> q_input = block_->q_input.resize(resid_.view().rows, all.cols);
    for (Index i = 0; i < q_input.rows; ++i)
      std::ranges::copy(all.row(kept_rows_[static_cast<std::size_t>(i)]), q_input.row(i).begin());
    return true;
  }

  bool rotate(Index layer) {
    if (config_.position != PositionKind::rotary) return false;
    rotate_rows(block_->q.view(), rows_);
    if (reached(HookKind::rot_q, layer, block_->q.view())) return true;
    rotate_rows(block_->k.view(), block_->rows_in);
    return reached_keys(HookKind::rot_k, layer, block_->k.view());
  }

  void rotate_rows(MatrixView<T> x, std::span<const Index> rows) {
    const std::vector<Index> position = positions_of(batch_, rows);
    for_row_ranges(x.rows, [&](Index first, Index n) {
      rotary_forward<T>(
          x.row_range(first, n), x.row_range(first, n),
          std::span(position).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(n)),
          config_.rotary_frequency, config_.d_head);
    });
  }

  // The keys and values of one text after the other.
  class TextKeys {
   public:
    TextKeys(const ForwardPass& pass, Index layer) : pass_(pass), layer_(layer) {}
    MatrixView<const T> keys(Index text) { return of(text, pass_.block_->k.view(), true); }
    MatrixView<const T> values(Index text) { return of(text, pass_.block_->v.view(), false); }

   private:
    MatrixView<const T> of(Index text, MatrixView<const T> all, bool is_key) {
      const MatrixView<const T> own = keys_of<const T>(all, pass_.batch_, text);
      const StreamStart<T>* start = pass_.start_;
      if (start == nullptr || start->earlier.empty()) return own;
      const auto layer = static_cast<std::size_t>(layer_);
      return (is_key ? keys_ : values_)
          .join(is_key ? start->earlier_keys[layer] : start->earlier_values[layer],
                start->earlier[static_cast<std::size_t>(text)], own);
    }

    const ForwardPass& pass_;
    Index layer_;
    JoinedKeys<T> keys_, values_;
  };

  void attend(Index layer) {
    const std::vector<QueryRange> ranges = query_ranges(batch_, rows_, kQueryBlock);
    parallel_for(0, static_cast<Index>(ranges.size()), 1, [&](Index first, Index last) {
      TextKeys of(*this, layer);
      for (Index i = first; i < last; ++i) {
        const QueryRange& range = ranges[static_cast<std::size_t>(i)];
        attention_forward<T>(block_->z.view().row_range(range.first, range.n),
                             block_->q.view().row_range(range.first, range.n), of.keys(range.text),
                             of.values(range.text), positions_of(batch_, rows_of(rows_, range)),
                             attention_shape(config_));
      }
    });
  }

  void attend_text_by_text(Index layer) {
    std::vector<T> scores;
    TextKeys of(*this, layer);
    for (const QueryRange& range : query_ranges(batch_, rows_, std::numeric_limits<Index>::max())) {
      const MatrixView<const T> keys = of.keys(range.text);
      scores.resize(static_cast<std::size_t>(config_.n_heads * range.n * keys.rows));
      const MatrixView<T> pairs(scores.data(), config_.n_heads * range.n, keys.rows);
      const std::span<const Index> rows = rows_of(rows_, range);
      attention_scores_forward<T>(pairs, block_->q.view().row_range(range.first, range.n), keys,
                                  positions_of(batch_, rows_of(rows_, range)),
                                  attention_shape(config_));
      hooks_.call({HookKind::attn_scores, layer, batch_, rows, range.text}, pairs);
      if (is_last(HookKind::attn_scores, layer)) continue;
      attention_pattern_forward<T>(pairs, pairs);
      hooks_.call({HookKind::pattern, layer, batch_, rows, range.text}, pairs);
      if (is_last(HookKind::pattern, layer)) continue;
      attention_values_forward<T>(block_->z.view().row_range(range.first, range.n), pairs,
                                  of.values(range.text), attention_shape(config_));
    }
  }

  // result[h] = z[h] W_O[h]. A hook's changes are added to attn_out.
  void hook_result(const LinearWeights<T>& o_proj, Index layer) {
    const MatrixView<const T> z = block_->z.view();
    const MatrixView<T> result = result_.resize(z.rows, config_.n_heads * config_.d_model);
    for (Index h = 0; h < config_.n_heads; ++h) {
      linear_forward<T>(result.columns(h * config_.d_model, config_.d_model),
                        z.columns(h * config_.d_head, config_.d_head),
                        detail::inputs(o_proj.weight, h * config_.d_head, config_.d_head), {},
                        backend_);
    }
    const std::vector<T> before(result.data, result.data + result.rows * result.cols);
    hooks_.call({HookKind::result, layer, batch_, rows_, -1}, result);
    detail::add_changes<T>(attn_out_.view(), result, before);
  }

  bool mlp(const BlockWeights<T>& block, Index layer) {
    BlockTrace<T>& at = *block_;
    MatrixView<const T> stream = resid_.view();
    if (hooks_.has(HookKind::mlp_in, layer)) {
      const MatrixView<T> copy = mlp_in_.resize(stream.rows, stream.cols);
      std::ranges::copy(flat(resid_.view()), copy.data);
      if (reached(HookKind::mlp_in, layer, copy)) return true;
      stream = copy;
    }
    if (norm(at.ln2, stream, block.ln_2, HookKind::ln2_scale, layer)) return true;
    const MatrixView<const T> x = at.ln2.out.view();
    const MatrixView<T> pre = at.pre.resize(x.rows, config_.d_mlp);
    const MatrixView<T> post = at.post.resize(x.rows, config_.d_mlp);
    linear(pre, x, config_.gated_mlp ? block.gate_proj : block.up_proj);
    if (reached(HookKind::mlp_pre, layer, pre)) return true;
    if (config_.gated_mlp) {
      linear(at.pre_linear.resize(x.rows, config_.d_mlp), x, block.up_proj);
      if (reached(HookKind::mlp_pre_linear, layer, at.pre_linear.view())) return true;
    }
    for_row_ranges(x.rows, [&](Index first, Index n) {
      activation_forward<T>(config_.activation, flat(post.row_range(first, n)),
                            flat<const T>(pre.row_range(first, n)));
      if (!config_.gated_mlp) return;
      multiply_forward<T>(flat(post.row_range(first, n)), flat<const T>(post.row_range(first, n)),
                          flat<const T>(at.pre_linear.view().row_range(first, n)));
    });
    if (reached(HookKind::mlp_post, layer, post)) return true;
    linear(branch_.resize(x.rows, config_.d_model), post, block.down_proj);
    if (reached(HookKind::mlp_out, layer, branch_.view())) return true;
    if (config_.parallel_block) add_rows<T>(resid_.view(), attn_out_.view());
    add_rows<T>(resid_.view(), branch_.view());
    return reached(HookKind::resid_post, layer, resid_.view());
  }

  void unembed() {
    NormTrace<T>& last = trace_ != nullptr ? trace_->ln_final : scratch_.ln1;
    if (trace_ != nullptr) trace_->rows_final = rows_;
    if (norm(last, resid_.view(), weights_.ln_f(), HookKind::ln_final_scale, -1)) return;
    const MatrixView<T> out = last.out.view();
    if (reached(HookKind::unembed_in, -1, out)) return;
    const MatrixView<T> logits =
        (trace_ != nullptr ? trace_->logits : logits_).resize(out.rows, config_.d_vocab);
    linear(logits, out, weights_.unembed());
    reached(HookKind::logits, -1, logits);
  }

  const ModelConfig& config_;
  const Weights<T>& weights_;
  const PackedBatch& batch_;
  const Hooks<T>& hooks_;
  std::span<const Index> kept_rows_;
  Backend backend_;
  HookKind last_kind_{};
  Index last_layer_ = -1;    // n_layers where the last site lies after the blocks
  std::vector<Index> rows_;  // token of the batch that each current row belongs to

  const StreamStart<T>* start_;  // null: from the embedding
  ForwardTrace<T>* trace_;
  BlockTrace<T> scratch_;  // of the block at hand where no trace keeps it
  BlockTrace<T>* block_ = nullptr;
  Buffer<T> resid_, attn_out_, branch_, result_, logits_;
  Buffer<T> attn_in_, head_in_, mlp_in_;  // copies of the stream, where a hook wants them
  std::vector<HeadChange> q_changes_, k_changes_, v_changes_;
};

}  // namespace

Index HookContext::row_of(Index token) const {
  const auto found = std::ranges::lower_bound(rows, token);
  if (found == rows.end() || *found != token)
    throw InternalError("HookContext: a row that was asked for was not computed");
  return found - rows.begin();
}

template <class T>
Index Hooks<T>::layer_key(HookKind kind, Index layer) {
  if (layer >= 0) return layer;
  return kind < HookKind::resid_pre ? -1 : std::numeric_limits<Index>::max();
}

template <class T>
void Hooks<T>::add(HookKind kind, Index layer, HookFunction<T> function) {
  if (hook_point(kind).per_block != (layer >= 0)) {
    throw ArgumentError(
        fmt::format("Hooks::add: layer {} for \"{}\"", layer, hook_point(kind).name));
  }
  functions_[{layer_key(kind, layer), kind}].push_back(std::move(function));
}

template <class T>
void Hooks<T>::call(const HookContext& context, MatrixView<T> values) const {
  const auto found = functions_.find({layer_key(context.kind, context.layer), context.kind});
  if (found == functions_.end()) return;
  for (const HookFunction<T>& function : found->second) function(context, values);
}

template <class T>
void Hooks<T>::check_sites(const ModelConfig& config) const {
  for (const auto& [key, functions] : functions_) {
    const auto& [layer, kind] = key;
    check_site({kind, hook_point(kind).per_block ? layer : Index{-1}, std::nullopt}, config);
  }
}

template <class T>
std::pair<HookKind, Index> Hooks<T>::first() const {
  if (functions_.empty())
    throw ArgumentError("run_forward: no hook, expected at least one site to run to");
  return site_of(functions_.begin()->first);
}

template <class T>
std::pair<HookKind, Index> Hooks<T>::last() const {
  if (functions_.empty())
    throw ArgumentError("run_forward: no hook, expected at least one site to run to");
  return site_of(functions_.rbegin()->first);
}

template <class T>
std::pair<HookKind, Index> Hooks<T>::site_of(const std::pair<Index, HookKind>& key) {
  return {key.second, hook_point(key.second).per_block ? key.first : Index{-1}};
}

template <class T>
void run_forward(const ModelConfig& config, const Weights<T>& weights, const PackedBatch& batch,
                 const Hooks<T>& hooks, std::span<const Index> kept_rows, Backend backend,
                 const StreamStart<T>* start, ForwardTrace<T>* trace) {
  detail::check_batch(config, batch, kept_rows);
  hooks.check_sites(config);
  if (start != nullptr) detail::check_start(config, batch, hooks, *start);
  if (trace != nullptr && start != nullptr &&
      (!start->earlier.empty() || start->at != HookKind::resid_pre))
    throw ArgumentError("run_forward: a trace of a pass that begins inside a block or a text");
  ForwardPass<T>(config, weights, batch, hooks, kept_rows, backend, start, trace).run();
}

template class Hooks<float>;
template class Hooks<double>;
template void run_forward<float>(const ModelConfig&, const Weights<float>&, const PackedBatch&,
                                 const Hooks<float>&, std::span<const Index>, Backend,
                                 const StreamStart<float>*, ForwardTrace<float>*);
template void run_forward<double>(const ModelConfig&, const Weights<double>&, const PackedBatch&,
                                  const Hooks<double>&, std::span<const Index>, Backend,
                                  const StreamStart<double>*, ForwardTrace<double>*);

}  // namespace gnomon
