#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/golden/models/NAME/model.gguf for five of the tiny models.

The writer is that of the Python package `gguf`, so that the names of keys and tensors are its own, and the
tensors are laid out as llama.cpp's converter does it: GPT-2's Conv1D matrices transposed, Llama's query and
key rows interleaved for rotary pairs, GPT-NeoX's query_key_value as all queries, all keys, all values, Llama 3's
scaling of the frequencies as the tensor rope_freqs.weight, norms in F32. The matrices keep the type they have in the safetensors file.

    python3 tools/make_gguf_golden.py
"""

import json
import math
from pathlib import Path

import gguf
import numpy as np

MODELS = Path(__file__).resolve().parent.parent / "tests" / "golden" / "models"
PRE_TOKENIZER = {
    "gpt2-tiny-inner": "gpt-2",
    "llama-tiny-llama3": "smollm",
    "qwen2-tiny": "smollm",
    "gpt-neox-tiny": "olmo",
    "gpt-neox-tiny-sequential": "olmo",
}
# transformers' names of architectures that GGUF calls otherwise.
GGUF_NAMES = {"gpt_neox": "gptneox"}
TYPES = {
    "F32": (np.float32, gguf.GGMLQuantizationType.F32),
    "F16": (np.float16, gguf.GGMLQuantizationType.F16),
    "BF16": (np.uint16, gguf.GGMLQuantizationType.BF16),
}


def read_safetensors(path):
    content = path.read_bytes()
    n_header = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + n_header])
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        first, last = entry["data_offsets"]
        numbers = np.frombuffer(content[8 + n_header + first : 8 + n_header + last], TYPES[entry["dtype"]][0])
        yield name, entry["dtype"], numbers.reshape(entry["shape"])


def as_float32(values, dtype):
    if dtype == "BF16":
        return (values.astype(np.uint32) << 16).view(np.float32)
    return values.astype(np.float32)


def interleaved(values, n_heads):
    rows = values.shape[0] // n_heads
    return values.reshape(n_heads, 2, rows // 2, -1).swapaxes(1, 2).reshape(values.shape)


def side_by_side(values, n_heads):
    """Query, key and value of one head after the other's -> all queries, all keys, all values."""
    return values.reshape(n_heads, 3, -1).swapaxes(0, 1).reshape(values.shape)


def llama3_factors(config):
    rope = config["rope_parameters"]
    n_rotary = config["head_dim"]
    context = rope["original_max_position_embeddings"]
    low, high, factor = rope["low_freq_factor"], rope["high_freq_factor"], rope["factor"]
    factors = []
    for i in range(0, n_rotary, 2):
        turns = context * rope["rope_theta"] ** (-i / n_rotary) / (2 * math.pi)
        smooth = min(1, max(0, (turns - low) / (high - low)))
        factors.append(1 / ((1 - smooth) / factor + smooth))
    return np.array(factors, dtype=np.float32)


def add_sizes(writer, config):
    if config["model_type"] == "gpt2":
        writer.add_block_count(config["n_layer"])
        writer.add_context_length(config["n_positions"])
        writer.add_embedding_length(config["n_embd"])
        writer.add_feed_forward_length(config["n_inner"] or 4 * config["n_embd"])
        writer.add_head_count(config["n_head"])
        writer.add_layer_norm_eps(config["layer_norm_epsilon"])
        return
    if config["model_type"] == "gpt_neox":
        rope = config.get("rope_parameters", {})
        share = rope.get("partial_rotary_factor", config.get("rotary_pct"))
        writer.add_block_count(config["num_hidden_layers"])
        writer.add_context_length(config["max_position_embeddings"])
        writer.add_embedding_length(config["hidden_size"])
        writer.add_feed_forward_length(config["intermediate_size"])
        writer.add_head_count(config["num_attention_heads"])
        writer.add_rope_dimension_count(int(share * (config["hidden_size"] // config["num_attention_heads"])))
        writer.add_rope_freq_base(rope.get("rope_theta", config.get("rotary_emb_base", 10000)))
        writer.add_parallel_residual(config["use_parallel_residual"])
        writer.add_layer_norm_eps(config["layer_norm_eps"])
        return
    head_dim = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(head_dim)
    writer.add_value_length(head_dim)
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(config["rope_parameters"]["rope_theta"])
    writer.add_rope_dimension_count(head_dim)
    writer.add_vocab_size(config["vocab_size"])


def add_tokenizer(writer, folder, pre_tokenizer):
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    vocabulary = tokenizer["model"]["vocab"]
    special = {row["id"] for row in tokenizer["added_tokens"]}
    pieces = sorted(vocabulary, key=vocabulary.get)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre_tokenizer)
    writer.add_token_list(pieces)
    writer.add_token_types(
        [gguf.TokenType.CONTROL if i in special else gguf.TokenType.NORMAL for i in range(len(pieces))]
    )
    merges = tokenizer["model"]["merges"]
    writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in merges])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(0)
    writer.add_add_bos_token(False)


def add_tensors(writer, config, folder, architecture):
    n_block = config.get("num_hidden_layers") or config["n_layer"]
    names = gguf.get_tensor_name_map(architecture, n_block)
    for name, dtype, values in read_safetensors(folder / "model.safetensors"):
        if name.endswith((".attn.bias", ".attn.masked_bias", ".attention.bias", ".rotary_emb.inv_freq")):
            continue
        if architecture == gguf.MODEL_ARCH.GPT2 and values.ndim == 2 and ".c_" in name:
            values = values.T
        if architecture == gguf.MODEL_ARCH.LLAMA and name.endswith(("q_proj.weight", "k_proj.weight")):
            heads = "num_attention_heads" if "q_proj" in name else "num_key_value_heads"
            values = interleaved(values, config[heads])
        if ".query_key_value." in name:
            values = side_by_side(values, config["num_attention_heads"])
        new_name = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if values.ndim == 1:
            writer.add_tensor(new_name, as_float32(values, dtype))
        elif dtype == "BF16":
            stored = np.ascontiguousarray(values).view(np.uint8)
            writer.add_tensor(new_name, stored, raw_dtype=TYPES[dtype][1])
        else:
            writer.add_tensor(new_name, np.ascontiguousarray(values))
    if config.get("rope_parameters", {}).get("rope_type") == "llama3":
        writer.add_tensor("rope_freqs.weight", llama3_factors(config))


def main():
    for name, pre_tokenizer in PRE_TOKENIZER.items():
        folder = MODELS / name
        config = json.loads((folder / "config.json").read_text())
        gguf_name = GGUF_NAMES.get(config["model_type"], config["model_type"])
        architecture = {value: key for key, value in gguf.MODEL_ARCH_NAMES.items()}[gguf_name]
        writer = gguf.GGUFWriter(folder / "model.gguf", gguf_name)
        writer.add_name(name)
        writer.add_type("model")
        writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
        add_sizes(writer, config)
        add_tokenizer(writer, folder, pre_tokenizer)
        add_tensors(writer, config, folder, architecture)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()


if __name__ == "__main__":
    main()
