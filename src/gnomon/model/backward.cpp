// SPDX-License-Identifier: Apache-2.0
#include "gnomon/model/backward.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "gnomon/base/error.h"
#include "gnomon/base/threads.h"
#include "gnomon/kernels/activation.h"
#include "gnomon/kernels/attention.h"
#include "gnomon/kernels/norm.h"
#include "gnomon/kernels/rotary.h"
#include "gnomon/model/detail/head_projection.h"
#include "gnomon/model/detail/text_rows.h"

namespace gnomon {
namespace {

using detail::attention_shape;
using detail::flat;
using detail::inputs;
using detail::keys_of;
using detail::next;
using detail::positions_of;
using detail::query_ranges;
using detail::QueryRange;
using detail::rows_of;

template <class T>
void fill_zero(MatrixView<T> view) {
  std::ranges::fill(flat(view), T{0});
}

template <class T>
class BackwardPass {
 public:
  BackwardPass(const ModelConfig& config, const Weights<T>& weights, const PackedBatch& batch,
               const ForwardTrace<T>& trace, const Hooks<T>& hooks, ParameterSet<T>* grad,
               Backend backend)
      : config_(config),
        weights_(weights),
        batch_(batch),
        trace_(trace),
        hooks_(hooks),
        grad_(grad),
        backend_(backend) {
    last_kind_ = trace.last.first;
    last_layer_ = stage(last_kind_, trace.last.second);
    check_hooks();
    find_lowest();
  }

  void run() {
    if (last_layer_ == config_.n_layers) unembed();
    for (Index layer = std::min(last_layer_, config_.n_layers - 1);
         layer >= std::max(lowest_, trace_.first_layer); --layer) {
      begin_block(layer);
      mlp(layer);
      attention(layer);
    }
    if (lowest_ < 0 && trace_.first_layer == 0) embed();
  }

 private:
  void check_hooks() const {
    if (hooks_.empty())
      throw ArgumentError("run_backward: no hook, expected one that adds the loss");
    hooks_.check_sites(config_);
    const auto [kind, layer] = hooks_.last();
    if (reached(kind, layer)) return;
    throw ArgumentError(
        fmt::format("run_backward: \"{}\" lies after \"{}\", where the forward pass ended",
                    site_name({kind, layer, std::nullopt}, config_),
                    site_name({last_kind_, trace_.last.second, std::nullopt}, config_)));
  }

  Index stage(HookKind kind, Index layer) const {
    return block_of({kind, layer, std::nullopt}, config_);
  }

  // Whether the forward pass came to this site.
  bool reached(HookKind kind, Index layer) const {
    const Index at = stage(kind, layer);
    return at < last_layer_ || (at == last_layer_ && kind <= last_kind_);
  }

  // The lowest block to go through; -1 where the embedding is wanted.
  void find_lowest() {
    const auto [kind, layer] = hooks_.first();
    lowest_ = stage(kind, layer);
    if (grad_ == nullptr) return;
    for (const auto& [key, entry] : grad_->entries()) {
      if (entry.row.per_block) {
        lowest_ = std::min(lowest_, key.layer);
      } else if (key.kind == WeightKind::wte || key.kind == WeightKind::wpe) {
        lowest_ = -1;
      }
    }
  }

  void call(HookKind kind, Index layer, std::span<const Index> rows, MatrixView<T> values) {
    hooks_.call({kind, layer, batch_, rows, -1}, values);
  }

  Tensor<T>* grad_of(WeightKind kind, Index layer, bool is_bias) {
    return grad_ == nullptr ? nullptr : grad_->find({kind, layer, is_bias});
  }

  std::span<T> grad_vector(WeightKind kind, Index layer, bool is_bias) {
    Tensor<T>* tensor = grad_of(kind, layer, is_bias);
    return tensor == nullptr ? std::span<T>() : tensor->values();
  }

