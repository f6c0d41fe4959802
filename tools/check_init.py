#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes a random model of every family with `gnomon model init` and opens it with transformers.

Usage: tools/check_init.py [--build build/release]

Run by hand, because it needs the Python packages torch and transformers; it last passed with torch 2.15.0 and
transformers 5.23.0. Checked for each family: transformers loads the folder without missing, unexpected or mismatched
tensors, and in double the logits of random tokens are Gnomon's, to 1e-10 of the largest; transformers computes
RMSNorm and rotary angles in float32 whatever it is asked for, so that all but GPT-2 are held to 1e-5. Exits with 1
where one is not.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile

import torch
from transformers import AutoModelForCausalLM
from transformers.utils import logging

ROOT = pathlib.Path(__file__).resolve().parent.parent
FAMILIES = ["gpt2", "llama", "mistral", "qwen2", "gpt_neox"]
SIZES = {"n-layers": 3, "d-model": 64, "n-heads": 4, "d-vocab": 50, "n-ctx": 32, "seed": 11}
LIMITS = dict.fromkeys(FAMILIES, 1e-5) | {"gpt2": 1e-10}


def largest_difference(gnomon, command, family, folder):
    model_folder = folder / family
    sizes = [word for name, size in SIZES.items() for word in ("--" + name, str(size))]
    words = [command, "-q", "model", "init", "--family", family, *sizes, "--out", model_folder]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    model, report = AutoModelForCausalLM.from_pretrained(model_folder, dtype=torch.float64, output_loading_info=True)
    wrong = {key: names for key, names in report.items() if names}
    if wrong:
        raise SystemExit(f"{family}: {wrong}")
    ids = torch.randint(0, SIZES["d-vocab"], (20,), generator=torch.Generator().manual_seed(1))
    run = gnomon.capture(gnomon.Model.load(str(model_folder)), [ids.tolist()], "logits@all", precision="float64")
    ours = torch.from_numpy(run.activations[0].values.copy())
    with torch.inference_mode():
        theirs = model.eval()(ids[None]).logits[0]
    return float((ours - theirs).abs().max() / theirs.abs().max())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    arguments = parser.parse_args()
    sys.path.insert(0, str(arguments.build / "python"))
    import gnomon

    logging.disable_progress_bar()
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        for family in FAMILIES:
            difference = largest_difference(gnomon, arguments.build / "gnomon", family, pathlib.Path(folder))
            print(f"{family}: loads, logits differ by {difference:.1e} of the largest")
            failed = failed or not difference <= LIMITS[family]
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
