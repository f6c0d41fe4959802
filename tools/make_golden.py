#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make and check the golden tensors of tests/golden/models.

Run by hand, never by the build:

    python -m venv /tmp/golden && /tmp/golden/bin/pip install -r tools/golden_requirements.txt
    /tmp/golden/bin/python tools/make_golden.py tiny
    /tmp/golden/bin/python tools/make_golden.py smollm2 FOLDER/SmolLM2-135M-Instruct.Q4_1.gguf
    /tmp/golden/bin/python tools/make_golden.py --check

Every tiny model is written as a Hugging Face folder and read back from it. Its activations come
from TransformerLens's HookedTransformer with raw weights, an implementation of its own, and are
compared at every hook point with Hugging Face's modules. --check needs torch and safetensors only:
it recomputes the identities from the files. tests/golden/README.md describes what is stored.
"""

import argparse
import contextlib
import hashlib
import importlib
import importlib.metadata
import json
import math
import os
import pathlib
import platform
import sys

os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

MODELS = pathlib.Path(__file__).resolve().parent.parent / "tests" / "golden" / "models"
SEED = 20240517
PROMPT_LENGTHS = {"p1": 1, "p7": 7, "p19": 19}
PROCESSED_PROMPT = "p7"
NORM_OUTS = ("ln1.hook_out", "ln2.hook_out", "ln_final.hook_out")  # HookedTransformer has none
# Sites that HookedTransformer calls with a setting, and the setting.
COPIES = {
    "hook_attn_in": "use_attn_in",
    "hook_q_input": "use_split_qkv_input",
    "hook_k_input": "use_split_qkv_input",
    "hook_v_input": "use_split_qkv_input",
    "hook_mlp_in": "use_hook_mlp_in",
}
FLOAT64_AGREEMENT = (
    1e-10  # HookedTransformer against Hugging Face, relative to the tensor's largest value
)
IDENTITY_BOUND = 1e-12  # relative, on the stored float64 tensors
FLOAT32_BOUND = 1e-4  # stored float32 against stored float64, relative

# What the tiny tokenizers learn their merges from.
TOKENIZER_TEXT = [
    "The sundial casts a shadow, and the shadow tells the hour.",
    "The reader asks the model what the neuron is doing, and the model answers with a number.",
    "In the morning the gardener measures the shadow: 12 centimetres at 9, 7 at 10, 4 at 11.",
    "A neuron reads one direction of the stream and writes another.",
    "When the sun is high, the shadow is short; when the sun is low, the shadow is long.",
    "They're measuring it again, because it wasn't measured well, and we'd rather know.",
    "the the the and and and of of of to to to in in in is is is that that it it he she they we",
]
ENCODED_TEXTS = [
    "The shadow tells the hour.",
    " the model  answers\n\twith 2024 numbers, doesn't it?",
    "naïve café – 東京 🌞",
    "<|endoftext|>A neuron<|endoftext|>",
    "",
]


def versions():
    packages = [
        "torch",
        "transformers",
        "transformer-lens",
        "tokenizers",
        "safetensors",
        "numpy",
        "gguf",
    ]
    return {"python": platform.python_version()} | {
        name: importlib.metadata.version(name) for name in packages
    }


def write_json(path, value):
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def write_activations(path, tensors, recipe):
    # One metadata entry: safetensors writes several in an order that changes from run to run.
    tensors = {name: x.contiguous() for name, x in tensors.items()}
    save_file(tensors, path, metadata={"recipe": json.dumps(recipe)})
    path.chmod(0o644)


def max_abs(x):
    finite = x[torch.isfinite(x)]
    return finite.abs().max().item() if finite.numel() else 0.0


def relative_difference(actual, expected):
    """Largest |actual - expected| over the largest |expected|; -inf must stand at the same ones."""
    if actual.shape != expected.shape:
        raise AssertionError(f"shapes {list(actual.shape)} and {list(expected.shape)}")
    actual, expected = actual.double(), expected.double()
    if not torch.equal(torch.isneginf(actual), torch.isneginf(expected)):
        raise AssertionError("-inf at different entries")
    finite = torch.isfinite(expected)
    return max_abs(actual[finite] - expected[finite]) / max(max_abs(expected), 1e-300)


# The tiny models: every size differs from the others it could be taken for, and no switch has its
# default in all of them.
TINY = {
    "gpt2-tiny": dict(
        family="gpt2",
        dtype="float32",
        layout="transformers",
        config=dict(n_layer=3, n_embd=24, n_head=4, n_positions=64, vocab_size=300),
    ),
    # Laid out as the hub's "gpt2": no "transformer." prefix, and mask buffers, which are why n_ctx
    # is small; and d_mlp is not 4 d_model.
    "gpt2-tiny-inner": dict(
        family="gpt2",
        dtype="float16",
        layout="hub",
        config=dict(
            n_layer=2,
            n_embd=24,
            n_head=3,
            n_positions=32,
            vocab_size=300,
            n_inner=40,
            layer_norm_epsilon=1e-3,
        ),
    ),
    "llama-tiny": dict(
        family="llama",
        dtype="float32",
        layout="transformers",
        config=dict(
            num_hidden_layers=2,
            hidden_size=24,
            num_attention_heads=4,
            num_key_value_heads=2,
            intermediate_size=44,
            max_position_embeddings=64,
            vocab_size=300,
            rms_norm_eps=1e-5,
            tie_word_embeddings=True,
            rope_parameters=dict(rope_type="default", rope_theta=10000.0),
        ),
    ),
    # Two shards with an index, one key-value head, and the configuration as transformers 4 wrote it
    # (rope_theta, torch_dtype).
    "llama-tiny-untied": dict(
        family="llama",
        dtype="bfloat16",
        layout="sharded",
        config=dict(
            num_hidden_layers=2,
            hidden_size=32,
            num_attention_heads=4,
            num_key_value_heads=1,
            intermediate_size=44,
            max_position_embeddings=64,
            vocab_size=300,
            rms_norm_eps=1e-6,
            tie_word_embeddings=False,
            rope_parameters=dict(rope_type="default", rope_theta=100000.0),
        ),
    ),
    # Llama 3's scaled frequencies (one channel pair kept, one interpolated, two divided), and
    # d_head n_heads = 32 although d_model = 24.
    "llama-tiny-llama3": dict(
        family="llama",
        dtype="float32",
        layout="transformers",
        config=dict(
            num_hidden_layers=2,
            hidden_size=24,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=8,
            intermediate_size=44,
            max_position_embeddings=64,
            vocab_size=300,
            rms_norm_eps=1e-5,
            tie_word_embeddings=True,
            rope_parameters=dict(
                rope_type="llama3",
                rope_theta=500.0,
                factor=8.0,
                low_freq_factor=1.0,
                high_freq_factor=4.0,
                original_max_position_embeddings=32,
            ),
        ),
    ),
    # A window longer than the longest prompt, with d_head n_heads = 32 although d_model = 24.
    "mistral-tiny": dict(
        family="mistral",
        dtype="float32",
        layout="transformers",
        config=dict(
            num_hidden_layers=2,
            hidden_size=24,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=8,
            intermediate_size=44,
            max_position_embeddings=64,
            sliding_window=24,
            vocab_size=300,
            rms_norm_eps=1e-5,
            tie_word_embeddings=False,
            rope_parameters=dict(rope_type="default", rope_theta=10000.0),
        ),
    ),
    # Biases in query, key and value.
    "qwen2-tiny": dict(
        family="qwen2",
        dtype="bfloat16",
        layout="transformers",
        config=dict(
            num_hidden_layers=2,
            hidden_size=24,
            num_attention_heads=4,
            num_key_value_heads=2,
            intermediate_size=44,
            max_position_embeddings=64,
            vocab_size=300,
            rms_norm_eps=1e-6,
            tie_word_embeddings=True,
            rope_parameters=dict(rope_type="default", rope_theta=1000000.0),
        ),
    ),
    # Attention and MLP side by side; half of each head's channels turn; query, key and value of one
    # head after the other's.
    "gpt-neox-tiny": dict(
        family="gpt_neox",
        dtype="float16",
        layout="transformers",
        draw=7,
        config=dict(
            num_hidden_layers=3,
            hidden_size=24,
            num_attention_heads=3,
            intermediate_size=40,
            max_position_embeddings=64,
            vocab_size=300,
            hidden_act="gelu",
            layer_norm_eps=1e-5,
            use_parallel_residual=True,
            rope_parameters=dict(
                rope_type="default", rope_theta=10000.0, partial_rotary_factor=0.5
            ),
        ),
    ),
    # The same family with the MLP after attention, a quarter of the channels turning, tied, and the
    # configuration as transformers 4 wrote it (rotary_pct, rotary_emb_base).
    "gpt-neox-tiny-sequential": dict(
        family="gpt_neox",
        dtype="float32",
        layout="transformers4",
        draw=8,
        config=dict(
            num_hidden_layers=2,
            hidden_size=32,
            num_attention_heads=4,
            intermediate_size=44,
            max_position_embeddings=64,
            vocab_size=300,
            hidden_act="gelu",
            layer_norm_eps=1e-3,
            use_parallel_residual=False,
            tie_word_embeddings=True,
            rope_parameters=dict(
                rope_type="default", rope_theta=50000.0, partial_rotary_factor=0.25
            ),
        ),
    ),
}


def draw_of(name):
    """The number of a model's random stream; the first seven have theirs by the alphabet."""
    alphabetical = sorted(other for other in TINY if "draw" not in TINY[other])
    return TINY[name].get("draw") or alphabetical.index(name)