  // Gradients of weight and bias of one projection, or of the outputs of a joint one that are
  // `part`.
  void projection_gradients(WeightKind kind, Index layer, const QkvPart& part,
                            MatrixView<const T> x, MatrixView<const T> grad_y) {
    GradWeightView<T> view;
    view.n_in = x.cols;
    view.n_out = part.n_out;
    view.groups = part.groups;
    if (Tensor<T>* tensor = grad_of(kind, layer, false)) {
      const std::vector<Index>& shape = tensor->shape();
      view.layout = hf_layout(kind, config_);
      view.stride = shape[1];
      view.data = tensor->data();
      view.n_in = view.layout == WeightLayout::in_out ? shape[0] : shape[1];
      view.data += view.layout == WeightLayout::in_out ? part.first : part.first * view.stride;
    }
    std::span<T> bias = grad_vector(kind, layer, true);
    if (!bias.empty()) {
      bias = bias.subspan(static_cast<std::size_t>(part.first),
                          static_cast<std::size_t>(part.groups.stored(part.n_out - 1) + 1));
    }
    if (view.data == nullptr && bias.empty()) return;
    linear_backward_weight<T>(view, bias, x, grad_y, backend_);
  }

  void projection_gradients(WeightKind kind, Index layer, MatrixView<const T> x,
                            MatrixView<const T> grad_y) {
    projection_gradients(kind, layer, {0, grad_y.cols, {}}, x, grad_y);
  }

  void attention_projection_gradients(WeightKind kind, Index layer, MatrixView<const T> x,
                                      MatrixView<const T> grad_y) {
    const std::optional<QkvPart> part = qkv_part(kind, config_);
    if (!part) return projection_gradients(kind, layer, x, grad_y);
    projection_gradients(WeightKind::qkv_proj, layer, *part, x, grad_y);
  }

  // From the gradient at the norm's output, in grad_norm_, to that at its input, added to `grad_x`.
  void norm(const NormTrace<T>& at, const NormWeights<T>& weights, WeightKind kind,
            HookKind scale_kind, Index layer, std::span<const Index> rows, MatrixView<T> grad_x) {
    const MatrixView<T> grad = grad_norm_.view();
    call(next(scale_kind, 2), layer, rows, grad);
    norm_affine_backward<T>(grad, grad_vector(kind, weight_layer(layer), false),
                            grad_vector(kind, weight_layer(layer), true), grad,
                            at.normalized.view(), weights.weight);
    call(next(scale_kind, 1), layer, rows, grad);
    const MatrixView<T> grad_scale = grad_scale_.resize(grad.rows, 1);
    norm_normalize_backward<T>(grad, flat(grad_scale), grad, at.normalized.view(),
                               flat<const T>(at.scale.view()));
    call(scale_kind, layer, rows, grad_scale);
    norm_scale_backward<T>(config_.norm, grad_x, grad, flat<const T>(grad_scale),
                           at.normalized.view());
  }

  static Index weight_layer(Index layer) { return std::max<Index>(layer, 0); }

  void unembed() {
    const std::vector<Index>& rows = trace_.rows_final;
    const auto n = static_cast<Index>(rows.size());
    const MatrixView<const T> out = trace_.ln_final.out.view();
    const MatrixView<T> grad_out = grad_norm_.resize(n, config_.d_model);
    fill_zero(grad_out);
    if (reached(HookKind::logits, -1)) {
      const MatrixView<T> grad_logits = grad_logits_.resize(n, config_.d_vocab);
      fill_zero(grad_logits);
      call(HookKind::logits, -1, rows, grad_logits);
      linear_backward_input<T>(grad_out, grad_logits, weights_.unembed().weight, Output::overwrite,
                               backend_);
      if (config_.tied_unembedding) {
        if (Tensor<T>* wte = grad_of(WeightKind::wte, 0, false)) {
          const GradWeightView<T> view{wte->data(), config_.d_model, config_.d_vocab,
                                       config_.d_model, WeightLayout::out_in};
          linear_backward_weight<T>(view, {}, out, grad_logits, backend_);
        }
      } else {
        projection_gradients(WeightKind::lm_head, 0, out, grad_logits);
      }
    }
    if (reached(HookKind::unembed_in, -1)) call(HookKind::unembed_in, -1, rows, grad_out);
    grad_resid_.resize(n, config_.d_model);
    fill_zero(grad_resid_.view());
    norm_or_part(trace_.ln_final, weights_.ln_f(), WeightKind::ln_f, HookKind::ln_final_scale, -1,
                 rows, grad_resid_.view());
  }

