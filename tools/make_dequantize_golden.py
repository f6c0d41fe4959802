#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/golden/dequantize: stored elements and the float32 values they stand for.

The values are those of the Python package `gguf` (gguf.quants.dequantize). For each type there are two
files: NAME.bin with the stored bytes and NAME.f32 with the values, little-endian. The blocks are random
bytes from a fixed seed; the scales of the first ones are replaced by special values: zeros, the
smallest and largest subnormal, the smallest and largest normal number, infinities and a NaN. The two blocks
after these have scales of 1 and all other bits 0, and all other bits 1.

F16 and BF16 are complete, all 65536 patterns in order, so only a SHA-256 of their values is kept, in
every.json, with each NaN replaced by 0x7fc00000. With --model FILE the same is done for all tensors of
a GGUF file: the hash of the concatenated hexadecimal hashes of its tensors, in file order.

    python3 tools/make_dequantize_golden.py [--model FILE.gguf]
"""

import argparse
import hashlib
import importlib.metadata
import json
from pathlib import Path

import gguf
import numpy as np

SEED = 20250207
N_BLOCK = {32: 28, 256: 14}
SPECIAL = [0x0000, 0x8000, 0x0001, 0x8001, 0x03FF, 0x0400, 0x7BFF, 0xFBFF, 0x7C00, 0xFC00, 0x7E00]

# Byte offsets of the binary16 scales in a block (ggml-common.h).
SCALES = {
    "Q4_0": [0],
    "Q4_1": [0, 2],
    "Q5_0": [0],
    "Q5_1": [0, 2],
    "Q8_0": [0],
    "Q4_K": [0, 2],
    "Q5_K": [0, 2],
    "Q6_K": [208],
}


def random_blocks(random, name):
    block_size, block_bytes = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[name]]
    blocks = random.integers(0, 256, (N_BLOCK[block_size], block_bytes), dtype=np.uint8)
    for row, bits in enumerate(SPECIAL):
        # The second scale walks backwards, so that special meets ordinary and special meets special.
        for offset, value in zip(SCALES[name], [bits, SPECIAL[-1 - row]]):
            blocks[row, offset : offset + 2] = [value & 0xFF, value >> 8]
    for row, byte in [(len(SPECIAL), 0x00), (len(SPECIAL) + 1, 0xFF)]:
        blocks[row] = byte
        for offset in SCALES[name]:
            blocks[row, offset : offset + 2] = [0x00, 0x3C]
    return blocks


def canonical_hash(values):
    values = np.ascontiguousarray(values, dtype=np.float32).reshape(-1)
    bits = np.where(np.isnan(values), np.uint32(0x7FC00000), values.view(np.uint32))
    return hashlib.sha256(bits.astype("<u4").tobytes()).hexdigest()


def model_hash(path):
    reader = gguf.GGUFReader(path)
    total = hashlib.sha256()
    for tensor in reader.tensors:
        values = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        total.update(canonical_hash(values).encode())
    return total.hexdigest()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path)
    arguments = parser.parse_args()

    folder = Path(__file__).resolve().parent.parent / "tests" / "golden" / "dequantize"
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(SEED)
    with np.errstate(all="ignore"):
        for name in SCALES:
            blocks = random_blocks(random, name)
            values = gguf.quants.dequantize(blocks, gguf.GGMLQuantizationType[name])
            (folder / f"{name}.bin").write_bytes(blocks.tobytes())
            (folder / f"{name}.f32").write_bytes(values.astype("<f4").tobytes())

    patterns = np.arange(65536, dtype=np.uint16)
    every = {"gguf": importlib.metadata.version("gguf")}
    for name in ["F16", "BF16"]:
        values = gguf.quants.dequantize(patterns.view(np.uint8), gguf.GGMLQuantizationType[name])
        every[name] = canonical_hash(values)
    path = folder / "every.json"
    if arguments.model:
        every["model"] = {
            "file": arguments.model.name,
            "sha256": hashlib.sha256(arguments.model.read_bytes()).hexdigest(),
            "values": model_hash(arguments.model),
        }
    elif path.exists():
        every["model"] = json.loads(path.read_text())["model"]
    path.write_text(json.dumps(every, indent=2) + "\n")


if __name__ == "__main__":
    main()