def random_weights(model, seed):
    """Weights that exercise every operation: activations of order 1, gains away from 1, no bias 0.

    Drawn by NumPy in the order of the names, so that they do not depend on torch's generator.
    """
    random = np.random.Generator(np.random.PCG64(seed))
    named = dict(model.named_parameters())
    with torch.no_grad():
        for name in sorted(named):
            parameter = named[name]
            draw = random.standard_normal(tuple(parameter.shape))
            if "ln_" in name or "norm" in name:
                draw = 0.2 * draw if name.endswith("bias") else 1.0 + 0.25 * draw
            elif name.endswith("bias"):
                draw = 0.2 * draw
            elif "wpe" in name:
                draw = 0.4 * draw
            elif "wte" in name or "embed" in name:
                draw = 0.7 * draw
            else:
                draw = 0.3 * draw
            parameter.copy_(torch.from_numpy(draw.astype(np.float32)))


def build_model(row):
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.for_model(row["family"], **row["config"], bos_token_id=0, eos_token_id=0)
    return AutoModelForCausalLM.from_config(config)


def make_tokenizer(family, d_vocab):
    """GPT-2's byte-level BPE, for GPT-NeoX too; for Llama SmolLM2's variant, which splits digits."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer = Tokenizer(models.BPE())
    if family in ("gpt2", "gpt_neox"):
        tokenizer.pre_tokenizer = byte_level
    else:
        digits = pre_tokenizers.Digits(individual_digits=True)
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, byte_level])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=d_vocab,
        special_tokens=["<|endoftext|>"],
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(TOKENIZER_TEXT, trainer)
    if tokenizer.get_vocab_size() != d_vocab:
        raise AssertionError(
            f"the tokenizer has {tokenizer.get_vocab_size()} tokens, the model {d_vocab}"
        )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<|endoftext|>",
        eos_token="<|endoftext|>",
        unk_token="<|endoftext|>",
    )


def write_hub_layout(folder):
    """Rewrites model.safetensors as the hub's "gpt2" has it."""
    path = folder / "model.safetensors"
    config = json.loads((folder / "config.json").read_text())
    tensors = {name.removeprefix("transformer."): x for name, x in load_file(path).items()}
    n_ctx = config["n_positions"]
    mask = torch.tril(torch.ones(n_ctx, n_ctx)).view(1, 1, n_ctx, n_ctx)
    for layer in range(config["n_layer"]):
        tensors[f"h.{layer}.attn.bias"] = mask.to(torch.float16).clone()
    save_file(tensors, path, metadata={"format": "pt"})


def write_transformers4_config(folder):
    path = folder / "config.json"
    config = json.loads(path.read_text())
    rope = config.pop("rope_parameters")
    config |= {
        "rope_theta": rope["rope_theta"],
        "rope_scaling": None,
        "torch_dtype": config.pop("dtype"),
    }
    for later in ("head_dim", "transformers_version"):
        config.pop(later, None)
    write_json(path, dict(sorted(config.items())))


def write_transformers4_neox_config(folder):
    path = folder / "config.json"
    config = json.loads(path.read_text())
    rope = config.pop("rope_parameters")
    config |= {
        "rotary_emb_base": int(rope["rope_theta"]),
        "rotary_pct": rope["partial_rotary_factor"],
        "torch_dtype": config.pop("dtype"),
    }
    config.pop("transformers_version", None)
    write_json(path, dict(sorted(config.items())))


def write_folder(name, row, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    model = build_model(row)
    random_weights(model, [SEED, draw_of(name)])
    model = model.to(getattr(torch, row["dtype"]))
    model.save_pretrained(folder, max_shard_size="50KB" if row["layout"] == "sharded" else "1GB")
    (folder / "generation_config.json").unlink(missing_ok=True)
    if row["layout"] == "hub":
        write_hub_layout(folder)
    if row["layout"] == "sharded":
        write_transformers4_config(folder)
    if row["layout"] == "transformers4":
        write_transformers4_neox_config(folder)
    tokenizer = make_tokenizer(row["family"], row["config"]["vocab_size"])
    tokenizer.save_pretrained(folder)
    for path in folder.iterdir():
        path.chmod(0o644)
    return tokenizer


def rotary_frequencies(config):
    """Radians per position of each channel pair, in double.

    Su et al. 2021, arXiv:2104.09864, section 3.2.2; for rope_type "llama3" with the scaling of
    Llama 3.1 as transformers' modeling_rope_utils defines it.
    """
    rope = config.rope_parameters
    d_head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    n_rotary = int(d_head * rope.get("partial_rotary_factor", 1.0))
    frequencies = []
    for i in range(0, n_rotary, 2):
        frequency = rope["rope_theta"] ** (-i / n_rotary)
        if rope["rope_type"] == "llama3":
            turns = rope["original_max_position_embeddings"] * frequency / (2 * math.pi)
            if turns < rope["low_freq_factor"]:
                frequency /= rope["factor"]
            elif turns <= rope["high_freq_factor"]:
                kept = (turns - rope["low_freq_factor"]) / (
                    rope["high_freq_factor"] - rope["low_freq_factor"]
                )
                frequency = (1 - kept) * frequency / rope["factor"] + kept * frequency
        elif rope["rope_type"] != "default":
            raise ValueError(f"rope_type {rope['rope_type']!r} is not used here")
        frequencies.append(frequency)
    return torch.tensor(frequencies, dtype=torch.float64)


def modeling(config):
    """The module in which transformers has this family."""
    name = config.model_type
    return importlib.import_module(f"transformers.models.{name}.modeling_{name}")


@contextlib.contextmanager
def double_islands(model):
    """Lets a Llama, Mistral, Qwen2 or GPT-NeoX in float64 compute in float64 throughout.

    transformers computes RMSNorm, the rotary angles and the softmax of these in float32 whatever
    the dtype of the model, which for float64 is a loss; the formulas are the same.
    """
    if model.config.model_type == "gpt2":
        yield
        return
    module = modeling(model.config)
    is_neox = model.config.model_type == "gpt_neox"
    body = model.gpt_neox if is_neox else model.model
    norm = None if is_neox else type(body.norm)

    def rms_norm(self, x):
        return self.weight * (
            x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.variance_epsilon)
        )

    def attention(layer, query, key, value, attention_mask, scaling, dropout=0.0, **_):
        repeats = query.shape[1] // key.shape[1]
        key, value = (x.repeat_interleave(repeats, dim=1) for x in (key, value))
        pattern = torch.softmax(query @ key.transpose(2, 3) * scaling + attention_mask, dim=-1)
        return (pattern @ value).transpose(1, 2).contiguous(), pattern

    frequencies = rotary_frequencies(model.config)

    def rotary(x, position_ids):
        angles = position_ids[..., None].double() * frequencies
        angles = torch.cat((angles, angles), dim=-1)
        return angles.cos(), angles.sin()

    kept = norm and norm.forward, module.eager_attention_forward
    if norm:
        norm.forward = rms_norm
    module.eager_attention_forward = attention
    body.rotary_emb.forward = rotary
    try:
        yield
    finally:
        if norm:
            norm.forward = kept[0]
        module.eager_attention_forward = kept[1]
        del body.rotary_emb.forward