  // As norm, where the forward pass may have ended inside: the steps after its end are left out.
  void norm_or_part(const NormTrace<T>& at, const NormWeights<T>& weights, WeightKind kind,
                    HookKind scale_kind, Index layer, std::span<const Index> rows,
                    MatrixView<T> grad_x) {
    if (reached(next(scale_kind, 2), layer))
      return norm(at, weights, kind, scale_kind, layer, rows, grad_x);
    const MatrixView<T> grad = grad_norm_.view();
    const MatrixView<T> grad_scale = grad_scale_.resize(grad.rows, 1);
    fill_zero(grad_scale);
    if (!reached(scale_kind, layer)) return;
    if (reached(next(scale_kind, 1), layer)) {
      call(next(scale_kind, 1), layer, rows, grad);
      norm_normalize_backward<T>(grad, flat(grad_scale), grad, at.normalized.view(),
                                 flat<const T>(at.scale.view()));
      call(scale_kind, layer, rows, grad_scale);
      return norm_scale_backward<T>(config_.norm, grad_x, grad, flat<const T>(grad_scale),
                                    at.normalized.view());
    }
    throw UnsupportedError(
        fmt::format("run_backward: a forward pass that ends at \"{}\"",
                    site_name({scale_kind, layer, std::nullopt}, config_)),
        "let it run one site further: the scale's gradient needs the normalised stream");
  }

  void begin_block(Index layer) {
    const BlockTrace<T>& kept = trace_.blocks[static_cast<std::size_t>(layer)];
    block_ = &kept;
    if (trace_.inputs_only) {
      run_block_again(layer, kept);
      block_ = &again_.blocks[static_cast<std::size_t>(layer)];
    }
    if (layer < last_layer_) return;
    // The pass ended in this block: nothing comes from above.
    grad_resid_.resize(static_cast<Index>(block_->rows.size()), config_.d_model);
    fill_zero(grad_resid_.view());
  }

  void run_block_again(Index layer, const BlockTrace<T>& kept) {
    // One block's memory goes along from block to block.
    again_.blocks.resize(static_cast<std::size_t>(config_.n_layers));
    if (layer + 1 < config_.n_layers) {
      std::swap(again_.blocks[static_cast<std::size_t>(layer)],
                again_.blocks[static_cast<std::size_t>(layer + 1)]);
    }
    Hooks<T> to_end;
    const bool ended_here = layer == last_layer_;
    to_end.add(ended_here ? last_kind_ : HookKind::resid_post, layer,
               [](const HookContext&, MatrixView<T>) {});
    const bool fewer = kept_fewer(layer);
    const StreamStart<T> start{layer, kept.resid_pre.view()};
    run_forward<T>(config_, weights_, batch_, to_end,
                   fewer ? std::span<const Index>(trace_.kept_rows) : std::span<const Index>(),
                   backend_, &start, &again_);
  }

  bool kept_fewer(Index layer) const {
    return !trace_.kept_rows.empty() && layer == std::min(last_layer_, config_.n_layers - 1);
  }

  void mlp(Index layer) {
    const std::span<const Index> rows = block_->rows;
    const MatrixView<T> grad_resid = grad_resid_.view();
    if (reached(HookKind::resid_post, layer)) call(HookKind::resid_post, layer, rows, grad_resid);
    // In a parallel block the MLP's stream is the one before attention: its gradient is kept apart
    // until that at hook_attn_out, the stream's, has been used.
    const bool hooked = hooks_.has(HookKind::mlp_in, layer);
    if (!hooked && !config_.parallel_block) return mlp_branch(layer, grad_resid);
    const MatrixView<T> grad_in = grad_mlp_in_.resize(grad_resid.rows, grad_resid.cols);
    fill_zero(grad_in);
    mlp_branch(layer, grad_in);
    if (hooked) call(HookKind::mlp_in, layer, rows, grad_in);
    if (!config_.parallel_block) add_flat(grad_resid, grad_in);
  }

  static void add_flat(MatrixView<T> to, MatrixView<T> term) {
    const std::span<const T> from = flat(term);
    for (std::size_t i = 0; i < from.size(); ++i) to.data[i] += from[i];
  }

