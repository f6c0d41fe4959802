#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Loads adapters that Gnomon wrote with PEFT and compares the merged weights with W + alpha / r · B A.

Usage: GNOMON_ADAPTER_OUT=FOLDER build/release/tests/train_test --gtest_filter='*ForTheCheckWithPeft'
       tools/check_adapter.py FOLDER

Run by hand, because it needs the Python packages torch, transformers and peft; it last passed with torch
2.15.0, transformers 5.23.0 and peft 0.21.2. Checked for each folder of FOLDER, whose name is that of a model
in tests/golden/models: PEFT loads it without warnings about missing or unexpected keys, exactly the named
matrices change, and each by alpha / r · B A as computed here from the tensors of the file. Exits with 1 where
one does not.
"""

import json
import pathlib
import sys
import warnings

import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

MODELS = pathlib.Path(__file__).resolve().parent.parent / "tests" / "golden" / "models"
PREFIX = "base_model.model."
EPSILON = torch.finfo(torch.float32).eps


def expected_changes(folder):
    """Module name -> alpha / r · B A in float64, laid out as the weight, and a bound of its rounding."""
    config = json.loads((folder / "adapter_config.json").read_text())
    tensors = load_file(folder / "adapter_model.safetensors")
    changes = {}
    for name, a in tensors.items():
        if not name.endswith(".lora_A.weight"):
            continue
        module = name.removeprefix(PREFIX).removesuffix(".lora_A.weight")
        b = tensors[f"{PREFIX}{module}.lora_B.weight"]
        scale = config["lora_alpha"] / config["r"]
        change = scale * (b.double() @ a.double())
        # PEFT computes in float32: r products and sums, then the scale and the sum with W.
        bound = (config["r"] + 3) * EPSILON * scale * (b.double().abs() @ a.double().abs())
        changes[module] = (change.T, bound.T) if config["fan_in_fan_out"] else (change, bound)
    return changes


def problems_of(folder):
    base = AutoModelForCausalLM.from_pretrained(MODELS / folder.name, dtype=torch.float32)
    before = {name: value.clone() for name, value in base.named_parameters()}
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        merged = PeftModel.from_pretrained(base, folder).merge_and_unload()
    changes = expected_changes(folder)
    problems = []
    for name, value in merged.named_parameters():
        change, bound = changes.pop(name.removesuffix(".weight"), (None, None))
        if change is None:
            if not torch.equal(value, before[name]):
                problems.append(f"{name} changed, and is not in the adapter")
            continue
        expected = before[name].double() + change
        bound = bound + EPSILON * before[name].double().abs()
        if not bool(((value.double() - expected).abs() <= bound).all()):
            problems.append(f"{name} differs from W + alpha / r · B A by "
                            f"{(value.double() - expected).abs().max():.3g}")
    return problems + [f"{module} is no module of the model" for module in changes]


def main(arguments):
    if len(arguments) != 1:
        print(__doc__.strip())
        return 2
    folders = sorted(f for f in pathlib.Path(arguments[0]).iterdir() if f.is_dir())
    failed = not folders
    for folder in folders:
        problems = problems_of(folder)
        failed = failed or bool(problems)
        for problem in problems or ["loads, and every merged weight is right"]:
            print(f"{folder.name}: {problem}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