@contextlib.contextmanager
def recorded_attention(module, record):
    """Hands layer, queries and keys (after rotation), mask and scale of each layer to record."""
    original = module.eager_attention_forward

    def recording(layer, query, key, value, attention_mask, scaling=None, **kwargs):
        record(layer.layer_idx, query, key, attention_mask, scaling)
        return original(layer, query, key, value, attention_mask, scaling=scaling, **kwargs)

    module.eager_attention_forward = recording
    try:
        yield
    finally:
        module.eager_attention_forward = original


class Taps:
    """Forward hooks that store inputs and outputs of modules, without the batch axis."""

    def __init__(self):
        self.values = {}
        self.handles = []

    def output(self, module, name):
        def store(_module, _args, out):
            self.values[name] = (out[0] if isinstance(out, tuple) else out)[0]

        self.handles.append(module.register_forward_hook(store))

    def input(self, module, name):
        def store(_module, args, kwargs):
            self.values[name] = (args[0] if args else kwargs["hidden_states"])[0]

        self.handles.append(module.register_forward_pre_hook(store, with_kwargs=True))

    def remove(self):
        for handle in self.handles:
            handle.remove()


def tap_gpt2(model, taps):
    body = model.transformer
    taps.output(body.wte, "hook_embed")
    taps.output(body.wpe, "hook_pos_embed")
    for layer, block in enumerate(body.h):
        at = f"blocks.{layer}."
        taps.input(block, at + "hook_resid_pre")
        taps.output(block.ln_1, at + "ln1.hook_out")
        taps.output(block.attn.c_attn, at + "qkv")
        taps.input(block.attn.c_proj, at + "z")
        taps.output(block.attn, at + "hook_attn_out")
        taps.input(block.ln_2, at + "hook_resid_mid")
        taps.output(block.ln_2, at + "ln2.hook_out")
        taps.output(block.mlp.c_fc, at + "mlp.hook_pre")
        taps.output(block.mlp.act, at + "mlp.hook_post")
        taps.output(block.mlp, at + "hook_mlp_out")
        taps.output(block, at + "hook_resid_post")
    taps.output(body.ln_f, "ln_final.hook_out")


def tap_llama(model, taps):
    body = model.model
    taps.output(body.embed_tokens, "hook_embed")
    for layer, block in enumerate(body.layers):
        at = f"blocks.{layer}."
        taps.input(block, at + "hook_resid_pre")
        taps.output(block.input_layernorm, at + "ln1.hook_out")
        for letter in "qkv":
            taps.output(getattr(block.self_attn, f"{letter}_proj"), at + letter)
        taps.input(block.self_attn.o_proj, at + "z")
        taps.output(block.self_attn, at + "hook_attn_out")
        taps.input(block.post_attention_layernorm, at + "hook_resid_mid")
        taps.output(block.post_attention_layernorm, at + "ln2.hook_out")
        taps.output(block.mlp.gate_proj, at + "mlp.hook_pre")
        taps.output(block.mlp.up_proj, at + "mlp.hook_pre_linear")
        taps.input(block.mlp.down_proj, at + "mlp.hook_post")
        taps.output(block.mlp, at + "hook_mlp_out")
        taps.output(block, at + "hook_resid_post")
    taps.output(body.norm, "ln_final.hook_out")


def tap_neox(model, taps):
    body = model.gpt_neox
    taps.output(body.embed_in, "hook_embed")
    for layer, block in enumerate(body.layers):
        at = f"blocks.{layer}."
        taps.input(block, at + "hook_resid_pre")
        taps.output(block.input_layernorm, at + "ln1.hook_out")
        taps.output(block.attention.query_key_value, at + "qkv")
        taps.input(block.attention.dense, at + "z")
        taps.output(block.attention, at + "hook_attn_out")
        if not model.config.use_parallel_residual:
            taps.input(block.post_attention_layernorm, at + "hook_resid_mid")
        taps.output(block.post_attention_layernorm, at + "ln2.hook_out")
        taps.output(block.mlp.dense_h_to_4h, at + "mlp.hook_pre")
        taps.output(block.mlp.act, at + "mlp.hook_post")
        taps.output(block.mlp, at + "hook_mlp_out")
        taps.output(block, at + "hook_resid_post")
    taps.output(body.final_layer_norm, "ln_final.hook_out")


def tap(model, taps):
    {"gpt2": tap_gpt2, "gpt_neox": tap_neox}.get(model.config.model_type, tap_llama)(model, taps)


def split_qkv(qkv, config):
    """The parts [pos, head, d_head] of the joint projection's output [pos, 3 d_model]."""
    n_heads = config.num_attention_heads
    if config.model_type == "gpt2":
        parts = qkv.unflatten(-1, (3, n_heads, -1)).unbind(-3)
    else:
        parts = qkv.unflatten(-1, (n_heads, 3, -1)).unbind(-2)
    return dict(zip("qkv", parts, strict=True))


def blocks_of(model):
    """Of each block: what writes into the stream from attention, and the two norms."""
    if model.config.model_type == "gpt2":
        return [(b.attn.c_proj.weight, b.ln_1, b.ln_2) for b in model.transformer.h]
    if model.config.model_type == "gpt_neox":
        return [
            (b.attention.dense.weight.T, b.input_layernorm, b.post_attention_layernorm)
            for b in model.gpt_neox.layers
        ]
    return [
        (b.self_attn.o_proj.weight.T, b.input_layernorm, b.post_attention_layernorm)
        for b in model.model.layers
    ]


def mlp_stream(config):
    """The site that a block's MLP reads."""
    return "hook_resid_pre" if getattr(config, "use_parallel_residual", False) else "hook_resid_mid"


def n_layers_of(config):
    return config.num_hidden_layers


def head_width(config):
    return getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads


def norm_of(x, config):
    """hook_scale and hook_normalized of a norm's input."""
    if config.model_type in ("gpt2", "gpt_neox"):
        x = x - x.mean(-1, keepdim=True)
    eps = {"gpt2": "layer_norm_epsilon", "gpt_neox": "layer_norm_eps"}
    eps = getattr(config, eps.get(config.model_type, "rms_norm_eps"))
    scale = (x.pow(2).mean(-1, keepdim=True) + eps).sqrt()
    return scale, x / scale