  // From mlp_out to the input of the block's second norm, added to grad_x.
  void mlp_branch(Index layer, MatrixView<T> grad_x) {
    const BlockTrace<T>& at = *block_;
    const BlockWeights<T>& block = weights_.block(layer);
    const std::span<const Index> rows = at.rows;
    const auto n = static_cast<Index>(rows.size());
    if (!reached(HookKind::ln2_scale, layer)) return;

    const MatrixView<T> grad_post = grad_post_.resize(n, config_.d_mlp);
    if (reached(HookKind::mlp_out, layer)) {
      const MatrixView<T> grad_out = branch_gradient(HookKind::mlp_out, layer, rows);
      projection_gradients(WeightKind::down_proj, layer, at.post.view(), grad_out);
      linear_backward_input<T>(grad_post, grad_out, block.down_proj.weight, Output::overwrite,
                               backend_);
    } else {
      fill_zero(grad_post);
    }
    const MatrixView<T> grad_norm = grad_norm_.resize(n, config_.d_model);
    if (!reached(HookKind::mlp_pre, layer)) {
      fill_zero(grad_norm);
      return norm_or_part(at.ln2, block.ln_2, WeightKind::ln_2, HookKind::ln2_scale, layer, rows,
                          grad_x);
    }
    const MatrixView<T> grad_pre = grad_pre_.resize(n, config_.d_mlp);
    if (reached(HookKind::mlp_post, layer)) {
      call(HookKind::mlp_post, layer, rows, grad_post);
      activation_gradient(at, grad_pre, grad_post);
    } else {
      fill_zero(grad_pre);
      if (config_.gated_mlp) fill_zero(grad_linear_.resize(n, config_.d_mlp));
    }
    const MatrixView<const T> x = at.ln2.out.view();
    if (config_.gated_mlp && reached(HookKind::mlp_pre_linear, layer)) {
      const MatrixView<T> grad_linear = grad_linear_.view();
      call(HookKind::mlp_pre_linear, layer, rows, grad_linear);
      projection_gradients(WeightKind::up_proj, layer, x, grad_linear);
      linear_backward_input<T>(grad_norm, grad_linear, block.up_proj.weight, Output::overwrite,
                               backend_);
    } else {
      fill_zero(grad_norm);
    }
    call(HookKind::mlp_pre, layer, rows, grad_pre);
    projection_gradients(config_.gated_mlp ? WeightKind::gate_proj : WeightKind::up_proj, layer, x,
                         grad_pre);
    linear_backward_input<T>(grad_norm, grad_pre,
                             (config_.gated_mlp ? block.gate_proj : block.up_proj).weight,
                             config_.gated_mlp ? Output::add : Output::overwrite, backend_);
    norm(at.ln2, block.ln_2, WeightKind::ln_2, HookKind::ln2_scale, layer, rows, grad_x);
  }

  // The gradient at a branch's output is the stream's, unless a hook adds to it there.
  MatrixView<T> branch_gradient(HookKind kind, Index layer, std::span<const Index> rows) {
    const MatrixView<T> grad_resid = grad_resid_.view();
    if (!hooks_.has(kind, layer)) return grad_resid;
    const MatrixView<T> grad = grad_branch_.resize(grad_resid.rows, grad_resid.cols);
    std::ranges::copy(flat(grad_resid), grad.data);
    call(kind, layer, rows, grad);
    return grad;
  }

  void activation_gradient(const BlockTrace<T>& at, MatrixView<T> grad_pre,
                           MatrixView<const T> grad_post) {
    const std::span<const T> pre = flat<const T>(at.pre.view());
    if (!config_.gated_mlp) {
      return activation_backward<T>(config_.activation, flat(grad_pre), flat(grad_post), pre);
    }
    // post = f(gate) up: grad_up = grad_post f(gate), grad_gate = f'(gate) (grad_post up).
    const MatrixView<T> grad_linear = grad_linear_.resize(grad_pre.rows, grad_pre.cols);
    activation_forward<T>(config_.activation, flat(grad_linear), pre);
    multiply_forward<T>(flat(grad_linear), flat<const T>(grad_linear), flat(grad_post));
    multiply_forward<T>(flat(grad_pre), flat(grad_post), flat<const T>(at.pre_linear.view()));
    activation_backward<T>(config_.activation, flat(grad_pre), flat<const T>(grad_pre), pre);
  }

