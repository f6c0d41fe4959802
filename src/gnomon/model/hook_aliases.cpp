// SPDX-License-Identifier: Apache-2.0
#include "gnomon/model/hook_aliases.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "gnomon/base/error.h"
#include "gnomon/base/quote.h"
#include "gnomon/model/family.h"
#include "gnomon/model/hook_points.h"

namespace gnomon {
namespace {

constexpr std::string_view kShorthand = "TransformerLens shorthand";
constexpr std::string_view kTransformerLens3 = "TransformerLens 3";
constexpr std::string_view kHuggingFace = "Hugging Face";
constexpr std::string_view kPyvene = "pyvene";

// Shorthand is the string or tuple that get_act_name takes, with the layer behind the name. Names
// and equalities of TransformerLens are those of TransformerBridge 4.3.0, of Hugging Face those of
// transformers 5.23.0: every module input, output and hook of a three-layer random model of each
// family was compared with every site; GPT-NeoX's with TransformerLens 3.9.0. pyvene's names are
// the tables of its version 0.1.8.
constexpr std::array kAliases = {
    HookAlias{kShorthand, "", "embed", "hook_embed", true, "get_act_name('embed')"},
    HookAlias{kShorthand, "gpt2", "pos_embed", "hook_pos_embed", true, "get_act_name('pos_embed')"},
    HookAlias{kShorthand, "", "scale", "ln_final.hook_scale", true, "get_act_name('scale')"},
    HookAlias{kShorthand, "", "normalized", "ln_final.hook_normalized", true,
              "get_act_name('normalized')"},
    HookAlias{kShorthand, "", "resid_pre{l}", "blocks.{l}.hook_resid_pre", true,
              "get_act_name('resid_pre', l)"},
    HookAlias{kShorthand, "", "resid_mid{l}", "blocks.{l}.hook_resid_mid", true,
              "get_act_name('resid_mid', l)"},
    HookAlias{kShorthand, "", "resid_post{l}", "blocks.{l}.hook_resid_post", true,
              "get_act_name('resid_post', l)"},
    HookAlias{kShorthand, "", "attn_out{l}", "blocks.{l}.hook_attn_out", true,
              "get_act_name('attn_out', l)"},
    HookAlias{kShorthand, "", "mlp_out{l}", "blocks.{l}.hook_mlp_out", true,
              "get_act_name('mlp_out', l)"},
    HookAlias{kShorthand, "", "q{l}", "blocks.{l}.attn.hook_q", true, "get_act_name('q', l)"},
    HookAlias{kShorthand, "", "query{l}", "blocks.{l}.attn.hook_q", true,
              "get_act_name('query', l)"},
    HookAlias{kShorthand, "", "k{l}", "blocks.{l}.attn.hook_k", true, "get_act_name('k', l)"},
    HookAlias{kShorthand, "", "key{l}", "blocks.{l}.attn.hook_k", true, "get_act_name('key', l)"},
    HookAlias{kShorthand, "", "v{l}", "blocks.{l}.attn.hook_v", true, "get_act_name('v', l)"},
    HookAlias{kShorthand, "", "value{l}", "blocks.{l}.attn.hook_v", true,
              "get_act_name('value', l)"},
    HookAlias{kShorthand, "", "attn_scores{l}", "blocks.{l}.attn.hook_attn_scores", true,
              "get_act_name('attn_scores', l)"},
    HookAlias{kShorthand, "", "attn_logits{l}", "blocks.{l}.attn.hook_attn_scores", true,
              "get_act_name('attn_logits', l)"},
    HookAlias{kShorthand, "", "pattern{l}", "blocks.{l}.attn.hook_pattern", true,
              "get_act_name('pattern', l)"},
    HookAlias{kShorthand, "", "attn{l}", "blocks.{l}.attn.hook_pattern", true,
              "get_act_name('attn', l)"},
    HookAlias{kShorthand, "", "z{l}", "blocks.{l}.attn.hook_z", true, "get_act_name('z', l)"},
    HookAlias{kShorthand, "", "result{l}", "blocks.{l}.attn.hook_result", true,
              "get_act_name('result', l)"},
    HookAlias{kShorthand, "", "pre{l}", "blocks.{l}.mlp.hook_pre", true, "get_act_name('pre', l)"},
    HookAlias{kShorthand, "", "mlp_pre{l}", "blocks.{l}.mlp.hook_pre", true,
              "get_act_name('mlp_pre', l)"},
    HookAlias{kShorthand, "", "post{l}", "blocks.{l}.mlp.hook_post", true,
              "get_act_name('post', l)"},
    HookAlias{kShorthand, "", "mlp_post{l}", "blocks.{l}.mlp.hook_post", true,
              "get_act_name('mlp_post', l)"},
    HookAlias{kShorthand, "llama", "rot_q{l}", "blocks.{l}.attn.hook_rot_q", true,
              "get_act_name('rot_q', l)"},
    HookAlias{kShorthand, "llama", "rot_k{l}", "blocks.{l}.attn.hook_rot_k", true,
              "get_act_name('rot_k', l)"},
    HookAlias{kShorthand, "gpt_neox", "rot_q{l}", "blocks.{l}.attn.hook_rot_q", true,
              "get_act_name('rot_q', l)"},
    HookAlias{kShorthand, "gpt_neox", "rot_k{l}", "blocks.{l}.attn.hook_rot_k", true,
              "get_act_name('rot_k', l)"},
    HookAlias{kShorthand, "llama", "pre_linear{l}", "blocks.{l}.mlp.hook_pre_linear", true,
              "get_act_name('pre_linear', l)"},
    HookAlias{kShorthand, "", "scale{l}ln1", "blocks.{l}.ln1.hook_scale", true,
              "get_act_name('scale', l, 'ln1')"},
    HookAlias{kShorthand, "", "scale{l}ln2", "blocks.{l}.ln2.hook_scale", true,
              "get_act_name('scale', l, 'ln2')"},
    HookAlias{kShorthand, "", "normalized{l}ln1", "blocks.{l}.ln1.hook_normalized", true,
              "get_act_name('normalized', l, 'ln1')"},
    HookAlias{kShorthand, "", "normalized{l}ln2", "blocks.{l}.ln2.hook_normalized", true,
              "get_act_name('normalized', l, 'ln2')"},
    HookAlias{kTransformerLens3, "", "embed.hook_out", "hook_embed", true,
              "output of the token embedding"},
    HookAlias{kTransformerLens3, "gpt2", "pos_embed.hook_out", "hook_pos_embed", true,
              "output of the position embedding"},
    HookAlias{kTransformerLens3, "", "blocks.{l}.hook_in", "blocks.{l}.hook_resid_pre", true,
              "input of the block"},
    HookAlias{kTransformerLens3, "", "blocks.{l}.ln1.hook_in", "blocks.{l}.hook_resid_pre", true,
              "input of ln1: the same numbers, but changing them there leaves the stream as it is"},
    HookAlias{kTransformerLens3, "", "blocks.{l}.attn.hook_in", "blocks.{l}.ln1.hook_out", true,
              "input of attention"},
    HookAlias{
        kTransformerLens3, "", "blocks.{l}.attn.q.hook_in", "blocks.{l}.ln1.hook_out", true,
        "input of the q projection: the same numbers, but changing them there reaches q alone"},
    HookAlias{kTransformerLens3, "", "blocks.{l}.attn.q.hook_out", "blocks.{l}.attn.hook_q", true,
              "output of the q projection"},
    HookAlias{
        kTransformerLens3, "", "blocks.{l}.attn.k.hook_in", "blocks.{l}.ln1.hook_out", true,
        "input of the k projection: the same numbers, but changing them there reaches k alone"},
    HookAlias{kTransformerLens3, "", "blocks.{l}.attn.k.hook_out", "blocks.{l}.attn.hook_k", true,
              "output of the k projection"},
    HookAlias{
        kTransformerLens3, "", "blocks.{l}.attn.v.hook_in", "blocks.{l}.ln1.hook_out", true,
        "input of the v projection: the same numbers, but changing them there reaches v alone"},
    HookAlias{kTransformerLens3, "", "blocks.{l}.attn.v.hook_out", "blocks.{l}.attn.hook_v", true,
              "output of the v projection"},
    HookAlias{kTransformerLens3, "", "blocks.{l}.attn.o.hook_in", "blocks.{l}.attn.hook_z", true,
              "input of the output projection"},
    HookAlias{kTransformerLens3, "", "blocks.{l}.attn.o.hook_out", "blocks.{l}.hook_attn_out", true,
              "output of the output projection"},
    HookAlias{kTransformerLens3, "gpt2", "blocks.{l}.attn.hook_hidden_states",
              "blocks.{l}.hook_attn_out", true, "output of attention"},
    HookAlias{kTransformerLens3, "gpt_neox", "blocks.{l}.attn.hook_hidden_states",
              "blocks.{l}.hook_attn_out", true, "output of attention"},
    HookAlias{kTransformerLens3, "", "blocks.{l}.attn.hook_out", "blocks.{l}.hook_attn_out", true,
              "output of attention"},
    HookAlias{kTransformerLens3, "", "blocks.{l}.ln2.hook_in", "blocks.{l}.hook_resid_mid", true,
              "input of ln2: the same numbers, but changing them there leaves the stream as it is"},
    HookAlias{kTransformerLens3, "", "blocks.{l}.mlp.hook_in", "blocks.{l}.ln2.hook_out", true,
              "input of the MLP"},
    HookAlias{kTransformerLens3, "gpt2", "blocks.{l}.mlp.in.hook_in", "blocks.{l}.ln2.hook_out",
              true, "input of W_in"},
    HookAlias{kTransformerLens3, "gpt_neox", "blocks.{l}.mlp.in.hook_in", "blocks.{l}.ln2.hook_out",
              true, "input of W_in"},
    HookAlias{kTransformerLens3, "gpt_neox", "blocks.{l}.mlp.in.hook_out",
              "blocks.{l}.mlp.hook_pre", true, "output of W_in"},
    HookAlias{kTransformerLens3, "llama", "blocks.{l}.mlp.in.hook_in", "blocks.{l}.ln2.hook_out",
              true,
              "input of W_in: the same numbers, but changing them there leaves the gate as it is"},
    HookAlias{kTransformerLens3, "llama", "blocks.{l}.mlp.gate.hook_in", "blocks.{l}.ln2.hook_out",
              true,
              "input of W_gate: the same numbers, but changing them there reaches the gate alone"},
    HookAlias{kTransformerLens3, "gpt2", "blocks.{l}.mlp.in.hook_out", "blocks.{l}.mlp.hook_pre",
              true, "output of W_in"},
    HookAlias{kTransformerLens3, "llama", "blocks.{l}.mlp.in.hook_out",
              "blocks.{l}.mlp.hook_pre_linear", true, "output of W_in, the up projection"},
    HookAlias{kTransformerLens3, "llama", "blocks.{l}.mlp.gate.hook_out", "blocks.{l}.mlp.hook_pre",
              true, "output of W_gate"},
    HookAlias{kTransformerLens3, "", "blocks.{l}.mlp.out.hook_in", "blocks.{l}.mlp.hook_post", true,
              "input of W_out"},
    HookAlias{kTransformerLens3, "", "blocks.{l}.mlp.out.hook_out", "blocks.{l}.hook_mlp_out", true,
              "output of W_out"},
    HookAlias{kTransformerLens3, "", "blocks.{l}.mlp.hook_out", "blocks.{l}.hook_mlp_out", true,
              "output of the MLP"},
    HookAlias{kTransformerLens3, "", "blocks.{l}.hook_out", "blocks.{l}.hook_resid_post", true,
              "output of the block"},
    HookAlias{kTransformerLens3, "", "ln_final.hook_in", "blocks.{last}.hook_resid_post", true,
              "input of the final norm"},
    HookAlias{kTransformerLens3, "", "hook_unembed", "unembed.hook_out", true,
              "output of the unembedding"},
    HookAlias{kHuggingFace, "gpt2", "transformer.wte.out", "hook_embed", true,
              "output of the token embedding"},
    HookAlias{kHuggingFace, "gpt2", "transformer.wpe.out", "hook_pos_embed", true,
              "output of the position embedding"},
    HookAlias{kHuggingFace, "gpt2", "transformer.drop.out", "blocks.0.hook_resid_pre", true,
              "wte + wpe; dropout does nothing in evaluation"},
    HookAlias{kHuggingFace, "gpt2", "transformer.h.{l}.in", "blocks.{l}.hook_resid_pre", true,
              "input of the block"},
    HookAlias{
        kHuggingFace, "gpt2", "transformer.h.{l}.ln_1.in", "blocks.{l}.hook_resid_pre", true,
        "input of ln_1: the same numbers, but changing them there leaves the stream as it is"},
    HookAlias{kHuggingFace, "gpt2", "transformer.h.{l}.ln_1.out", "blocks.{l}.ln1.hook_out", true,
              "normalized * weight + bias"},
    HookAlias{kHuggingFace, "gpt2", "transformer.h.{l}.attn.in", "blocks.{l}.ln1.hook_out", true,
              "input of attention"},
    HookAlias{kHuggingFace, "gpt2", "transformer.h.{l}.attn.c_attn.in", "blocks.{l}.ln1.hook_out",
              true, "input of the q, k and v projection"},
    HookAlias{
        kHuggingFace, "gpt2", "transformer.h.{l}.attn.c_attn.out", "blocks.{l}.attn.hook_q", false,
        "q, k and v side by side, [pos, 3 d_model]: hook_q, hook_k and hook_v are its thirds"},
    HookAlias{kHuggingFace, "gpt2", "transformer.h.{l}.attn.c_proj.in", "blocks.{l}.attn.hook_z",
              true, "[pos, d_model] read as [pos, head, d_head]"},
    HookAlias{kHuggingFace, "gpt2", "transformer.h.{l}.attn.c_proj.out", "blocks.{l}.hook_attn_out",
              true, "output of the output projection"},
    HookAlias{kHuggingFace, "gpt2", "transformer.h.{l}.attn.resid_dropout.out",
              "blocks.{l}.hook_attn_out", true, "dropout does nothing in evaluation"},
    HookAlias{kHuggingFace, "gpt2", "transformer.h.{l}.attn.out", "blocks.{l}.hook_attn_out", true,
              "first element of the tuple that attention returns"},
    HookAlias{
        kHuggingFace, "gpt2", "transformer.h.{l}.ln_2.in", "blocks.{l}.hook_resid_mid", true,
        "input of ln_2: the same numbers, but changing them there leaves the stream as it is"},
    HookAlias{kHuggingFace, "gpt2", "transformer.h.{l}.ln_2.out", "blocks.{l}.ln2.hook_out", true,
              "normalized * weight + bias"},
    HookAlias{kHuggingFace, "gpt2", "transformer.h.{l}.mlp.in", "blocks.{l}.ln2.hook_out", true,
              "input of the MLP"},
    HookAlias{kHuggingFace, "gpt2", "transformer.h.{l}.mlp.c_fc.in", "blocks.{l}.ln2.hook_out",
              true, "input of W_in"},
    HookAlias{kHuggingFace, "gpt2", "transformer.h.{l}.mlp.c_fc.out", "blocks.{l}.mlp.hook_pre",
              true, "ln_2.out W_in + b_in"},
    HookAlias{kHuggingFace, "gpt2", "transformer.h.{l}.mlp.act.in", "blocks.{l}.mlp.hook_pre", true,
              "input of the activation function"},
    HookAlias{kHuggingFace, "gpt2", "transformer.h.{l}.mlp.act.out", "blocks.{l}.mlp.hook_post",
              true, "act(c_fc.out): the neurons"},
    HookAlias{kHuggingFace, "gpt2", "transformer.h.{l}.mlp.c_proj.in", "blocks.{l}.mlp.hook_post",
              true, "input of W_out: the neurons"},
    HookAlias{kHuggingFace, "gpt2", "transformer.h.{l}.mlp.c_proj.out", "blocks.{l}.hook_mlp_out",
              true, "act.out W_out + b_out"},
    HookAlias{kHuggingFace, "gpt2", "transformer.h.{l}.mlp.dropout.out", "blocks.{l}.hook_mlp_out",
              true, "dropout does nothing in evaluation"},
    HookAlias{kHuggingFace, "gpt2", "transformer.h.{l}.mlp.out", "blocks.{l}.hook_mlp_out", true,
              "output of the MLP"},
    HookAlias{kHuggingFace, "gpt2", "transformer.h.{l}.out", "blocks.{l}.hook_resid_post", true,
              "output of the block"},
    HookAlias{kHuggingFace, "gpt2", "transformer.ln_f.in", "blocks.{last}.hook_resid_post", true,
              "input of the final norm"},
    HookAlias{kHuggingFace, "gpt2", "transformer.ln_f.out", "ln_final.hook_out", true,
              "normalized * weight + bias"},
    HookAlias{kHuggingFace, "llama", "model.embed_tokens.out", "hook_embed", true,
              "output of the token embedding"},
    HookAlias{kHuggingFace, "llama", "model.layers.{l}.in", "blocks.{l}.hook_resid_pre", true,
              "input of the block"},
    HookAlias{
        kHuggingFace, "llama", "model.layers.{l}.input_layernorm.in", "blocks.{l}.hook_resid_pre",
        true,
        "input of the norm: the same numbers, but changing them there leaves the stream as it is"},
    HookAlias{kHuggingFace, "llama", "model.layers.{l}.input_layernorm.out",
              "blocks.{l}.ln1.hook_out", true, "normalized * weight"},
    HookAlias{kHuggingFace, "llama", "model.layers.{l}.self_attn.in", "blocks.{l}.ln1.hook_out",
              true, "input of attention"},
    HookAlias{
        kHuggingFace, "llama", "model.layers.{l}.self_attn.q_proj.in", "blocks.{l}.ln1.hook_out",
        true,
        "input of the q projection: the same numbers, but changing them there reaches q alone"},
    HookAlias{
        kHuggingFace, "llama", "model.layers.{l}.self_attn.k_proj.in", "blocks.{l}.ln1.hook_out",
        true,
        "input of the k projection: the same numbers, but changing them there reaches k alone"},
    HookAlias{
        kHuggingFace, "llama", "model.layers.{l}.self_attn.v_proj.in", "blocks.{l}.ln1.hook_out",
        true,
        "input of the v projection: the same numbers, but changing them there reaches v alone"},
    HookAlias{kHuggingFace, "llama", "model.layers.{l}.self_attn.q_proj.out",
              "blocks.{l}.attn.hook_q", true,
              "[pos, heads d_head] read by head; before the rotary embedding"},
    HookAlias{kHuggingFace, "llama", "model.layers.{l}.self_attn.k_proj.out",
              "blocks.{l}.attn.hook_k", true,
              "[pos, heads d_head] read by head; before the rotary embedding"},
    HookAlias{kHuggingFace, "llama", "model.layers.{l}.self_attn.v_proj.out",
              "blocks.{l}.attn.hook_v", true, "[pos, heads d_head] read by head"},
    HookAlias{kHuggingFace, "llama", "model.layers.{l}.self_attn.o_proj.in",
              "blocks.{l}.attn.hook_z", true, "[pos, heads d_head] read by head"},
    HookAlias{kHuggingFace, "llama", "model.layers.{l}.self_attn.o_proj.out",
              "blocks.{l}.hook_attn_out", true, "output of the output projection"},
    HookAlias{kHuggingFace, "llama", "model.layers.{l}.self_attn.out", "blocks.{l}.hook_attn_out",
              true, "first element of the tuple that attention returns"},
    HookAlias{
        kHuggingFace, "llama", "model.layers.{l}.post_attention_layernorm.in",
        "blocks.{l}.hook_resid_mid", true,
        "input of the norm: the same numbers, but changing them there leaves the stream as it is"},
    HookAlias{kHuggingFace, "llama", "model.layers.{l}.post_attention_layernorm.out",
              "blocks.{l}.ln2.hook_out", true, "normalized * weight"},
    HookAlias{kHuggingFace, "llama", "model.layers.{l}.mlp.in", "blocks.{l}.ln2.hook_out", true,
              "input of the MLP"},
    HookAlias{kHuggingFace, "llama", "model.layers.{l}.mlp.gate_proj.in", "blocks.{l}.ln2.hook_out",
              true,
              "input of W_gate: the same numbers, but changing them there reaches the gate alone"},
    HookAlias{kHuggingFace, "llama", "model.layers.{l}.mlp.up_proj.in", "blocks.{l}.ln2.hook_out",
              true,
              "input of W_in: the same numbers, but changing them there leaves the gate as it is"},
    HookAlias{kHuggingFace, "llama", "model.layers.{l}.mlp.gate_proj.out",
              "blocks.{l}.mlp.hook_pre", true, "post_attention_layernorm.out W_gate"},
    HookAlias{kHuggingFace, "llama", "model.layers.{l}.mlp.act_fn.in", "blocks.{l}.mlp.hook_pre",
              true, "input of the activation function"},
    HookAlias{kHuggingFace, "llama", "model.layers.{l}.mlp.act_fn.out", "blocks.{l}.mlp.hook_post",
              false,
              "silu(gate_proj.out), a factor of the neuron: the neuron is silu(gate_proj.out) * "
              "up_proj.out, the input of down_proj"},
    HookAlias{kHuggingFace, "llama", "model.layers.{l}.mlp.up_proj.out",
              "blocks.{l}.mlp.hook_pre_linear", true, "post_attention_layernorm.out W_in"},
    HookAlias{kHuggingFace, "llama", "model.layers.{l}.mlp.down_proj.in",
              "blocks.{l}.mlp.hook_post", true, "silu(gate_proj.out) * up_proj.out: the neurons"},
    HookAlias{kHuggingFace, "llama", "model.layers.{l}.mlp.down_proj.out",
              "blocks.{l}.hook_mlp_out", true, "down_proj.in W_out"},
    HookAlias{kHuggingFace, "llama", "model.layers.{l}.mlp.out", "blocks.{l}.hook_mlp_out", true,
              "output of the MLP"},
    HookAlias{kHuggingFace, "llama", "model.layers.{l}.out", "blocks.{l}.hook_resid_post", true,
              "output of the block"},
    HookAlias{kHuggingFace, "llama", "model.norm.in", "blocks.{last}.hook_resid_post", true,
              "input of the final norm"},
    HookAlias{kHuggingFace, "llama", "model.norm.out", "ln_final.hook_out", true,
              "normalized * weight"},
    HookAlias{kHuggingFace, "gpt_neox", "gpt_neox.embed_in.out", "hook_embed", true,
              "output of the token embedding"},
    HookAlias{kHuggingFace, "gpt_neox", "gpt_neox.emb_dropout.out", "blocks.0.hook_resid_pre", true,
              "dropout does nothing in evaluation"},
    HookAlias{kHuggingFace, "gpt_neox", "gpt_neox.layers.{l}.in", "blocks.{l}.hook_resid_pre", true,
              "input of the block"},
    HookAlias{
        kHuggingFace, "gpt_neox", "gpt_neox.layers.{l}.input_layernorm.in",
        "blocks.{l}.hook_resid_pre", true,
        "input of the norm: the same numbers, but changing them there leaves the stream as it is"},
    HookAlias{kHuggingFace, "gpt_neox", "gpt_neox.layers.{l}.input_layernorm.out",
              "blocks.{l}.ln1.hook_out", true, "normalized * weight + bias"},
    HookAlias{kHuggingFace, "gpt_neox", "gpt_neox.layers.{l}.attention.in",
              "blocks.{l}.ln1.hook_out", true, "input of attention"},
    HookAlias{kHuggingFace, "gpt_neox", "gpt_neox.layers.{l}.attention.query_key_value.in",
              "blocks.{l}.ln1.hook_out", true, "input of the q, k and v projection"},
    HookAlias{kHuggingFace, "gpt_neox", "gpt_neox.layers.{l}.attention.query_key_value.out",
              "blocks.{l}.attn.hook_q", false,
              "q, k and v of one head after the other's, [pos, head, 3, d_head]: hook_q, hook_k "
              "and hook_v are its slices"},
    HookAlias{kHuggingFace, "gpt_neox", "gpt_neox.layers.{l}.attention.dense.in",
              "blocks.{l}.attn.hook_z", true, "[pos, d_model] read as [pos, head, d_head]"},
    HookAlias{kHuggingFace, "gpt_neox", "gpt_neox.layers.{l}.attention.dense.out",
              "blocks.{l}.hook_attn_out", true, "output of the output projection"},
    HookAlias{kHuggingFace, "gpt_neox", "gpt_neox.layers.{l}.attention.out",
              "blocks.{l}.hook_attn_out", true,
              "first element of the tuple that attention returns"},
    HookAlias{kHuggingFace, "gpt_neox", "gpt_neox.layers.{l}.post_attention_dropout.out",
              "blocks.{l}.hook_attn_out", true, "dropout does nothing in evaluation"},
    HookAlias{
        kHuggingFace, "gpt_neox", "gpt_neox.layers.{l}.post_attention_layernorm.in",
        "blocks.{l}.hook_resid_mid", true,
        "input of the norm: the same numbers, but changing them there leaves the stream as it is"},
    HookAlias{kHuggingFace, "gpt_neox", "gpt_neox.layers.{l}.post_attention_layernorm.out",
              "blocks.{l}.ln2.hook_out", true, "normalized * weight + bias"},
    HookAlias{kHuggingFace, "gpt_neox", "gpt_neox.layers.{l}.mlp.in", "blocks.{l}.ln2.hook_out",
              true, "input of the MLP"},
    HookAlias{kHuggingFace, "gpt_neox", "gpt_neox.layers.{l}.mlp.dense_h_to_4h.in",
              "blocks.{l}.ln2.hook_out", true, "input of W_in"},
    HookAlias{kHuggingFace, "gpt_neox", "gpt_neox.layers.{l}.mlp.dense_h_to_4h.out",
              "blocks.{l}.mlp.hook_pre", true, "post_attention_layernorm.out W_in + b_in"},
    HookAlias{kHuggingFace, "gpt_neox", "gpt_neox.layers.{l}.mlp.act.in", "blocks.{l}.mlp.hook_pre",
              true, "input of the activation function"},
    HookAlias{kHuggingFace, "gpt_neox", "gpt_neox.layers.{l}.mlp.act.out",
              "blocks.{l}.mlp.hook_post", true, "act(dense_h_to_4h.out): the neurons"},
    HookAlias{kHuggingFace, "gpt_neox", "gpt_neox.layers.{l}.mlp.dense_4h_to_h.in",
              "blocks.{l}.mlp.hook_post", true, "input of W_out: the neurons"},
    HookAlias{kHuggingFace, "gpt_neox", "gpt_neox.layers.{l}.mlp.dense_4h_to_h.out",
              "blocks.{l}.hook_mlp_out", true, "act.out W_out + b_out"},
    HookAlias{kHuggingFace, "gpt_neox", "gpt_neox.layers.{l}.mlp.out", "blocks.{l}.hook_mlp_out",
              true, "output of the MLP"},
    HookAlias{kHuggingFace, "gpt_neox", "gpt_neox.layers.{l}.post_mlp_dropout.out",
              "blocks.{l}.hook_mlp_out", true, "dropout does nothing in evaluation"},
    HookAlias{kHuggingFace, "gpt_neox", "gpt_neox.layers.{l}.out", "blocks.{l}.hook_resid_post",
              true, "output of the block"},
    HookAlias{kHuggingFace, "gpt_neox", "gpt_neox.final_layer_norm.in",
              "blocks.{last}.hook_resid_post", true, "input of the final norm"},
    HookAlias{kHuggingFace, "gpt_neox", "gpt_neox.final_layer_norm.out", "ln_final.hook_out", true,
              "normalized * weight + bias"},
    HookAlias{kHuggingFace, "gpt_neox", "embed_out.in", "unembed.hook_in", true,
              "input of the unembedding"},
    HookAlias{kHuggingFace, "gpt_neox", "embed_out.out", "unembed.hook_out", true, "the logits"},
    HookAlias{kHuggingFace, "", "lm_head.in", "unembed.hook_in", true, "input of the unembedding"},
    HookAlias{kHuggingFace, "", "lm_head.out", "unembed.hook_out", true, "the logits"},
    HookAlias{kHuggingFace, "", "logits", "unembed.hook_out", true, "output of lm_head"},
    HookAlias{
        kHuggingFace, "", "hidden_states", "blocks.{last}.hook_resid_post", false,
        "a list: hidden_states[l] is blocks.{l}.hook_resid_pre for l < n_layers, and the last one "
        "is ln_final.hook_out, with the final norm applied, not the last hook_resid_post"},
    HookAlias{kHuggingFace, "", "attentions", "blocks.{last}.attn.hook_pattern", false,
              "a list: attentions[l] is blocks.{l}.attn.hook_pattern"},
    HookAlias{kPyvene, "", "layer_{l}_comp_block_input", "blocks.{l}.hook_resid_pre", true,
              "input of the block"},
    HookAlias{kPyvene, "", "layer_{l}_comp_block_output", "blocks.{l}.hook_resid_post", true,
              "output of the block"},
    HookAlias{kPyvene, "", "layer_{l}_comp_mlp_input", "blocks.{l}.ln2.hook_out", true,
              "input of the MLP"},
    HookAlias{kPyvene, "", "layer_{l}_comp_mlp_output", "blocks.{l}.hook_mlp_out", true,
              "output of the MLP"},
    HookAlias{kPyvene, "", "layer_{l}_comp_attention_input", "blocks.{l}.ln1.hook_out", true,
              "input of attention"},
    HookAlias{kPyvene, "", "layer_{l}_comp_attention_output", "blocks.{l}.hook_attn_out", true,
              "output of attention"},
    HookAlias{kPyvene, "", "layer_{l}_comp_attention_value_output", "blocks.{l}.attn.hook_z", true,
              "input of the output projection, heads side by side"},
    HookAlias{kPyvene, "", "layer_{l}_comp_head_attention_value_output", "blocks.{l}.attn.hook_z",
              true, "input of the output projection, by head"},
    HookAlias{kPyvene, "", "layer_{l}_comp_query_output", "blocks.{l}.attn.hook_q", true,
              "output of the q projection"},
    HookAlias{kPyvene, "", "layer_{l}_comp_key_output", "blocks.{l}.attn.hook_k", true,
              "output of the k projection"},
    HookAlias{kPyvene, "", "layer_{l}_comp_value_output", "blocks.{l}.attn.hook_v", true,
              "output of the v projection"},
    HookAlias{kPyvene, "", "layer_{l}_comp_head_query_output", "blocks.{l}.attn.hook_q", true,
              "output of the q projection, by head"},
    HookAlias{kPyvene, "", "layer_{l}_comp_head_key_output", "blocks.{l}.attn.hook_k", true,
              "output of the k projection, by head"},
    HookAlias{kPyvene, "", "layer_{l}_comp_head_value_output", "blocks.{l}.attn.hook_v", true,
              "output of the v projection, by head"},
    HookAlias{kPyvene, "gpt2", "layer_{l}_comp_mlp_activation", "blocks.{l}.mlp.hook_post", true,
              "output of mlp.act: the neurons"},
    HookAlias{kPyvene, "llama", "layer_{l}_comp_mlp_activation", "blocks.{l}.mlp.hook_post", false,
              "the output of act_fn, silu(hook_pre), a factor of the neuron: the neuron is "
              "silu(hook_pre) * hook_pre_linear"},
    HookAlias{kPyvene, "gpt_neox", "layer_{l}_comp_mlp_activation", "blocks.{l}.mlp.hook_post",
              true, "output of mlp.act: the neurons"},
    HookAlias{kPyvene, "gpt2", "layer_{l}_comp_attention_weight", "blocks.{l}.attn.hook_pattern",
              true, "input of attn_dropout, a module that transformers 5 no longer calls"},
};

constexpr std::string_view kLayer = "{l}";
constexpr std::string_view kLast = "{last}";

bool is_digit(char c) { return c >= '0' && c <= '9'; }

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

// "layer.8.comp.mlp_activation.unit.pos" and "layer_8_comp_mlp_activation_unit_pos_nunit_1#0"
// become "layer_8_comp_mlp_activation".
std::string unified_pyvene_key(std::string name) {
  for (const std::string_view unit : {"_unit_", ".unit."}) {
    if (const std::size_t at = name.find(unit); at != std::string::npos) name.resize(at);
  }
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
}

// One spelling for each name: "transformer.h[8].mlp.input" becomes "transformer.h.8.mlp.in".
std::string unified(std::string_view text) {
  std::string name(text);
  if (name.starts_with("layer.") || name.starts_with("layer_")) return unified_pyvene_key(name);
  for (std::size_t at = name.find('['); at != std::string::npos; at = name.find('[', at)) {
    const std::size_t close = name.find(']', at);
    if (close == std::string::npos) break;
    name.erase(close, 1);
    name[at] = '.';
  }
  if (name.ends_with(".input") || name.ends_with(".output")) name.resize(name.size() - 3);
  return name;
}

// The digits that stand for the layer where `name` has the form of `pattern`: empty where the
// pattern has no layer, nothing where the form differs.
std::optional<std::string_view> match(std::string_view pattern, std::string_view name) {
  const std::size_t at = pattern.find(kLayer);
  if (at == std::string_view::npos) {
    return pattern == name ? std::optional<std::string_view>("") : std::nullopt;
  }
  const std::string_view before = pattern.substr(0, at);
  const std::string_view after = pattern.substr(at + kLayer.size());
  if (!name.starts_with(before) || !name.ends_with(after)) return std::nullopt;
  if (name.size() <= before.size() + after.size()) return std::nullopt;
  const std::string_view layer =
      name.substr(before.size(), name.size() - before.size() - after.size());
  return std::all_of(layer.begin(), layer.end(), is_digit) ? std::optional(layer) : std::nullopt;
}

struct Found {
  const HookAlias* row = nullptr;
  std::string layer;
};

Found find_row(std::string_view text, std::string_view architecture) {
  // Longer names are no one's; a row's pattern is short.
  constexpr std::size_t kLongestName = 200;
  if (text.size() > kLongestName) return {};
  const std::string name = unified(text);
  const std::string_view naming = naming_of(architecture);
  Found other;
  for (const std::string_view prefix : {"", "transformer.", "model.", "gpt_neox."}) {
    const std::string whole = std::string(prefix) + name;
    for (const HookAlias& row : kAliases) {
      const std::optional<std::string_view> layer = match(row.name, whole);
      if (!layer) continue;
      Found found{&row, std::string(*layer)};
      if (row.architecture.empty() || row.architecture == naming) return found;
      if (other.row == nullptr) other = found;
    }
  }
  return other;
}

std::string filled(std::string_view pattern, std::string_view layer, const ModelConfig& config) {
  std::string name(pattern);
  replace_all(name, kLayer, layer);
  replace_all(name, kLast, std::to_string(config.n_layers - 1));
  return name;
}

}  // namespace

std::span<const HookAlias> hook_aliases() { return kAliases; }

const HookAlias* find_hook_alias(std::string_view name, std::string_view architecture) {
  return find_row(name, architecture).row;
}

std::optional<std::string> resolve_hook_alias(std::string_view name, const ModelConfig& config) {
  const Found found = find_row(name, config.architecture);
  if (found.row == nullptr) return std::nullopt;
  const HookAlias& row = *found.row;
  std::string hook = filled(row.hook, found.layer, config);
  // What goes into the MLP's norm is the stream before the block where there is none between.
  constexpr std::string_view kMid = "hook_resid_mid";
  if (config.parallel_block && row.library != kShorthand && hook.ends_with(kMid)) {
    hook.resize(hook.size() - kMid.size());
    hook += hook_point(mlp_stream(config)).name;
  }
  if (!row.architecture.empty() && row.architecture != naming_of(config.architecture)) {
    throw ArgumentError(
        ErrorCode::unknown_site,
        fmt::format("{} is a name that {} has in models of the family {}; this model is {}",
                    quote(name), row.library, row.architecture, config.architecture),
        "gnomon explain sites   lists every hook point");
  }
  if (!row.equal) {
    throw ArgumentError(
        ErrorCode::unknown_site,
        fmt::format("{} is not a site: in {} it is {}", quote(name), row.library, row.equation),
        fmt::format("the nearest site is {}", hook));
  }
  return hook;
}

}  // namespace gnomon