def run_hugging_face(model, ids):
    """Every hook point from Hugging Face's own modules.

    The norms' scale and normalized, and hook_result, are never computed there: they come from those
    modules' inputs and weights.
    """
    config = model.config
    is_gpt2 = config.model_type == "gpt2"
    d_head = head_width(config)
    taps = Taps()
    tap(model, taps)
    scores = {}

    def record(layer, query, key, mask, scaling):
        repeated = key.repeat_interleave(query.shape[1] // key.shape[1], dim=1)
        finite = (query @ repeated.transpose(-1, -2))[0] * scaling
        hidden = mask[0] < torch.finfo(mask.dtype).min / 2
        at = f"blocks.{layer}.attn."
        scores[at + "hook_attn_scores"] = finite.masked_fill(hidden, -math.inf)
        if not is_gpt2:
            scores[at + "hook_rot_q"] = query[0].transpose(0, 1)
            scores[at + "hook_rot_k"] = key[0].transpose(0, 1)

    with torch.no_grad(), recorded_attention(modeling(config), record):
        out = model(
            torch.tensor([ids]), output_attentions=True, output_hidden_states=True, use_cache=False
        )
    taps.remove()
    values = taps.values | scores

    for layer in range(n_layers_of(config)):
        at = f"blocks.{layer}."
        w_o, _, _ = blocks_of(model)[layer]
        if at + "qkv" in values:
            parts = split_qkv(values.pop(at + "qkv"), config)
        else:
            parts = {
                letter: values.pop(at + letter).unflatten(-1, (-1, d_head)) for letter in "qkv"
            }
        for letter, x in parts.items():
            values[at + f"attn.hook_{letter}"] = x
        z = values.pop(at + "z").unflatten(-1, (-1, d_head))
        values[at + "attn.hook_z"] = z
        w_o = w_o.detach().unflatten(0, (-1, d_head))
        values[at + "attn.hook_result"] = torch.einsum("phe,hed->phd", z, w_o)
        values[at + "attn.hook_pattern"] = out.attentions[layer][0]
        for norm, source in (("ln1", "hook_resid_pre"), ("ln2", mlp_stream(config))):
            scale, normalized = norm_of(values[at + source], config)
            values[at + norm + ".hook_scale"], values[at + norm + ".hook_normalized"] = (
                scale,
                normalized,
            )
        # What output_hidden_states promises: the stream before block l.
        if not torch.equal(out.hidden_states[layer][0], values[at + "hook_resid_pre"]):
            raise AssertionError(f"hidden_states[{layer}] is not the input of block {layer}")
    last = values[f"blocks.{n_layers_of(config) - 1}.hook_resid_post"]
    values["ln_final.hook_scale"], values["ln_final.hook_normalized"] = norm_of(last, config)
    values["unembed.hook_in"] = values["ln_final.hook_out"]
    values["unembed.hook_out"] = out.logits[0]
    if not torch.equal(out.hidden_states[-1][0], values["ln_final.hook_out"]):
        raise AssertionError("the last of hidden_states is not the output of the final norm")
    if is_gpt2:
        values["hook_pos_embed"] = values["hook_pos_embed"].expand_as(values["hook_embed"])
    return {name: x.detach().clone() for name, x in values.items()}


def hooked_transformer(model, dtype):
    """TransformerLens's HookedTransformer with the weights of `model`, none of them processed."""
    from transformer_lens import HookedTransformer, HookedTransformerConfig
    from transformer_lens.pretrained.weight_conversions import (
        convert_gpt2_weights,
        convert_llama_weights,
        convert_mistral_weights,
        convert_neox_weights,
        convert_qwen2_weights,
    )

    hf = model.config
    sizes = dict(
        n_layers=n_layers_of(hf),
        d_model=hf.hidden_size,
        n_heads=hf.num_attention_heads,
        d_head=head_width(hf),
        d_vocab=hf.vocab_size,
        n_ctx=hf.max_position_embeddings,
        dtype=dtype,
        device="cpu",
        use_attn_result=True,
        init_weights=False,
    )
    if hf.model_type == "gpt2":
        cfg = HookedTransformerConfig(
            **sizes,
            d_mlp=hf.n_inner or 4 * hf.n_embd,
            act_fn=hf.activation_function,
            eps=hf.layer_norm_epsilon,
            normalization_type="LN",
        )
        weights = convert_gpt2_weights(model, cfg)
    elif hf.model_type == "gpt_neox":
        rope, scaling = hf.rope_parameters, {}
        cfg = HookedTransformerConfig(
            **sizes,
            d_mlp=hf.intermediate_size,
            act_fn=hf.hidden_act,
            eps=hf.layer_norm_eps,
            normalization_type="LN",
            parallel_attn_mlp=hf.use_parallel_residual,
            positional_embedding_type="rotary",
            rotary_dim=int(head_width(hf) * rope["partial_rotary_factor"]),
            rotary_base=rope["rope_theta"],
            rotary_adjacent_pairs=False,
        )
        weights = convert_neox_weights(model, cfg)
    else:
        rope = hf.rope_parameters
        scaling = {}
        if rope["rope_type"] == "llama3":
            scaling = dict(
                use_NTK_by_parts_rope=True,
                NTK_by_parts_factor=rope["factor"],
                NTK_by_parts_low_freq_factor=rope["low_freq_factor"],
                NTK_by_parts_high_freq_factor=rope["high_freq_factor"],
                NTK_original_ctx_len=rope["original_max_position_embeddings"],
            )
        cfg = HookedTransformerConfig(
            **sizes,
            **scaling,
            d_mlp=hf.intermediate_size,
            act_fn=hf.hidden_act,
            eps=hf.rms_norm_eps,
            normalization_type="RMS",
            final_rms=True,
            gated_mlp=True,
            n_key_value_heads=hf.num_key_value_heads,
            positional_embedding_type="rotary",
            rotary_dim=head_width(hf),
            rotary_base=rope["rope_theta"],
            rotary_adjacent_pairs=False,
        )
        convert = {
            "llama": convert_llama_weights,
            "mistral": convert_mistral_weights,
            "qwen2": convert_qwen2_weights,
        }
        weights = convert[hf.model_type](model, cfg)
    hooked = HookedTransformer(cfg)
    # Not load_and_process_state_dict: with every processing step off it still rounds all it loads,
    # the rotary tables among them, to float32.
    loaded = hooked.load_state_dict(
        {name: x.detach().to(dtype) for name, x in weights.items()}, strict=False
    )
    constant = ("attn.mask", "attn.IGNORE", "attn.rotary_sin", "attn.rotary_cos", "unembed.b_U")
    if loaded.unexpected_keys or not all(key.endswith(constant) for key in loaded.missing_keys):
        raise AssertionError(f"missing {loaded.missing_keys}, unexpected {loaded.unexpected_keys}")
    if hf.model_type != "gpt2" and dtype == torch.float64:
        # HookedTransformer computes Llama 3's frequencies in float32 even for a float64 model.
        positions = torch.arange(hf.max_position_embeddings).double()
        angles = positions[:, None] * rotary_frequencies(hf).repeat(2)
        for block in hooked.blocks:
            difference = (block.attn.rotary_sin - angles.sin()).abs().max().item()
            if difference > (1e-5 if scaling else 1e-12):
                raise AssertionError(f"rotary angles differ by {difference}")
            block.attn.rotary_sin, block.attn.rotary_cos = angles.sin(), angles.cos()
    return hooked.eval()


def processed_transformer(model):
    """The same in float64 with the weight processing that TransformerLens does by default.

    The steps are TransformerLens's own, in its order. load_and_process_state_dict and
    ProcessWeights.process_weights, which call them, round everything to float32 first.
    """
    from transformer_lens import HookedTransformer
    from transformer_lens.weight_processing import ProcessWeights

    raw = hooked_transformer(model, torch.float64)
    state = {name: x.clone() for name, x in raw.state_dict().items()}
    is_layer_norm = raw.cfg.normalization_type == "LN"
    state = ProcessWeights.fold_layer_norm(
        state, raw.cfg, fold_biases=is_layer_norm, center_weights=is_layer_norm
    )
    if is_layer_norm:
        state = ProcessWeights.center_writing_weights(state, raw.cfg)
    state = ProcessWeights.center_unembed(state, cfg=raw.cfg)
    state = ProcessWeights.fold_value_biases(state, raw.cfg)
    for name, x in state.items():
        if x.is_floating_point() and x.dtype != torch.float64 and not name.endswith("IGNORE"):
            raise AssertionError(f"{name} is {x.dtype} after processing")
    raw.cfg.normalization_type += "Pre"
    hooked = HookedTransformer(raw.cfg)
    # Masks and rotary tables are the raw model's; a folded norm has no weights left.
    loaded = hooked.load_state_dict(state, strict=False)
    norms = ("ln1.w", "ln1.b", "ln2.w", "ln2.b", "ln_final.w", "ln_final.b")
    if loaded.missing_keys or not all(key.endswith(norms) for key in loaded.unexpected_keys):
        raise AssertionError(f"missing {loaded.missing_keys}, unexpected {loaded.unexpected_keys}")
    return hooked.eval()


def run_hooked_transformer(hooked, ids):
    with torch.no_grad():
        _, cache = hooked.run_with_cache(torch.tensor([ids]), prepend_bos=False)
    return {name: x[0].detach().clone() for name, x in cache.items()}


def kind_of(name):
    """The hook name without its layer."""
    parts = name.split(".")
    return ".".join(parts[2:]) if parts[0] == "blocks" else name


def compare(lens, hugging_face, worst):
    """Both have every hook point, apart from the norms' hook_out, which HookedTransformer lacks."""
    only_hugging_face = {name for name in hugging_face if name not in lens}
    if {kind_of(name) for name in only_hugging_face} != set(NORM_OUTS):
        raise AssertionError(f"only in Hugging Face: {sorted(only_hugging_face)}")
    if missing := sorted(set(lens) - set(hugging_face)):
        raise AssertionError(f"only in HookedTransformer: {missing}")
    for name, x in lens.items():
        try:
            difference = relative_difference(x, hugging_face[name])
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from None
        worst[kind_of(name)] = max(worst.get(kind_of(name), 0.0), difference)


def next_token_log_probs(logits, ids):
    log_probs = torch.log_softmax(logits.double(), dim=-1)
    return [log_probs[p, token].item() for p, token in enumerate(ids[1:])]


def make_processed(name):
    """Every hook point under TransformerLens's default processing, of one prompt, in float64."""
    from transformers import AutoModelForCausalLM

    folder = MODELS / name
    ids = tiny_prompts(TINY[name])[PROCESSED_PROMPT]
    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager"
    )
    found = run_hooked_transformer(processed_transformer(model.double().eval()), ids)
    raw = load_file(folder / "activations_float64.safetensors")
    before, after = raw[f"{PROCESSED_PROMPT}/unembed.hook_out"], found["unembed.hook_out"]
    # The processing changes what is measured inside, and not what the model says.
    difference = relative_difference(after.log_softmax(-1), before.log_softmax(-1))
    if difference > FLOAT64_AGREEMENT:
        raise AssertionError(f"{name}: log-probabilities differ by {difference:.1e}")
    tensors = {f"{PROCESSED_PROMPT}/{at}": x for at, x in found.items()}
    write_activations(
        folder / "processed_float64.safetensors",
        tensors,
        {
            "model": name,
            "dtype": "float64",
            "command": f"tools/make_golden.py processed {name}",
            "source": "HookedTransformer, default weight processing",
            "versions": versions(),
        },
    )
    print(f"{name}: {len(tensors)} processed hook points")