  void attention(Index layer) {
    const BlockTrace<T>& at = *block_;
    const BlockWeights<T>& block = weights_.block(layer);
    const std::span<const Index> rows = at.rows;
    const auto n_in = static_cast<Index>(at.rows_in.size());
    const auto n = static_cast<Index>(rows.size());
    const MatrixView<T> grad_resid = grad_resid_.view();
    if (reached(HookKind::resid_mid, layer)) call(HookKind::resid_mid, layer, rows, grad_resid);

    if (reached(HookKind::ln1_scale, layer)) {
      grad_z_.resize(n, config_.n_heads * config_.d_head);
      output_projection(at, block, layer);
      const Index kv_width = config_.n_kv_heads * config_.d_head;
      grad_q_.resize(n, config_.n_heads * config_.d_head);
      fill_zero(grad_k_.resize(n_in, kv_width));
      fill_zero(grad_v_.resize(n_in, kv_width));
      attend(at, layer);
      rotate_back(at, layer);
      query_key_value(at, block, layer);
    }
    if (config_.parallel_block) add_flat(grad_resid, grad_mlp_in_.view());
    MatrixView<T> grad_in = grad_resid;
    if (n != n_in) {
      grad_in = grad_spread_.resize(n_in, config_.d_model);
      fill_zero(grad_in);
      add_at_rows(grad_in, grad_resid, at.rows_in, at.rows);
      std::swap(grad_resid_, grad_spread_);
    }
    if (reached(HookKind::ln1_scale, layer)) {
      norm_or_part(at.ln1, block.ln_1, WeightKind::ln_1, HookKind::ln1_scale, layer, at.rows_in,
                   grad_in);
    }
    stream_copies(at, block, layer, grad_in);
    if (reached(HookKind::resid_pre, layer)) call(HookKind::resid_pre, layer, at.rows_in, grad_in);
  }

  // The gradients at the copies of the stream that queries, keys and values read, one for each
  // head, where a hook wants them. Their sum is in grad_in already; what a hook adds is added to
  // it.
  void stream_copies(const BlockTrace<T>& at, const BlockWeights<T>& block, Index layer,
                     MatrixView<T> grad_in) {
    const bool together = hooks_.has(HookKind::attn_in, layer);
    const MatrixView<T> grad_together =
        grad_attn_in_.resize(together ? grad_in.rows : 0, config_.n_heads * config_.d_model);
    fill_zero(grad_together);
    struct Input {
      HookKind kind;
      const LinearWeights<T>& projection;
      MatrixView<const T> grad;
      std::span<const Index> rows;
    };
    const Input all[] = {
        {HookKind::v_input, block.v_proj, grad_v_.view(), at.rows_in},
        {HookKind::k_input, block.k_proj, grad_k_.view(), at.rows_in},
        {HookKind::q_input, block.q_proj, grad_q_.view(), at.rows},
    };
    for (const Input& input : all) {
      const bool hooked = hooks_.has(input.kind, layer);
      if (!hooked && !together) continue;
      const Index n_heads = input.projection.weight.n_out / config_.d_head;
      const MatrixView<T> grad = grad_copies_.resize(grad_in.rows, n_heads * config_.d_model);
      fill_zero(grad);
      for (Index h = 0; h < n_heads && reached(HookKind::q, layer); ++h)
        copy_gradient(at, block, input, h, grad.columns(h * config_.d_model, config_.d_model));
      if (hooked) call_at_copies(input.kind, layer, at, grad, grad_in);
      if (together) add_flat(grad_together, grad);
    }
    if (together) call_at_copies(HookKind::attn_in, layer, at, grad_together, grad_in);
  }

  // The gradient at one head's copy of the stream.
  template <class Input>
  void copy_gradient(const BlockTrace<T>& at, const BlockWeights<T>& block, const Input& input,
                     Index head, MatrixView<T> to) {
    const Index first = head * config_.d_head;
    const MatrixView<T> own =
        grad_branch_.resize(static_cast<Index>(input.rows.size()), config_.d_model);
    linear_backward_input<T>(own, input.grad.columns(first, config_.d_head),
                             detail::outputs(input.projection, first, config_.d_head).weight,
                             Output::overwrite, backend_);
    const MatrixView<T> grad = grad_norm_.resize(to.rows, to.cols);
    fill_zero(grad);
    add_at_rows(grad, own, at.rows_in, input.rows);
    norm_affine_backward<T>(grad, {}, {}, grad, at.ln1.normalized.view(), block.ln_1.weight);
    const MatrixView<T> grad_scale = grad_scale_.resize(grad.rows, 1);
    norm_normalize_backward<T>(grad, flat(grad_scale), grad, at.ln1.normalized.view(),
                               flat<const T>(at.ln1.scale.view()));
    norm_scale_backward<T>(config_.norm, to, grad, flat<const T>(grad_scale),
                           at.ln1.normalized.view());
  }

  // What a hook adds to the copies' gradients is added to the stream's.
  void call_at_copies(HookKind kind, Index layer, const BlockTrace<T>& at, MatrixView<T> grad,
                      MatrixView<T> grad_in) {
    const std::vector<T> before(grad.data, grad.data + grad.rows * grad.cols);
    call(kind, layer, at.rows_in, grad);
    detail::add_changes<T>(grad_in, grad, before);
  }

