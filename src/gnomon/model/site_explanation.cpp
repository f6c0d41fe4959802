// SPDX-License-Identifier: Apache-2.0
#include "gnomon/model/site_explanation.h"

#include <array>

#include "gnomon/base/error.h"
#include "gnomon/model/family.h"

namespace gnomon {
namespace {

constexpr std::string_view kSameName = "the same name and values in TransformerLens 2 and 3";
constexpr std::string_view kNormalizedNames =
    "in TransformerLens 2 with raw weights, a LayerNorm's hook_normalized is after weight and "
    "bias, "
    "where hook_out is here; since 3, and for RMSNorm always, it is before them as here";
constexpr std::string_view kNormOutNames =
    "hook_out since TransformerLens 3; in 2 a LayerNorm with raw weights has these values at "
    "hook_normalized, and an RMSNorm has no hook for them";
constexpr std::string_view kScaleTrap =
    "It is the standard deviation or root mean square itself, by which the norm divides, not its "
    "inverse.";
constexpr std::string_view kProcessedTrap =
    "TransformerLens's default processing centres it over d_model in LayerNorm models (R1); Gnomon "
    "has the raw values. Take no direction from one space and a stream from the other.";
constexpr std::string_view kNotNeuronTrap =
    "Its coordinates are not neurons: coordinate i here has nothing to do with neuron i. Neurons "
    "are at "
    "mlp.hook_post.";
constexpr std::string_view kCopyTrap =
    "A changed copy goes through the norm by itself. The sites of ln1 belong to the stream that "
    "all "
    "share: what is changed there does not reach a head whose copy is changed.";
constexpr std::string_view kGroupedTrap =
    "With grouped queries there are n_kv_heads of them: query head h reads key-value head "
    "h n_kv_heads / n_heads, rounded down.";
constexpr std::string_view kEagerTrap =
    "Hugging Face has it only with attn_implementation=\"eager\".";

const std::array kExplanations = {
    SiteExplanation{HookKind::embed,
                    "The token's row of the embedding matrix.",
                    "W_E[token]",
                    "W_E[token]",
                    "after the token look-up, before all blocks",
                    SiteBasis::residual,
                    kSameName,
                    {"I5", "R1"},
                    {"In Llama and GPT-NeoX nothing is added to it: it equals "
                     "blocks.0.hook_resid_pre. In GPT-2 the "
                     "position embedding is.",
                     kProcessedTrap}},
    SiteExplanation{
        HookKind::pos_embed,
        "The position's row of the position embedding matrix.",
        "W_pos[position]",
        "",
        "beside the token embedding, before all blocks",
        SiteBasis::residual,
        kSameName,
        {"I5", "R1"},
        {"TransformerLens sets it to 0 at padding when it is given a mask; Hugging Face does "
         "not. Gnomon has no padding.",
         kProcessedTrap}},
    SiteExplanation{
        HookKind::resid_pre,
        "The residual stream as a block receives it.",
        "hook_embed + hook_pos_embed in block 0, else the block before's hook_resid_post",
        "hook_embed in block 0, else the block before's hook_resid_post",
        "before the block's first norm, attention and MLP",
        SiteBasis::residual,
        kSameName,
        {"R1", "I5"},
        {"The neurons of this block do not read it: attention and a norm come between, and a norm "
         "alone where attention and MLP stand side by side. They read ln2.hook_out.",
         "It is Hugging Face's hidden_states[l].", kProcessedTrap}},
    SiteExplanation{
        HookKind::attn_in,
        "The copies of the stream that attention reads, one for each head.",
        "hook_resid_pre, once for each head h",
        "hook_resid_pre, once for each head h",
        "before the block's first norm; what is changed here reaches attention alone",
        SiteBasis::residual,
        "fires only with use_attn_in",
        {"R1"},
        {kCopyTrap,
         "Models whose heads share keys and values have the three sites after it instead."}},
    SiteExplanation{HookKind::q_input,
                    "The copies of the stream that the queries read, one for each head.",
                    "hook_attn_in[h] = hook_resid_pre",
                    "hook_resid_pre, once for each head h",
                    "before the block's first norm; what is changed here reaches the queries alone",
                    SiteBasis::residual,
                    "fires only with use_split_qkv_input",
                    {"R1"},
                    {kCopyTrap}},
    SiteExplanation{HookKind::k_input,
                    "The copies of the stream that the keys read, one for each key-value head.",
                    "hook_attn_in[h] = hook_resid_pre",
                    "hook_resid_pre, once for each key-value head h",
                    "before the block's first norm; what is changed here reaches the keys alone",
                    SiteBasis::residual,
                    "fires only with use_split_qkv_input",
                    {"R1"},
                    {kCopyTrap, kGroupedTrap}},
    SiteExplanation{HookKind::v_input,
                    "The copies of the stream that the values read, one for each key-value head.",
                    "hook_attn_in[h] = hook_resid_pre",
                    "hook_resid_pre, once for each key-value head h",
                    "before the block's first norm; what is changed here reaches the values alone",
                    SiteBasis::residual,
                    "fires only with use_split_qkv_input",
                    {"R1"},
                    {kCopyTrap, kGroupedTrap}},
    SiteExplanation{HookKind::ln1_scale,
                    "What the norm before attention divides by.",
                    "sqrt(mean((x - mean(x))^2) + eps), x = hook_resid_pre",
                    "sqrt(mean(x^2) + eps), x = hook_resid_pre",
                    "inside the norm before attention",
                    SiteBasis::scale,
                    kSameName,
                    {"R2"},
                    {kScaleTrap}},
    SiteExplanation{
        HookKind::ln1_normalized,
        "The stream after the norm before attention, without the norm's weight and bias.",
        "(x - mean(x)) / ln1.hook_scale, x = hook_resid_pre",
        "x / ln1.hook_scale, x = hook_resid_pre",
        "after the norm's division, before its weight and bias (the affine)",
        SiteBasis::normalized,
        kNormalizedNames,
        {"R2"},
        {"It is not the output of Hugging Face's norm module: that is ln1.hook_out."}},
    SiteExplanation{
        HookKind::ln1_out,
        "What attention reads.",
        "ln1.hook_normalized * w + b",
        "ln1.hook_normalized * w",
        "after the norm's weight and bias (the affine), before attention",
        SiteBasis::normalized,
        kNormOutNames,
        {},
        {"Processed weights fold w and b into the projections that follow, so this site has "
         "other values there."}},
    SiteExplanation{
        HookKind::q,
        "The queries of each head.",
        "ln1.hook_out W_Q[h] + b_Q[h]",
        "ln1.hook_out W_Q[h]",
        "after the query projection, before the scores",
        SiteBasis::head,
        kSameName,
        {},
        {"In Llama it is before the rotary embedding; the scores use attn.hook_rot_q."}},
    SiteExplanation{HookKind::k,
                    "The keys of each key-value head.",
                    "ln1.hook_out W_K[h] + b_K[h]",
                    "ln1.hook_out W_K[h]",
                    "after the key projection, before the scores",
                    SiteBasis::head,
                    kSameName,
                    {},
                    {"In Llama it is before the rotary embedding; the scores use attn.hook_rot_k.",
                     kGroupedTrap}},
    SiteExplanation{HookKind::v,
                    "The values of each key-value head.",
                    "ln1.hook_out W_V[h] + b_V[h]",
                    "ln1.hook_out W_V[h]",
                    "after the value projection, before the pattern mixes them",
                    SiteBasis::head,
                    kSameName,
                    {"I7"},
                    {kGroupedTrap}},
    SiteExplanation{
        HookKind::rot_q,
        "The queries after the rotary position embedding.",
        "",
        "q[c] cos(a_c) - q[c + m] sin(a_c) and q[c + m] cos(a_c) + q[c] sin(a_c) for c < m, "
        "q = attn.hook_q, m = d_head / 2, a_c = position frequency[c]",
        "after the rotation, before the scores",
        SiteBasis::head,
        kSameName,
        {},
        {"Channels c and c + m are one pair, as in Hugging Face's rotate_half; files in GGUF "
         "store the pair side by side and are put back in this order."}},
    SiteExplanation{
        HookKind::rot_k,
        "The keys after the rotary position embedding.",
        "",
        "k[c] cos(a_c) - k[c + m] sin(a_c) and k[c + m] cos(a_c) + k[c] sin(a_c) for c < m, "
        "k = attn.hook_k, m = d_head / 2, a_c = position frequency[c]",
        "after the rotation, before the scores",
        SiteBasis::head,
        kSameName,
        {},
        {"Channels c and c + m are one pair, as in Hugging Face's rotate_half; files in GGUF "
         "store the pair side by side and are put back in this order.",
         kGroupedTrap}},
    SiteExplanation{HookKind::attn_scores,
                    "How much each query looks at each key, before the softmax.",
                    "hook_q[i, h] · hook_k[j, h] / sqrt(d_head) for j <= i, else -inf",
                    "hook_rot_q[i, h] · hook_rot_k[j, h] / sqrt(d_head) for j <= i, else -inf",
                    "after the causal mask, before the softmax",
                    SiteBasis::attention,
                    kSameName,
                    {},
                    {"Hugging Face adds the smallest finite number where this has -inf; the finite "
                     "entries are equal."}},
    SiteExplanation{HookKind::pattern,
                    "The weights with which each query mixes the values.",
                    "softmax over k_pos of attn.hook_attn_scores",
                    "softmax over k_pos of attn.hook_attn_scores",
                    "after the softmax, before the values are mixed",
                    SiteBasis::attention,
                    kSameName,
                    {},
                    {kEagerTrap}},
    SiteExplanation{HookKind::z,
                    "What each head has gathered, before the output projection.",
                    "Σ_j attn.hook_pattern[h, i, j] hook_v[j, h]",
                    "Σ_j attn.hook_pattern[h, i, j] hook_v[j, h], v of the head's key-value head",
                    "after the values are mixed, before the output projection",
                    SiteBasis::head,
                    kSameName,
                    {"I4", "I7"},
                    {}},
    SiteExplanation{HookKind::result,
                    "What each head adds to the stream.",
                    "attn.hook_z[h] W_O[h]",
                    "attn.hook_z[h] W_O[h]",
                    "after the output projection, before the heads are summed",
                    SiteBasis::residual,
                    "fires only with use_attn_result",
                    {"I4"},
                    {"It is without the bias b_O, which belongs to no head."}},
    SiteExplanation{HookKind::attn_out,
                    "What attention adds to the stream.",
                    "Σ_h attn.hook_result[h] + b_O",
                    "Σ_h attn.hook_result[h]",
                    "after attention, before the residual addition",
                    SiteBasis::residual,
                    kSameName,
                    {"I4", "I5", "R1"},
                    {kProcessedTrap}},
    SiteExplanation{
        HookKind::resid_mid,
        "The residual stream between attention and MLP.",
        "hook_resid_pre + hook_attn_out",
        "hook_resid_pre + hook_attn_out",
        "after attention is added, before the second norm and the MLP",
        SiteBasis::residual,
        "the same values; but in TransformerLens 3 (measured in 4.3.0) the name is the input "
        "of ln2, and changing it there changes what the MLP reads and not the stream. In "
        "TransformerLens 2 and here both change",
        {"R1", "I1'"},
        {"Hugging Face has it only as the input of the second norm: changing it there leaves "
         "the stream as it is.",
         "Models with attention and MLP side by side (GPT-NeoX, Pythia) have no such site: there "
         "the "
         "MLP reads hook_resid_pre.",
         kProcessedTrap}},
    SiteExplanation{HookKind::mlp_in,
                    "The copy of the stream that the MLP reads.",
                    "hook_resid_mid",
                    "hook_resid_mid",
                    "before the block's second norm; what is changed here reaches the MLP alone",
                    SiteBasis::residual,
                    "fires only with use_hook_mlp_in, and never where attention and MLP stand side "
                    "by side",
                    {"R1"},
                    {kProcessedTrap}},
    SiteExplanation{HookKind::ln2_scale,
                    "What the norm before the MLP divides by.",
                    "sqrt(mean((x - mean(x))^2) + eps), x = hook_resid_mid",
                    "sqrt(mean(x^2) + eps), x = hook_resid_mid",
                    "inside the norm before the MLP",
                    SiteBasis::scale,
                    kSameName,
                    {"R2", "I1'"},
                    {kScaleTrap}},
    SiteExplanation{
        HookKind::ln2_normalized,
        "The stream after the norm before the MLP, without the norm's weight and bias.",
        "(x - mean(x)) / ln2.hook_scale, x = hook_resid_mid",
        "x / ln2.hook_scale, x = hook_resid_mid",
        "after the norm's division, before its weight and bias (the affine)",
        SiteBasis::normalized,
        kNormalizedNames,
        {"R2", "I1"},
        {"It is not the output of Hugging Face's norm module: that is ln2.hook_out.",
         "The neurons' weights of the checkpoint belong to ln2.hook_out; at this site they "
         "need w folded in."}},
    SiteExplanation{
        HookKind::ln2_out,
        "What the MLP's neurons read.",
        "ln2.hook_normalized * w + b",
        "ln2.hook_normalized * w",
        "after the norm's weight and bias (the affine), before the MLP",
        SiteBasis::normalized,
        kNormOutNames,
        {"I1"},
        {"A neuron's input direction is read here and nowhere else: the projection equals "
         "its pre-activation up to the bias.",
         "Processed weights fold w and b into the projections that follow, so this site has "
         "other values there."}},
    SiteExplanation{
        HookKind::mlp_pre,
        "Each neuron's pre-activation, what enters the activation function.",
        "ln2.hook_out W_in + b_in",
        "ln2.hook_out W_gate",
        "after the input projection, before the activation function",
        SiteBasis::neuron,
        "the same name and values; in TransformerLens's mixture-of-experts layers hook_pre "
        "is the linear branch and hook_gate the gate",
        {"I1", "I1'", "I2"},
        {"In a gated MLP it is the gate alone, and its weights are W_gate, not W_in. The "
         "other factor is mlp.hook_pre_linear."}},
    SiteExplanation{HookKind::mlp_pre_linear,
                    "The factor of each gated neuron that passes no activation function.",
                    "",
                    "ln2.hook_out W_in",
                    "after the up projection, before the product with the gate",
                    SiteBasis::neuron,
                    kSameName,
                    {"I1", "I2"},
                    {"It is not the neuron: mlp.hook_post is its product with the gate."}},
    SiteExplanation{
        HookKind::mlp_post,
        "The neurons: each neuron's activation, what it gives to the stream.",
        "act(mlp.hook_pre), act = gelu_new",
        "act(mlp.hook_pre) * mlp.hook_pre_linear, act = silu",
        "after the activation function and gate, before the output projection",
        SiteBasis::neuron,
        kSameName,
        {"I2", "I3", "I8"},
        {"In Llama the output of act_fn, which pyvene calls mlp_activation, is act(hook_pre) "
         "alone and not the neuron.",
         "It has d_mlp coordinates; hook_mlp_out has d_model, which are not neurons."}},
    SiteExplanation{
        HookKind::mlp_out,
        "What the MLP adds to the stream.",
        "mlp.hook_post W_out + b_out",
        "mlp.hook_post W_out",
        "after the output projection, before the residual addition",
        SiteBasis::residual,
        kSameName,
        {"I3", "I5", "R1"},
        {kNotNeuronTrap,
         "Coordinate i is Σ_n hook_post[n] W_out[n, i] + b_out[i]: it reads every neuron and "
         "writes the basis vector e_i.",
         kProcessedTrap}},
    SiteExplanation{HookKind::resid_post,
                    "The residual stream as a block leaves it.",
                    "hook_resid_mid + hook_mlp_out",
                    "hook_resid_mid + hook_mlp_out",
                    "after the MLP is added; it is the next block's hook_resid_pre",
                    SiteBasis::residual,
                    kSameName,
                    {"I5", "I8", "I9", "R1"},
                    {"Hugging Face's hidden_states[l + 1] equals it except in the last block: "
                     "hidden_states[-1] has the final norm applied and is ln_final.hook_out.",
                     kProcessedTrap}},
    SiteExplanation{HookKind::ln_final_scale,
                    "What the final norm divides by.",
                    "sqrt(mean((x - mean(x))^2) + eps), x = hook_resid_post of the last block",
                    "sqrt(mean(x^2) + eps), x = hook_resid_post of the last block",
                    "inside the final norm",
                    SiteBasis::scale,
                    kSameName,
                    {"R2"},
                    {kScaleTrap}},
    SiteExplanation{
        HookKind::ln_final_normalized,
        "The stream after the final norm, without the norm's weight and bias.",
        "(x - mean(x)) / ln_final.hook_scale, x = hook_resid_post of the last block",
        "x / ln_final.hook_scale, x = hook_resid_post of the last block",
        "after the norm's division, before its weight and bias (the affine)",
        SiteBasis::normalized,
        kNormalizedNames,
        {"R2"},
        {"It is not the output of Hugging Face's norm module: that is ln_final.hook_out."}},
    SiteExplanation{
        HookKind::ln_final_out,
        "What the unembedding reads, as the final norm leaves it.",
        "ln_final.hook_normalized * w + b",
        "ln_final.hook_normalized * w",
        "after the norm's weight and bias (the affine), before the unembedding",
        SiteBasis::normalized,
        kNormOutNames,
        {"I6"},
        {"It is Hugging Face's hidden_states[-1], which is often taken for the last block's "
         "hook_resid_post."}},
    SiteExplanation{HookKind::unembed_in,
                    "What the unembedding reads.",
                    "ln_final.hook_out",
                    "ln_final.hook_out",
                    "before the unembedding",
                    SiteBasis::normalized,
                    "new in TransformerLens 3",
                    {"I6"},
                    {}},
    SiteExplanation{
        HookKind::logits,
        "One score for each token of the vocabulary, before the softmax.",
        "unembed.hook_in W_U",
        "unembed.hook_in W_U",
        "after the unembedding, before any softmax",
        SiteBasis::vocabulary,
        "new in TransformerLens 3, where it is part of the default cache",
        {"I6"},
        {"TransformerLens's default processing takes their mean over the vocabulary out (I6); "
         "probabilities are the same."}},
};

// Checked numerically on a four-layer random GPT-2 in float64 and on gated blocks with RMSNorm.
constexpr std::array kIdentities = {
    SiteIdentity{
        "R1",
        "with processed weights, embeddings, hook_resid_*, hook_attn_out and hook_mlp_out are "
        "the raw ones with their mean over d_model taken out",
        "hook_resid_*, hook_attn_out and hook_mlp_out are the same with raw and processed "
        "weights: nothing is centred before an RMSNorm"},
    SiteIdentity{"R2", "hook_scale and hook_normalized are the same with raw and processed weights",
                 "hook_scale and hook_normalized are the same with raw and processed weights"},
    SiteIdentity{"I1", "mlp.hook_pre = (ln2.hook_normalized * w + b) W_in + b_in",
                 "mlp.hook_pre = (ln2.hook_normalized * w) W_gate and mlp.hook_pre_linear = "
                 "(ln2.hook_normalized * w) W_in"},
    SiteIdentity{
        "I1'",
        "mlp.hook_pre[n] = hook_resid_mid · W'[:, n] / ln2.hook_scale + b_in[n] + b · W_in[:, "
        "n], W' = diag(w) W_in with each column's mean taken out",
        "mlp.hook_pre[n] = hook_resid_mid · W'[:, n] / ln2.hook_scale, W' = diag(w) W_gate",
        "mlp.hook_pre[n] = hook_resid_pre · W'[:, n] / ln2.hook_scale + b_in[n] + b · W_in[:, "
        "n], W' = diag(w) W_in with each column's mean taken out"},
    SiteIdentity{"I2",
                 "mlp.hook_post = act(mlp.hook_pre); both are the same with processed weights",
                 "mlp.hook_post = act(mlp.hook_pre) * mlp.hook_pre_linear; all are the same with "
                 "processed weights"},
    SiteIdentity{"I3", "hook_mlp_out - b_out = Σ_n mlp.hook_post[n] W_out[n, :]",
                 "hook_mlp_out = Σ_n mlp.hook_post[n] W_out[n, :]"},
    SiteIdentity{"I4",
                 "hook_attn_out = Σ_h attn.hook_result[h] + b_O, hook_result[h] = hook_z[h] W_O[h]",
                 "hook_attn_out = Σ_h attn.hook_result[h], hook_result[h] = hook_z[h] W_O[h]"},
    SiteIdentity{
        "I5",
        "last hook_resid_post = hook_embed + hook_pos_embed + Σ_l (hook_attn_out + hook_mlp_out)",
        "last hook_resid_post = hook_embed + Σ_l (hook_attn_out + hook_mlp_out)",
        "last hook_resid_post = hook_embed + Σ_l (hook_attn_out + hook_mlp_out)"},
    SiteIdentity{
        "I6",
        "logits = ln_final.hook_out W_U; with processed weights, that minus its mean over the "
        "vocabulary",
        "logits = ln_final.hook_out W_U; with processed weights, that minus its mean over the "
        "vocabulary"},
    SiteIdentity{"I7",
                 "with processed weights, hook_v and hook_z are less by b_V[h] + ln1.b W_V[h]",
                 "hook_v and hook_z are the same with processed weights: there are no biases"},
    SiteIdentity{
        "I8",
        "adding d to neuron n at one position adds d W_out[n, :] to hook_resid_post there, and "
        "nothing at earlier positions in any layer",
        "adding d to neuron n at one position adds d W_out[n, :] to hook_resid_post there, and "
        "nothing at earlier positions in any layer"},
    SiteIdentity{"I9",
                 "a linear head on the processed stream equals its centred copy on the raw stream",
                 ""},
};

constexpr std::array kGpt2Directions = {
    SiteDirection{"input", "W_in[:, n]", "mlp.c_fc.weight[:, n]",
                  "read at ln2.hook_out: the projection plus b_in[n] is hook_pre[n]"},
    SiteDirection{"output", "W_out[n, :]", "mlp.c_proj.weight[n, :]",
                  "written to hook_mlp_out, and so to hook_resid_post, hook_post[n] times"},
};

constexpr std::array kGptNeoxDirections = {
    SiteDirection{"input", "W_in[:, n]", "mlp.dense_h_to_4h.weight[n, :]",
                  "read at ln2.hook_out: the projection plus b_in[n] is hook_pre[n]"},
    SiteDirection{"output", "W_out[n, :]", "mlp.dense_4h_to_h.weight[:, n]",
                  "written to hook_mlp_out, and so to hook_resid_post, hook_post[n] times"},
};

constexpr std::array kLlamaDirections = {
    SiteDirection{"gate", "W_gate[:, n]", "mlp.gate_proj.weight[n, :]",
                  "read at ln2.hook_out: the projection is hook_pre[n]"},
    SiteDirection{"input", "W_in[:, n]", "mlp.up_proj.weight[n, :]",
                  "read at ln2.hook_out: the projection is hook_pre_linear[n]"},
    SiteDirection{"output", "W_out[n, :]", "mlp.down_proj.weight[:, n]",
                  "written to hook_mlp_out, and so to hook_resid_post, hook_post[n] times"},
};

constexpr SiteAxis kPos = {"pos", "one row for each token of the text"};
constexpr SiteAxis kModel = {"d_model", "coordinates of the residual stream"};
constexpr std::array kScalarAxes = {kPos};
constexpr std::array kModelAxes = {kPos, kModel};
constexpr std::array kHeadAxes = {kPos, SiteAxis{"head", "attention heads"},
                                  SiteAxis{"d_head", "channels of one head"}};
constexpr std::array kKvHeadAxes = {kPos, SiteAxis{"kv_head", "key-value heads"},
                                    SiteAxis{"d_head", "channels of one head"}};
constexpr std::array kHeadStreamAxes = {kPos, SiteAxis{"head", "attention heads"}, kModel};
constexpr std::array kKvHeadStreamAxes = {kPos, SiteAxis{"kv_head", "key-value heads"}, kModel};
constexpr std::array kPairAxes = {SiteAxis{"head", "attention heads"},
                                  SiteAxis{"q_pos", "the token that looks"},
                                  SiteAxis{"k_pos", "the token that is looked at"}};
constexpr std::array kMlpAxes = {kPos, SiteAxis{"d_mlp", "neurons of the MLP"}};
constexpr std::array kVocabAxes = {kPos, SiteAxis{"d_vocab", "tokens of the vocabulary"}};

}  // namespace

std::string_view basis_name(SiteBasis basis) {
  switch (basis) {
    case SiteBasis::neuron:
      return "neuron";
    case SiteBasis::residual:
      return "residual";
    case SiteBasis::normalized:
      return "normalized";
    case SiteBasis::head:
      return "head";
    case SiteBasis::scale:
      return "scale";
    case SiteBasis::attention:
      return "attention";
    case SiteBasis::vocabulary:
      return "vocabulary";
  }
  throw InternalError("basis_name: unknown basis");
}

std::string_view basis_meaning(SiteBasis basis) {
  switch (basis) {
    case SiteBasis::neuron:
      return "Neurons. Coordinate n belongs to neuron n, which reads and writes directions of the "
             "residual stream.";
    case SiteBasis::residual:
      return "Coordinates of the residual stream, not neurons: coordinate i is the basis vector "
             "e_i. It "
             "has no input, gate or output weights, so those directions are not defined for it.";
    case SiteBasis::normalized:
      return "Coordinates of the stream as a norm leaves it, not neurons. Directions of the "
             "weights that "
             "follow are read here; none belongs to a coordinate.";
    case SiteBasis::head:
      return "Channels of attention heads, not MLP neurons. A neuron's input, gate and output "
             "directions "
             "are not defined for them.";
    case SiteBasis::scale:
      return "One number for each token. It has no coordinates and no directions.";
    case SiteBasis::attention:
      return "One number for each head and pair of tokens, as wide as the text is long. It has no "
             "coordinates and no directions.";
    case SiteBasis::vocabulary:
      return "Tokens of the vocabulary, not neurons. A neuron's input, gate and output directions "
             "are "
             "not defined for them.";
  }
  throw InternalError("basis_meaning: unknown basis");
}

const SiteExplanation& site_explanation(HookKind kind) {
  return kExplanations.at(static_cast<std::size_t>(kind));
}

namespace {

// GPT-NeoX has GPT-2's norms, biases and MLP, and Llama's rotation of some of its channels.
std::string_view gpt_neox_equation(HookKind kind, bool parallel_block) {
  const SiteExplanation& row = site_explanation(kind);
  switch (kind) {
    case HookKind::pos_embed:
    case HookKind::resid_pre:
    case HookKind::attn_scores:
      return row.llama_equation.empty() ? std::string_view() : row.llama_equation;
    case HookKind::rot_q:
      return "as hook_q, and of the first 2 m channels q[c] cos(a_c) - q[c + m] sin(a_c) and "
             "q[c + m] cos(a_c) + q[c] sin(a_c) for c < m, q = attn.hook_q, 2 m = d_head "
             "rotary_pct, a_c = position frequency[c]";
    case HookKind::rot_k:
      return "as hook_k, and of the first 2 m channels k[c] cos(a_c) - k[c + m] sin(a_c) and "
             "k[c + m] cos(a_c) + k[c] sin(a_c) for c < m, k = attn.hook_k, 2 m = d_head "
             "rotary_pct, a_c = position frequency[c]";
    case HookKind::mlp_post:
      return "act(mlp.hook_pre), act = gelu";
    default:
      break;
  }
  if (!parallel_block) return row.gpt2_equation;
  switch (kind) {
    case HookKind::resid_mid:
      return {};
    case HookKind::mlp_in:
      return "hook_resid_pre";
    case HookKind::ln2_scale:
      return "sqrt(mean((x - mean(x))^2) + eps), x = hook_resid_pre";
    case HookKind::ln2_normalized:
      return "(x - mean(x)) / ln2.hook_scale, x = hook_resid_pre";
    case HookKind::resid_post:
      return "hook_resid_pre + hook_attn_out + hook_mlp_out";
    default:
      return row.gpt2_equation;
  }
}

}  // namespace

std::string_view site_equation(HookKind kind, std::string_view architecture, bool parallel_block) {
  if (naming_of(architecture) == "gpt_neox") return gpt_neox_equation(kind, parallel_block);
  const SiteExplanation& row = site_explanation(kind);
  // Llama's families differ in the biases of these projections.
  const bool biased = (kind == HookKind::q && has_bias(architecture, WeightKind::q_proj)) ||
                      (kind == HookKind::k && has_bias(architecture, WeightKind::k_proj)) ||
                      (kind == HookKind::v && has_bias(architecture, WeightKind::v_proj));
  return architecture == "gpt2" || biased ? row.gpt2_equation : row.llama_equation;
}

std::span<const SiteIdentity> site_identities() { return kIdentities; }

std::string_view identity_statement(const SiteIdentity& identity, std::string_view architecture) {
  const std::string_view naming = naming_of(architecture);
  if (naming == "gpt_neox" && !identity.gpt_neox.empty()) return identity.gpt_neox;
  return naming == "llama" ? identity.llama : identity.gpt2;
}

std::span<const SiteDirection> site_directions(HookKind kind, std::string_view architecture) {
  if (site_explanation(kind).basis != SiteBasis::neuron) return {};
  if (architecture == "gpt2") return kGpt2Directions;
  if (naming_of(architecture) == "gpt_neox") return kGptNeoxDirections;
  return kLlamaDirections;
}

std::span<const SiteAxis> site_axes(HookKind kind) {
  switch (hook_point(kind).axes) {
    case SiteAxes::scalar:
      return kScalarAxes;
    case SiteAxes::d_model:
      return kModelAxes;
    case SiteAxes::heads:
      return kHeadAxes;
    case SiteAxes::kv_heads:
      return kKvHeadAxes;
    case SiteAxes::head_streams:
      return kHeadStreamAxes;
    case SiteAxes::kv_head_streams:
      return kKvHeadStreamAxes;
    case SiteAxes::pairs:
      return kPairAxes;
    case SiteAxes::d_mlp:
      return kMlpAxes;
    case SiteAxes::d_vocab:
      return kVocabAxes;
  }
  throw InternalError("site_axes: unknown axes");
}

}  // namespace gnomon