def make_copies(name):
    """Logits with one copy of the stream changed in block 1, in float64.

    From the third token on x becomes x / 2 + sin(0, 1, 2, ...), in the last head where there are heads.
    """
    from transformers import AutoModelForCausalLM

    folder = MODELS / name
    ids = tiny_prompts(TINY[name])[PROCESSED_PROMPT]
    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager"
    )
    hooked = hooked_transformer(model.double().eval(), torch.float64)
    steps = torch.sin(torch.arange(hooked.cfg.d_model).double())

    def change(x, hook):
        own = x[0, 2:] if hook.name.endswith("mlp_in") else x[0, 2:, -1]
        own.copy_(own / 2 + steps)
        return x

    shared = hooked.cfg.n_key_value_heads not in (None, hooked.cfg.n_heads)
    tensors = {}
    for site, flag in COPIES.items():
        if site == "hook_attn_in" and shared:
            continue  # HookedTransformer has it there, and cannot run with it
        if site == "hook_mlp_in" and hooked.cfg.parallel_attn_mlp:
            continue  # HookedTransformer does not call it there
        setattr(hooked.cfg, flag, True)
        with torch.no_grad():
            logits = hooked.run_with_hooks(
                torch.tensor([ids]), prepend_bos=False, fwd_hooks=[(f"blocks.1.{site}", change)]
            )
        setattr(hooked.cfg, flag, False)
        tensors[f"{PROCESSED_PROMPT}/blocks.1.{site}"] = logits[0].clone()
    write_activations(
        folder / "copies_float64.safetensors",
        tensors,
        {
            "model": name,
            "dtype": "float64",
            "command": f"tools/make_golden.py copies {name}",
            "source": "HookedTransformer, raw weights",
            "versions": versions(),
        },
    )
    print(f"{name}: logits with {', '.join(tensors)} changed")


def tiny_prompts(row):
    random = np.random.Generator(np.random.PCG64([SEED, 1000]))
    return {
        prompt: random.integers(0, row["config"]["vocab_size"], n).tolist()
        for prompt, n in PROMPT_LENGTHS.items()
    }


def make_tiny(name, row):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = MODELS / name
    tokenizer = write_folder(name, row, folder)
    prompts = tiny_prompts(row)
    expected = {
        "seed": SEED,
        "command": f"tools/make_golden.py tiny {name}",
        "versions": versions(),
        "prompts": {},
    }
    differences = {}
    for label, dtype in (("float64", torch.float64), ("float32", torch.float32)):
        # The weights are the file's, widened: half precision is read as stored, then cast.
        model = AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="eager"
        )
        model = model.to(dtype).eval()
        hooked = hooked_transformer(model, dtype)
        islands = double_islands(model) if dtype == torch.float64 else contextlib.nullcontext()
        worst, tensors = {}, {}
        with islands:
            for prompt, ids in prompts.items():
                hugging_face = run_hugging_face(model, ids)
                lens = run_hooked_transformer(hooked, ids)
                compare(lens, hugging_face, worst)
                outs = {at: x for at, x in hugging_face.items() if at.endswith(NORM_OUTS)}
                for at, x in (lens | outs).items():
                    tensors[f"{prompt}/{at}"] = x
                if dtype == torch.float64:
                    expected["prompts"][prompt] = {
                        "ids": ids,
                        "next_token_log_prob": next_token_log_probs(lens["unembed.hook_out"], ids),
                    }
        differences[label] = worst
        if dtype == torch.float64 and max(worst.values()) > FLOAT64_AGREEMENT:
            raise AssertionError(
                f"{name}: HookedTransformer and Hugging Face differ in float64: {worst}"
            )
        write_activations(
            folder / f"activations_{label}.safetensors",
            tensors,
            {
                "model": name,
                "dtype": label,
                "seed": SEED,
                "command": expected["command"],
                "source": "HookedTransformer, raw weights; the norms' hook_out: Hugging Face",
                "versions": versions(),
            },
        )

    make_processed(name)
    make_copies(name)
    reread = AutoTokenizer.from_pretrained(folder)
    expected["encodings"] = []
    for text in ENCODED_TEXTS:
        ids = tokenizer.encode(text)
        if reread.encode(text) != ids:
            raise AssertionError(f"AutoTokenizer encodes {text!r} differently")
        expected["encodings"].append({"text": text, "ids": ids})
    write_json(folder / "expected.json", expected)

    print(f"\n{name}: largest relative difference, HookedTransformer against Hugging Face")
    for kind in differences["float64"]:
        double, single = differences["float64"][kind], differences["float32"][kind]
        print(f"  {kind:26} float64 {double:.1e}   float32 {single:.1e}")


def gguf_tokenizer(reader):
    """The tokenizer that the file names: "gpt2" merges, pre-tokenizer "smollm".

    That is single digits, then GPT-2's pattern; transformers' own conversion leaves the digits out.
    """
    from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers

    fields = {
        name: reader.fields[name].contents()
        for name in (
            "tokenizer.ggml.tokens",
            "tokenizer.ggml.merges",
            "tokenizer.ggml.token_type",
            "tokenizer.ggml.pre",
        )
    }
    if fields["tokenizer.ggml.pre"] != "smollm":
        raise ValueError(f'pre-tokenizer {fields["tokenizer.ggml.pre"]!r}, expected "smollm"')
    tokens = fields["tokenizer.ggml.tokens"]
    merges = [tuple(merge.split(" ")) for merge in fields["tokenizer.ggml.merges"]]
    tokenizer = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    control = 3
    tokenizer.add_special_tokens(
        [
            AddedToken(token, normalized=False, special=True)
            for token, kind in zip(tokens, fields["tokenizer.ggml.token_type"], strict=True)
            if kind == control
        ]
    )
    return tokenizer