  // to, of `rows_to`, += from, of some of these.
  static void add_at_rows(MatrixView<T> to, MatrixView<const T> from,
                          std::span<const Index> rows_to, std::span<const Index> rows_from) {
    std::size_t in = 0;
    for (Index i = 0; i < from.rows; ++i) {
      while (rows_to[in] != rows_from[static_cast<std::size_t>(i)]) ++in;
      const std::span<T> sum = to.row(static_cast<Index>(in));
      const std::span<const T> term = from.row(i);
      for (std::size_t c = 0; c < sum.size(); ++c) sum[c] += term[c];
    }
  }

  // From attn_out to z.
  void output_projection(const BlockTrace<T>& at, const BlockWeights<T>& block, Index layer) {
    const MatrixView<T> grad_z = grad_z_.view();
    if (!reached(HookKind::attn_out, layer) && !reached(HookKind::result, layer)) {
      fill_zero(grad_z);
      return;
    }
    const MatrixView<const T> z = at.z.view();
    const MatrixView<T> grad_out = branch_gradient(HookKind::attn_out, layer, at.rows);
    if (!hooks_.has(HookKind::result, layer)) {
      projection_gradients(WeightKind::o_proj, layer, z, grad_out);
      return linear_backward_input<T>(grad_z, grad_out, block.o_proj.weight, Output::overwrite,
                                      backend_);
    }
    // Head by head, as result[h] = z[h] W_O[h] and attn_out = Σ_h result[h] + b_O.
    const Index d = config_.d_model;
    const MatrixView<T> grad_result = grad_result_.resize(grad_out.rows, config_.n_heads * d);
    for (Index i = 0; i < grad_out.rows; ++i) {
      for (Index h = 0; h < config_.n_heads; ++h)
        std::ranges::copy(grad_out.row(i), grad_result.row(i).begin() + h * d);
    }
    call(HookKind::result, layer, at.rows, grad_result);
    Tensor<T>* weight = grad_of(WeightKind::o_proj, layer, false);
    for (Index h = 0; h < config_.n_heads; ++h) {
      const Index first = h * config_.d_head;
      const MatrixView<const T> grad_head = grad_result.columns(h * d, d);
      linear_backward_input<T>(grad_z.columns(first, config_.d_head), grad_head,
                               inputs(block.o_proj.weight, first, config_.d_head),
                               Output::overwrite, backend_);
      if (weight == nullptr) continue;
      const GradWeightView<T> whole{weight->data(), z.cols, d, weight->shape()[1],
                                    hf_layout(WeightKind::o_proj, config_)};
      linear_backward_weight<T>(inputs(whole, first, config_.d_head), {},
                                z.columns(first, config_.d_head), grad_head, backend_);
    }
    if (const std::span<T> bias = grad_vector(WeightKind::o_proj, layer, true); !bias.empty())
      linear_backward_weight<T>(GradWeightView<T>{nullptr, z.cols, d, 0, {}}, bias, z, grad_out,
                                backend_);
  }

  // From z to queries (rotated), keys (rotated) and values.
  void attend(const BlockTrace<T>& at, Index layer) {
    const MatrixView<T> grad_z = grad_z_.view();
    if (reached(HookKind::z, layer)) call(HookKind::z, layer, at.rows, grad_z);
    const bool pairs_hooked =
        hooks_.has(HookKind::attn_scores, layer) || hooks_.has(HookKind::pattern, layer);
    const std::vector<QueryRange> ranges =
        query_ranges(batch_, at.rows, std::numeric_limits<Index>::max());
    if (!reached(HookKind::attn_scores, layer)) {
      fill_zero(grad_q_.view());
    } else if (pairs_hooked || !reached(HookKind::z, layer)) {
      for (const QueryRange& range : ranges) attend_in_steps(at, layer, range);
    } else {
      attend_at_once(at, ranges);
    }
  }

  // Work items are a text and a group of heads that share keys: their gradients are apart.
  void attend_at_once(const BlockTrace<T>& at, const std::vector<QueryRange>& ranges) {
    const Index group = config_.n_heads / config_.n_kv_heads;
    const Index d = config_.d_head;
    AttentionShape shape = attention_shape(config_);
    shape.n_heads = group;
    shape.n_kv_heads = 1;
    const auto n_item = static_cast<Index>(ranges.size()) * config_.n_kv_heads;
    parallel_for(0, n_item, 1, [&](Index first, Index last) {
      for (Index item = first; item < last; ++item) {
        const QueryRange& range = ranges[static_cast<std::size_t>(item / config_.n_kv_heads)];
        const Index kv = item % config_.n_kv_heads;
        const auto queries = [&](MatrixView<T> m) {
          return m.row_range(range.first, range.n).columns(kv * group * d, group * d);
        };
        const auto keys = [&](MatrixView<T> m) {
          return keys_of(m, batch_, range.text).columns(kv * d, d);
        };
        attention_backward<T>(queries(grad_q_.view()), keys(grad_k_.view()), keys(grad_v_.view()),
                              queries(grad_z_.view()), queries(at.q.view()), keys(at.k.view()),
                              keys(at.v.view()), positions_of(batch_, rows_of(at.rows, range)),
                              shape);
      }
    });
  }

  void attend_in_steps(const BlockTrace<T>& at, Index layer, const QueryRange& range) {
    const Index n_k = batch_.length(range.text);
    const MatrixView<T> pattern = pattern_.resize(config_.n_heads * range.n, n_k);
    const MatrixView<T> grad = grad_pattern_.resize(config_.n_heads * range.n, n_k);
    const std::vector<Index> positions = positions_of(batch_, rows_of(at.rows, range));
    const MatrixView<T> q = at.q.view().row_range(range.first, range.n);
    const MatrixView<T> k = keys_of(at.k.view(), batch_, range.text);
    attention_scores_forward<T>(pattern, q, k, positions, attention_shape(config_));
    attention_pattern_forward<T>(pattern, pattern);
    const std::span<const Index> rows = rows_of(at.rows, range);
    if (reached(HookKind::z, layer)) {
      attention_values_backward<T>(grad, keys_of(grad_v_.view(), batch_, range.text),
                                   grad_z_.view().row_range(range.first, range.n), pattern,
                                   keys_of(at.v.view(), batch_, range.text), positions,
                                   attention_shape(config_));
    } else {
      fill_zero(grad);
    }
    if (reached(HookKind::pattern, layer)) {
      hooks_.call({HookKind::pattern, layer, batch_, rows, range.text}, grad);
      attention_pattern_backward<T>(grad, grad, pattern);
    }
    hooks_.call({HookKind::attn_scores, layer, batch_, rows, range.text}, grad);
    attention_scores_backward<T>(grad_q_.view().row_range(range.first, range.n),
                                 keys_of(grad_k_.view(), batch_, range.text), grad, q, k, positions,
                                 attention_shape(config_));
  }

  void rotate_back(const BlockTrace<T>& at, Index layer) {
    if (config_.position != PositionKind::rotary) return;
    if (reached(HookKind::rot_k, layer)) {
      call(HookKind::rot_k, layer, at.rows_in, grad_k_.view());
      rotate_rows_back(grad_k_.view(), at.rows_in);
    }
    if (reached(HookKind::rot_q, layer)) {
      call(HookKind::rot_q, layer, at.rows, grad_q_.view());
      rotate_rows_back(grad_q_.view(), at.rows);
    }
  }

  void rotate_rows_back(MatrixView<T> grad, std::span<const Index> rows) {
    rotary_backward<T>(grad, grad, positions_of(batch_, rows), config_.rotary_frequency,
                       config_.d_head);
  }