def check_gguf_weights(model, reader):
    """Every weight of the model equals the file's, dequantised by gguf.

    llama.cpp stores the rows of q and k so that rotary pairs are adjacent, transformers so that
    they are d_head / 2 apart.
    """
    from gguf.quants import dequantize

    names = {
        "attn_norm": "input_layernorm",
        "ffn_norm": "post_attention_layernorm",
        "attn_q": "self_attn.q_proj",
        "attn_k": "self_attn.k_proj",
        "attn_v": "self_attn.v_proj",
        "attn_output": "self_attn.o_proj",
        "ffn_gate": "mlp.gate_proj",
        "ffn_up": "mlp.up_proj",
        "ffn_down": "mlp.down_proj",
    }
    parameters = dict(model.named_parameters())
    seen = set()
    for tensor in reader.tensors:
        parts = tensor.name.split(".")
        if parts[0] == "blk":
            target = f"model.layers.{parts[1]}.{names[parts[2]]}.weight"
        else:
            target = {
                "token_embd": "model.embed_tokens.weight",
                "output_norm": "model.norm.weight",
            }[parts[0]]
        x = np.array(dequantize(tensor.data, tensor.tensor_type))
        if parts[-2] in ("attn_q", "attn_k"):
            n_heads = (
                model.config.num_attention_heads
                if parts[-2] == "attn_q"
                else model.config.num_key_value_heads
            )
            x = x.reshape(n_heads, -1, 2, x.shape[-1]).swapaxes(1, 2).reshape(x.shape)
        if not torch.equal(parameters[target].detach(), torch.from_numpy(x)):
            raise AssertionError(f"{tensor.name} is not {target}")
        seen.add(target)
    if seen != set(parameters):
        raise AssertionError(f"not in the file: {sorted(set(parameters) - seen)}")
    return len(seen)


SMOLLM2_SITES = [f"blocks.{layer}.hook_resid_post" for layer in (0, 14, 29)] + [
    f"blocks.{layer}.mlp.hook_post" for layer in (3, 14, 27)
]


def run_smollm2(model, ids):
    """Logits [pos, d_vocab], and at the last position SMOLLM2_SITES and the normalized stream."""
    taps = Taps()
    tap_llama(model, taps)
    with torch.no_grad():
        logits = model(torch.tensor([ids]), use_cache=False).logits[0]
    taps.remove()
    values = {site: taps.values[site][-1].clone() for site in SMOLLM2_SITES}
    stream = taps.values[f"blocks.{n_layers_of(model.config) - 1}.hook_resid_post"][-1]
    values["ln_final.hook_normalized"] = norm_of(stream, model.config)[1].clone()
    return logits, values


def score_texts(model, all_ids, with_sites, dtype_name):
    tensors = {}
    for i, ids in enumerate(all_ids):
        logits, sites = run_smollm2(model, ids)
        tensors[f"{i}/{dtype_name}/next_token_log_prob"] = torch.tensor(
            next_token_log_probs(logits, ids), dtype=torch.float64
        )
        if dtype_name == "float64":
            top = logits.topk(2, dim=-1)
            tensors[f"{i}/top1"] = top.indices[:, 0].to(torch.int32)
            tensors[f"{i}/top1_margin"] = (top.values[:, 0] - top.values[:, 1]).to(torch.float32)
            if i in with_sites:
                tensors |= {f"{i}/float64/{site}": x for site, x in sites.items()}
    return tensors