  // From queries, keys and values to the norm's output, in grad_norm_.
  void query_key_value(const BlockTrace<T>& at, const BlockWeights<T>& block, Index layer) {
    const MatrixView<T> grad_norm =
        grad_norm_.resize(static_cast<Index>(at.rows_in.size()), config_.d_model);
    if (!reached(HookKind::q, layer)) return fill_zero(grad_norm);
    const bool fewer = at.rows.size() != at.rows_in.size();
    const MatrixView<const T> x = at.ln1.out.view();
    const MatrixView<const T> x_q = fewer ? at.q_input.view() : at.ln1.out.view();
    if (reached(HookKind::v, layer)) call(HookKind::v, layer, at.rows_in, grad_v_.view());
    if (reached(HookKind::k, layer)) call(HookKind::k, layer, at.rows_in, grad_k_.view());
    call(HookKind::q, layer, at.rows, grad_q_.view());
    attention_projection_gradients(WeightKind::v_proj, layer, x, grad_v_.view());
    attention_projection_gradients(WeightKind::k_proj, layer, x, grad_k_.view());
    attention_projection_gradients(WeightKind::q_proj, layer, x_q, grad_q_.view());
    linear_backward_input<T>(grad_norm, grad_v_.view(), block.v_proj.weight, Output::overwrite,
                             backend_);
    linear_backward_input<T>(grad_norm, grad_k_.view(), block.k_proj.weight, Output::add, backend_);
    if (!fewer) {
      return linear_backward_input<T>(grad_norm, grad_q_.view(), block.q_proj.weight, Output::add,
                                      backend_);
    }
    const MatrixView<T> grad_x_q =
        grad_branch_.resize(static_cast<Index>(at.rows.size()), config_.d_model);
    linear_backward_input<T>(grad_x_q, grad_q_.view(), block.q_proj.weight, Output::overwrite,
                             backend_);
    add_at_rows(grad_norm, grad_x_q, at.rows_in, at.rows);
  }

  void embed() {
    std::vector<Index> all(static_cast<std::size_t>(batch_.n_token()));
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<Index>(i);
    if (last_layer_ < 0) fill_zero(grad_resid_.resize(batch_.n_token(), config_.d_model));
    const MatrixView<T> grad = grad_resid_.view();
    if (config_.position == PositionKind::learned && reached(HookKind::pos_embed, -1)) {
      const bool embed_ends = last_kind_ == HookKind::pos_embed && last_layer_ < 0;
      const MatrixView<T> positions = grad_branch_.resize(grad.rows, grad.cols);
      std::ranges::copy(flat(grad), positions.data);
      call(HookKind::pos_embed, -1, all, positions);
      if (embed_ends) fill_zero(grad);
      add_embedding(WeightKind::wpe, positions, [&](std::size_t i) { return batch_.position[i]; });
    }
    call(HookKind::embed, -1, all, grad);
    add_embedding(WeightKind::wte, grad,
                  [&](std::size_t i) { return static_cast<Index>(batch_.ids[i]); });
  }

  template <class RowOf>
  void add_embedding(WeightKind kind, MatrixView<const T> grad, const RowOf& row_of) {
    Tensor<T>* table = grad_of(kind, 0, false);
    if (table == nullptr) return;
    for (Index i = 0; i < grad.rows; ++i) {
      const std::span<T> sum = table->matrix().row(row_of(static_cast<std::size_t>(i)));
      const std::span<const T> term = grad.row(i);
      for (std::size_t c = 0; c < sum.size(); ++c) sum[c] += term[c];
    }
  }

  const ModelConfig& config_;
  const Weights<T>& weights_;
  const PackedBatch& batch_;
  const ForwardTrace<T>& trace_;
  const Hooks<T>& hooks_;
  ParameterSet<T>* grad_;
  Backend backend_;
  HookKind last_kind_{};
  Index last_layer_ = -1;  // n_layers where the pass ended after the blocks, -1 before them
  Index lowest_ = 0;
  const BlockTrace<T>* block_ = nullptr;
  ForwardTrace<T> again_;  // of the block that was run a second time

  Buffer<T> grad_attn_in_, grad_copies_;  // of the stream's copies, where a hook wants them
  Buffer<T> grad_resid_, grad_mlp_in_, grad_spread_, grad_branch_, grad_norm_, grad_scale_,
      grad_logits_, grad_post_, grad_pre_, grad_linear_, grad_z_, grad_q_, grad_k_, grad_v_,
      grad_result_, pattern_, grad_pattern_;
};

}  // namespace

template <class T>
void run_backward(const ModelConfig& config, const Weights<T>& weights, const PackedBatch& batch,
                  const ForwardTrace<T>& trace, const Hooks<T>& grad_hooks, ParameterSet<T>* grad,
                  Backend backend) {
  BackwardPass<T>(config, weights, batch, trace, grad_hooks, grad, backend).run();
}

template void run_backward<float>(const ModelConfig&, const Weights<float>&, const PackedBatch&,
                                  const ForwardTrace<float>&, const Hooks<float>&,
                                  ParameterSet<float>*, Backend);
template void run_backward<double>(const ModelConfig&, const Weights<double>&, const PackedBatch&,
                                   const ForwardTrace<double>&, const Hooks<double>&,
                                   ParameterSet<double>*, Backend);

}  // namespace gnomon