def make_smollm2(gguf_path):
    import gguf
    from transformers import AutoModelForCausalLM

    folder = MODELS / "smollm2-135m"
    texts = json.loads((folder / "texts.json").read_text(encoding="utf-8"))
    reader = gguf.GGUFReader(gguf_path)
    tokenizer = gguf_tokenizer(reader)
    model = AutoModelForCausalLM.from_pretrained(
        gguf_path.parent, gguf_file=gguf_path.name, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    n_equal = check_gguf_weights(model, reader)
    print(f"smollm2-135m: {n_equal} weights equal the file's, dequantised by gguf, exactly")

    all_ids = [tokenizer.encode(text).ids for text in texts]
    lengths = sorted(len(ids) for ids in all_ids)
    if lengths[0] < 2 or len(set(texts)) != len(texts):
        raise AssertionError("every text needs two tokens, and no text may repeat")
    with_sites = [0, len(texts) // 2, len(texts) - 1]
    tensors = {f"{i}/ids": torch.tensor(ids, dtype=torch.int32) for i, ids in enumerate(all_ids)}
    tensors |= score_texts(model, all_ids, with_sites, "float32")
    model = model.double()
    with double_islands(model):
        tensors |= score_texts(model, all_ids, with_sites, "float64")

    gap = max(
        max_abs(
            tensors[f"{i}/float32/next_token_log_prob"]
            - tensors[f"{i}/float64/next_token_log_prob"]
        )
        for i in range(len(texts))
    )
    total = sum(tensors[f"{i}/float64/next_token_log_prob"].sum().item() for i in range(len(texts)))
    n_scored = sum(lengths) - len(texts)
    facts = {
        "command": f"tools/make_golden.py smollm2 {gguf_path.name}",
        "gguf": gguf_path.name,
        "gguf_sha256": hashlib.sha256(gguf_path.read_bytes()).hexdigest(),
        "versions": versions(),
        "n_texts": len(texts),
        "n_tokens": sum(lengths),
        "shortest_text": lengths[0],
        "longest_text": lengths[-1],
        "texts_with_sites": with_sites,
        "mean_next_token_loss": -total / n_scored,
        "largest_log_prob_difference_float32_float64": gap,
        "smallest_top1_margin": min(
            tensors[f"{i}/top1_margin"].min().item() for i in range(len(texts))
        ),
    }
    order = sorted(tensors, key=lambda name: (int(name.split("/")[0]), name))
    write_activations(
        folder / "logprobs.safetensors",
        {name: tensors[name] for name in order},
        {key: facts[key] for key in ("gguf", "gguf_sha256", "command", "versions")},
    )
    write_json(folder / "logprobs.json", facts)
    for key in (
        "n_texts",
        "n_tokens",
        "shortest_text",
        "longest_text",
        "mean_next_token_loss",
        "largest_log_prob_difference_float32_float64",
        "smallest_top1_margin",
    ):
        print(f"  {key} {facts[key]}")


class Identities:
    """Collects the largest relative error of each identity."""

    def __init__(self):
        self.worst = {}

    def near(self, identity, actual, expected):
        self.worst[identity] = max(
            self.worst.get(identity, 0.0), relative_difference(actual, expected)
        )

    def exact(self, identity, holds):
        self.worst[identity] = max(self.worst.get(identity, 0.0), 0.0 if holds else math.inf)


def stored_weights(folder):
    """The folder's tensors in float64, under transformers' names without the prefix of the body."""
    weights = {}
    for path in sorted(folder.glob("model*.safetensors")):
        for name, x in load_file(path).items():
            for prefix in ("transformer.", "model.", "gpt_neox."):
                name = name.removeprefix(prefix)
            weights[name] = x.double()
    return weights


def stored_frequencies(config):
    """As rotary_frequencies, from config.json of either generation of transformers."""
    rope = config.get("rope_parameters") or {
        "rope_type": "default",
        "rope_theta": config.get("rope_theta") or config["rotary_emb_base"],
        "partial_rotary_factor": config.get("rotary_pct", 1.0),
    }
    n_heads, d_model = config["num_attention_heads"], config["hidden_size"]
    return rotary_frequencies(
        argparse.Namespace(
            rope_parameters=rope,
            head_dim=config.get("head_dim"),
            hidden_size=d_model,
            num_attention_heads=n_heads,
        )
    )


class Gpt2Block:
    """The weights of one block in TransformerLens's orientation, input first."""

    def __init__(self, weights, layer, d_head):
        at = f"h.{layer}."
        split = weights[at + "attn.c_attn.weight"].chunk(3, dim=1)
        biases = weights[at + "attn.c_attn.bias"].chunk(3)
        self.qkv = {letter: (w, b) for letter, w, b in zip("qkv", split, biases, strict=True)}
        self.w_o, self.b_o = (
            weights[at + "attn.c_proj.weight"].unflatten(0, (-1, d_head)),
            weights[at + "attn.c_proj.bias"],
        )
        self.norms = {
            f"ln{i}": (weights[f"{at}ln_{i}.weight"], weights[f"{at}ln_{i}.bias"]) for i in (1, 2)
        }
        self.w_pre, self.b_pre = weights[at + "mlp.c_fc.weight"], weights[at + "mlp.c_fc.bias"]
        self.w_linear = None
        self.w_out, self.b_out = weights[at + "mlp.c_proj.weight"], weights[at + "mlp.c_proj.bias"]


class LlamaBlock:
    def __init__(self, weights, layer, d_head):
        at = f"layers.{layer}."
        zero = torch.zeros((), dtype=torch.float64)
        self.qkv = {
            letter: (
                weights[f"{at}self_attn.{letter}_proj.weight"].T,
                weights.get(f"{at}self_attn.{letter}_proj.bias", zero),
            )
            for letter in "qkv"
        }
        self.w_o, self.b_o = (
            weights[at + "self_attn.o_proj.weight"].T.unflatten(0, (-1, d_head)),
            zero,
        )
        self.norms = {
            "ln1": (weights[at + "input_layernorm.weight"], zero),
            "ln2": (weights[at + "post_attention_layernorm.weight"], zero),
        }
        self.w_pre, self.b_pre = weights[at + "mlp.gate_proj.weight"].T, zero
        self.w_linear = weights[at + "mlp.up_proj.weight"].T
        self.w_out, self.b_out = weights[at + "mlp.down_proj.weight"].T, zero


class NeoxBlock:
    def __init__(self, weights, layer, d_head):
        at = f"layers.{layer}."

        def pair(name):
            return weights[f"{at}{name}.weight"].T, weights[f"{at}{name}.bias"]

        qkv = pair("attention.query_key_value")
        parts = [x.unflatten(-1, (-1, 3, d_head)).unbind(-2) for x in qkv]
        self.qkv = {
            letter: (w.flatten(-2), b.flatten()) for letter, w, b in zip("qkv", *parts, strict=True)
        }
        w_o, self.b_o = pair("attention.dense")
        self.w_o = w_o.unflatten(0, (-1, d_head))
        self.norms = {"ln1": pair("input_layernorm"), "ln2": pair("post_attention_layernorm")}
        self.w_pre, self.b_pre = pair("mlp.dense_h_to_4h")
        self.w_linear = None
        self.w_out, self.b_out = pair("mlp.dense_4h_to_h")


def activation(pre, linear, kind):
    if linear is not None:
        return pre * torch.sigmoid(pre) * linear
    if kind == "gelu":
        return 0.5 * pre * (1 + torch.erf(pre / math.sqrt(2)))
    return 0.5 * pre * (1 + torch.tanh(math.sqrt(2 / math.pi) * (pre + 0.044715 * pre**3)))


def rotated(x, frequencies):
    """x [pos, head, d_head]; channel i turns with channel i + n_rotary / 2, others stay."""
    angles = torch.arange(x.shape[0]).double()[:, None, None] * frequencies
    n_rotary = 2 * len(frequencies)
    first, second = x[..., :n_rotary].chunk(2, dim=-1)
    return torch.cat(
        (
            first * angles.cos() - second * angles.sin(),
            second * angles.cos() + first * angles.sin(),
            x[..., n_rotary:],
        ),
        -1,
    )


def check_prompt(found, at_prompt, config, weights, identities):
    """The identities that hold for raw weights, on one prompt's float64 tensors.

    tests/golden/README.md lists I1 to I5 and P15; the others are the definitions between them, so
    that every stored tensor is reached.
    """
    is_gpt2 = config["model_type"] == "gpt2"
    n_layers = config["n_layer" if is_gpt2 else "num_hidden_layers"]
    n_heads = config["n_head" if is_gpt2 else "num_attention_heads"]
    d_model = config["n_embd" if is_gpt2 else "hidden_size"]
    d_head = config.get("head_dim") or d_model // n_heads
    is_neox = config["model_type"] == "gpt_neox"
    parallel = is_neox and config["use_parallel_residual"]
    eps = config[
        "layer_norm_epsilon" if is_gpt2 else "layer_norm_eps" if is_neox else "rms_norm_eps"
    ]
    ids = at_prompt["ids"]

    def norm_parts(x):
        x = x - x.mean(-1, keepdim=True) if is_gpt2 or is_neox else x
        scale = (x.pow(2).mean(-1, keepdim=True) + eps).sqrt()
        return scale, x / scale

    names = {"gpt2": "wte.weight", "gpt_neox": "embed_in.weight"}
    embedding = weights[names.get(config["model_type"], "embed_tokens.weight")]
    identities.near("hook_embed = W_E[id]", found("hook_embed"), embedding[ids])
    stream = found("hook_embed")
    if is_gpt2:
        identities.near(
            "hook_pos_embed = W_pos[p]", found("hook_pos_embed"), weights["wpe.weight"][: len(ids)]
        )
        stream = stream + found("hook_pos_embed")

    for layer in range(n_layers):

        def at(name, layer=layer):
            return found(f"blocks.{layer}.{name}")

        kind = Gpt2Block if is_gpt2 else NeoxBlock if is_neox else LlamaBlock
        block = kind(weights, layer, d_head)
        identities.near("I5 stream = embeddings + sum of writes", at("hook_resid_pre"), stream)
        mlp_reads = "hook_resid_pre" if parallel else "hook_resid_mid"
        for norm, source in (("ln1", "hook_resid_pre"), ("ln2", mlp_reads)):
            scale, normalized = norm_parts(at(source))
            gain, shift = block.norms[norm]
            identities.near("hook_scale", at(f"{norm}.hook_scale"), scale)
            identities.near(
                "hook_normalized is before the affine", at(f"{norm}.hook_normalized"), normalized
            )
            identities.near(
                "hook_out = normalized w + b", at(f"{norm}.hook_out"), normalized * gain + shift
            )
        for letter, (w, b) in block.qkv.items():
            identities.near(
                "q, k, v = ln1 out W + b",
                at(f"attn.hook_{letter}"),
                (at("ln1.hook_out") @ w + b).unflatten(-1, (-1, d_head)),
            )
        q, k, v = (at(f"attn.hook_{letter}") for letter in "qkv")
        if not is_gpt2:
            frequencies = stored_frequencies(config)
            q, k = rotated(q, frequencies), rotated(k, frequencies)
            identities.near("rot_q, rot_k", at("attn.hook_rot_q"), q)
            identities.near("rot_q, rot_k", at("attn.hook_rot_k"), k)
        repeats = n_heads // k.shape[1]
        k, v = k.repeat_interleave(repeats, dim=1), v.repeat_interleave(repeats, dim=1)
        future = torch.ones(len(ids), len(ids), dtype=torch.bool).triu(1)
        scores = (torch.einsum("qhe,khe->hqk", q, k) / math.sqrt(d_head)).masked_fill(
            future, -math.inf
        )
        pattern = at("attn.hook_pattern")
        identities.near(
            "scores = q k / sqrt(d_head), -inf above the diagonal",
            at("attn.hook_attn_scores"),
            scores,
        )
        identities.near(
            "pattern = softmax(scores)", pattern, torch.softmax(at("attn.hook_attn_scores"), dim=-1)
        )
        identities.near(
            "P15 rows of the pattern sum to 1", pattern.sum(-1), torch.ones(n_heads, len(ids))
        )
        identities.exact("P15 causal zeros are exact", not pattern[:, future].any().item())
        identities.near(
            "z = pattern v", at("attn.hook_z"), torch.einsum("hqk,khe->qhe", pattern, v)
        )
        identities.near(
            "I4 result[h] = z[h] W_O[h]",
            at("attn.hook_result"),
            torch.einsum("phe,hed->phd", at("attn.hook_z"), block.w_o),
        )
        identities.near(
            "I4 attn_out = sum of results + b_O",
            at("hook_attn_out"),
            at("attn.hook_result").sum(1) + block.b_o,
        )
        if not parallel:
            identities.near(
                "resid_mid = resid_pre + attn_out",
                at("hook_resid_mid"),
                at("hook_resid_pre") + at("hook_attn_out"),
            )
        gain, shift = block.norms["ln2"]
        read = at("ln2.hook_normalized") * gain + shift
        identities.near(
            "I1 raw pre = (ln2 normalized w + b) W + b_in",
            at("mlp.hook_pre"),
            read @ block.w_pre + block.b_pre,
        )
        linear = None
        if block.w_linear is not None:
            linear = at("mlp.hook_pre_linear")
            identities.near(
                "I1 raw pre_linear = (ln2 normalized w) W_in", linear, read @ block.w_linear
            )
        identities.near(
            "I2 post = act(pre) [pre_linear]",
            at("mlp.hook_post"),
            activation(at("mlp.hook_pre"), linear, config.get("hidden_act")),
        )
        identities.near(
            "I3 mlp_out - b_out = sum of post W_out",
            at("hook_mlp_out") - block.b_out,
            at("mlp.hook_post") @ block.w_out,
        )
        stream = stream + at("hook_attn_out") + at("hook_mlp_out")
        identities.near("I5 stream = embeddings + sum of writes", at("hook_resid_post"), stream)

    scale, normalized = norm_parts(found(f"blocks.{n_layers - 1}.hook_resid_post"))
    final = "ln_f" if is_gpt2 else "final_layer_norm" if is_neox else "norm"
    gain, shift = weights[final + ".weight"], weights.get(final + ".bias", 0.0)
    identities.near("hook_scale", found("ln_final.hook_scale"), scale)
    identities.near(
        "hook_normalized is before the affine", found("ln_final.hook_normalized"), normalized
    )
    identities.near(
        "hook_out = normalized w + b", found("ln_final.hook_out"), normalized * gain + shift
    )
    identities.near(
        "unembed.hook_in = ln_final out", found("unembed.hook_in"), found("ln_final.hook_out")
    )
    unembedding = weights.get("lm_head.weight", weights.get("embed_out.weight", embedding))
    identities.near(
        "logits = ln_final out W_U",
        found("unembed.hook_out"),
        found("unembed.hook_in") @ unembedding.T,
    )
    log_probs = next_token_log_probs(found("unembed.hook_out"), ids)
    identities.near(
        "expected.json log-probabilities",
        torch.tensor(at_prompt["next_token_log_prob"]).double(),
        torch.tensor(log_probs).double(),
    )


def check_tiny(name):
    folder = MODELS / name
    config = json.loads((folder / "config.json").read_text())
    expected = json.loads((folder / "expected.json").read_text())
    weights = stored_weights(folder)
    double = load_file(folder / "activations_float64.safetensors")
    single = load_file(folder / "activations_float32.safetensors")
    identities = Identities()
    read = set()
    for prompt, at_prompt in expected["prompts"].items():

        def found(hook, prompt=prompt):
            read.add(f"{prompt}/{hook}")
            return double[f"{prompt}/{hook}"]

        check_prompt(found, at_prompt, config, weights, identities)

    failures = [
        f"{name}: {identity} {error:.1e}"
        for identity, error in identities.worst.items()
        if not error < IDENTITY_BOUND
    ]
    failures += [f"{name}: {tensor} is in no identity" for tensor in sorted(set(double) - read)]
    if set(double) != set(single):
        failures.append(f"{name}: float32 and float64 have different tensors")
    rounding = max(relative_difference(single[tensor], x) for tensor, x in double.items())
    if not rounding < FLOAT32_BOUND:
        failures.append(f"{name}: float32 differs from float64 by {rounding:.1e}")
    print(f"\n{name}: {len(double)} tensors, largest relative error of each identity")
    for identity, error in identities.worst.items():
        print(f"  {error:.1e}  {identity}")
    print(f"  {rounding:.1e}  float32 against float64")
    return failures


def check_smollm2():
    folder = MODELS / "smollm2-135m"
    facts = json.loads((folder / "logprobs.json").read_text())
    texts = json.loads((folder / "texts.json").read_text(encoding="utf-8"))
    with safe_open(folder / "logprobs.safetensors", "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    failures, gap, n_top1, n_scored = [], 0.0, 0, 0
    for i in range(len(texts)):
        ids, double = tensors[f"{i}/ids"], tensors[f"{i}/float64/next_token_log_prob"]
        single, top1 = tensors[f"{i}/float32/next_token_log_prob"], tensors[f"{i}/top1"]
        if not (len(ids) == len(top1) == len(double) + 1 == len(single) + 1):
            failures.append(f"smollm2-135m: text {i} has tensors of different lengths")
            continue
        gap = max(gap, max_abs(double - single))
        n_scored += len(double)
        # The likeliest token has probability above 1 / d_vocab; no log-probability is positive.
        if double.max() >= 0 or (double[top1[:-1] == ids[1:]] < -math.log(49152)).any():
            failures.append(f"smollm2-135m: text {i} has impossible log-probabilities")
        n_top1 += (top1[:-1] == ids[1:]).sum().item()
    if len(texts) != facts["n_texts"] or not gap < 1e-2:
        failures.append("smollm2-135m: texts.json or float32 does not fit logprobs.safetensors")
    print(
        f"\nsmollm2-135m: {len(texts)} texts, {n_scored} next tokens, {n_top1} of them likeliest; "
        f"float32 within {gap:.1e} of float64"
    )
    return failures


def check():
    failures = [failure for name in TINY for failure in check_tiny(name)] + check_smollm2()
    n_bytes = sum(path.stat().st_size for path in MODELS.rglob("*") if path.is_file())
    print(f"\n{n_bytes / 2**20:.2f} MiB in {MODELS}")
    for failure in failures:
        print(f"FAILED {failure}", file=sys.stderr)
    return 1 if failures else 0


def main():
    parser = argparse.ArgumentParser(
        description="Make and check the golden tensors of tests/golden/models."
    )
    parser.add_argument(
        "--check", action="store_true", help="recompute the identities from the stored files"
    )
    commands = parser.add_subparsers(dest="command")
    tiny = commands.add_parser("tiny", help="the tiny random models")
    tiny.add_argument(
        "names", nargs="*", metavar="NAME", help=f"some of {', '.join(TINY)}; default all"
    )
    processed = commands.add_parser(
        "processed", help="the tiny models' hook points under processed weights, part of tiny"
    )
    processed.add_argument("names", nargs="*", metavar="NAME")
    copies = commands.add_parser(
        "copies", help="the tiny models' logits with copies of the stream changed, part of tiny"
    )
    copies.add_argument("names", nargs="*", metavar="NAME")
    smollm2 = commands.add_parser("smollm2", help="log-probabilities of SmolLM2-135M-Instruct")
    smollm2.add_argument("gguf", type=pathlib.Path)
    arguments = parser.parse_args()
    if bool(arguments.command) == arguments.check:
        parser.error("expected one of: tiny, processed, copies, smollm2, --check")
    if arguments.check:
        return check()
    if arguments.command == "smollm2":
        make_smollm2(arguments.gguf)
        return 0
    if unknown := set(arguments.names) - set(TINY):
        parser.error(f"no tiny model {sorted(unknown)}; expected some of {', '.join(TINY)}")
    for name in arguments.names or TINY:
        if arguments.command == "processed":
            make_processed(name)
        elif arguments.command == "copies":
            make_copies(name)
        else:
            make_tiny(name, TINY[name])
    return 0


if __name__ == "__main__":
    sys.exit(main())
