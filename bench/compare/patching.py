#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Patching beside TransformerLens and nnsight: the same patches of the same texts, on the CPU.

Run by hand, outside the repository, with torch, transformers, transformer_lens 3 and nnsight:

    python bench/compare/patching.py model FOLDER             # random weights, GPT-2 124M shapes
    python bench/compare/patching.py run FOLDER --program build/release/bench/patch_job
        [--threads 2] [--repeats 3] [--texts 500] [--rival-texts 32] [--jobs sweep dose]

    sweep  mlp_out of every layer and token of a text of 32 tokens set to what another text has there
           (denoising: 384 patches), read by a head at the last stream of the last token. The run
           of the other text is part of the time
    dose   neuron 481 of block 8 set to nine values at the last token of --texts texts of 8 to 40
           tokens, read by the same head at the last token

The sides, each with the same number of threads, in float32:

    TransformerLens, one at a time
                  sweep: transformer_lens.patching.get_act_patch_mlp_out as shipped, one run a patch,
                  with unembedding; dose: run_with_hooks of one text and one dose at a time
    TransformerLens, batched
                  sweep: the tokens of a layer as one batch of 32; dose: batches of 16 texts, padded
                  on the right, a run a dose; stop_at_layer, so that nothing is unembedded
    nnsight, batched
                  the same batches as one trace each, around the model without its unembedding
    Gnomon        run_patches of gnomon/activations/patch.h

Readings of all sides are compared first: largest difference over the largest magnitude, at most
1e-5. Then the sides take turns, --repeats times; ratios are those of one turn, and their median,
smallest and largest are printed. The dose job of the slow sides runs on --rival-texts texts, all
sides' rates are in patches per second. `load` is that of the machine at the start and the end.
"""

import argparse
import importlib.metadata
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TQDM_DISABLE"] = "1"

import nnsight  # noqa: E402
import torch  # noqa: E402
import transformers  # noqa: E402
from transformer_lens import patching  # noqa: E402

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))
from make_golden import hooked_transformer  # noqa: E402

PACKAGES = ["torch", "transformers", "transformer_lens", "nnsight"]
LAYER, NEURON = 8, 481
DOSES = [-0.5, -0.25, 0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0]
SWEEP_TOKENS = 32
SHORTEST, LONGEST = 8, 40
TEXTS_TOGETHER = 16
LIMIT = 1e-5


def make_model(arguments):
    torch.manual_seed(arguments.seed)
    transformers.GPT2LMHeadModel(transformers.GPT2Config()).save_pretrained(arguments.folder)


def make_data(config, n_text, seed):
    generator = torch.Generator().manual_seed(seed)

    def tokens(n):
        return torch.randint(config.vocab_size, (n,), generator=generator).tolist()

    lengths = torch.randint(SHORTEST, LONGEST + 1, (n_text,), generator=generator).tolist()
    weight = torch.randn(config.n_embd, generator=generator) / config.n_embd**0.5
    return {
        "clean": tokens(SWEEP_TOKENS),
        "corrupted": tokens(SWEEP_TOKENS),
        "texts": [tokens(n) for n in lengths],
        "weight": weight.tolist(),
        "doses": DOSES,
        "layer": LAYER,
        "neuron": NEURON,
    }


def padded_batches(texts):
    """[(ids, index of the last token of each text)]"""
    batches = []
    for first in range(0, len(texts), TEXTS_TOGETHER):
        some = [torch.tensor(ids) for ids in texts[first : first + TEXTS_TOGETHER]]
        last = torch.tensor([len(ids) - 1 for ids in some])
        batches.append((torch.nn.utils.rnn.pad_sequence(some, batch_first=True), last))
    return batches


class Lens:
    """TransformerLens."""

    def __init__(self, source):
        self.model = hooked_transformer(source, torch.float32)
        self.model.set_use_attn_result(False)
        self.n_layer = source.config.num_hidden_layers

    def as_shipped(self, data):
        weight = torch.tensor(data["weight"])
        held = {}

        def keep(value, hook):
            held["stream"] = value

        corrupted = torch.tensor([data["corrupted"]])
        _, cache = self.model.run_with_cache(torch.tensor([data["clean"]]))
        name = f"blocks.{self.n_layer - 1}.hook_resid_post"
        with self.model.hooks(fwd_hooks=[(name, keep)]):
            found = patching.get_act_patch_mlp_out(
                self.model, corrupted, cache, lambda logits: held["stream"][0, -1] @ weight
            )
        return found.flatten().tolist()

    def sweep(self, data):
        weight = torch.tensor(data["weight"])
        n = len(data["corrupted"])
        names = [f"blocks.{layer}.hook_mlp_out" for layer in range(self.n_layer)]
        _, cache = self.model.run_with_cache(
            torch.tensor([data["clean"]]), names_filter=names, return_type=None
        )
        batch = torch.tensor([data["corrupted"]]).expand(n, n)
        token = torch.arange(n)
        readings = []
        for name in names:

            def patch(value, hook, stored=cache[name][0]):
                value[token, token] = stored
                return value

            with self.model.hooks(fwd_hooks=[(name, patch)]):
                stream = self.model(batch, stop_at_layer=self.n_layer)
            readings += (stream[:, -1] @ weight).tolist()
        return readings

    def dose_by_one(self, data):
        weight = torch.tensor(data["weight"])
        readings = []
        for text in data["texts"]:
            for dose in data["doses"]:

                def patch(value, hook):
                    value[:, -1, NEURON] = dose
                    return value

                def read(value, hook):
                    readings.append((value[0, -1] @ weight).item())

                self.model.run_with_hooks(
                    torch.tensor([text]),
                    fwd_hooks=[
                        (f"blocks.{LAYER}.mlp.hook_post", patch),
                        (f"blocks.{self.n_layer - 1}.hook_resid_post", read),
                    ],
                )
        return readings

    def dose(self, data):
        weight = torch.tensor(data["weight"])
        readings = []
        for ids, last in padded_batches(data["texts"]):
            row = torch.arange(len(ids))
            of_doses = []
            for dose in data["doses"]:

                def patch(value, hook):
                    value[row, last, NEURON] = dose
                    return value

                with self.model.hooks(fwd_hooks=[(f"blocks.{LAYER}.mlp.hook_post", patch)]):
                    stream = self.model(ids, stop_at_layer=self.n_layer)
                of_doses.append(stream[row, last] @ weight)
            readings += torch.stack(of_doses, 1).flatten().tolist()
        return readings


class Sight:
    """nnsight."""

    def __init__(self, source):
        self.body = source.transformer
        self.model = nnsight.NNsight(self.body)

    def stream(self):
        found = self.model.h[-1].output
        return found[0] if isinstance(found, tuple) else found

    def sweep(self, data):
        weight = torch.tensor(data["weight"])
        n = len(data["corrupted"])
        n_layer = len(self.body.h)
        with self.model.trace(torch.tensor([data["clean"]])):
            stored = nnsight.save([self.model.h[layer].mlp.output for layer in range(n_layer)])
        batch = torch.tensor([data["corrupted"]]).expand(n, n)
        token = torch.arange(n)
        readings = []
        for layer in range(n_layer):
            with self.model.trace(batch):
                self.model.h[layer].mlp.output[token, token] = stored[layer][0]
                found = nnsight.save(self.stream()[:, -1] @ weight)
            readings += found.tolist()
        return readings

    def dose(self, data):
        weight = torch.tensor(data["weight"])
        readings = []
        for ids, last in padded_batches(data["texts"]):
            row = torch.arange(len(ids))
            of_doses = []
            for dose in data["doses"]:
                with self.model.trace(ids):
                    self.model.h[LAYER].mlp.act.output[row, last, NEURON] = dose
                    found = nnsight.save(self.stream()[row, last] @ weight)
                of_doses.append(found)
            readings += torch.stack(of_doses, 1).flatten().tolist()
        return readings


def gnomon(arguments, data, job):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(data, file)
        file.flush()
        done = subprocess.run(
            [arguments.program, arguments.folder, file.name, job, str(arguments.threads)],
            check=True,
            capture_output=True,
            text=True,
        )
    found = json.loads(done.stdout)
    return found["seconds"], found["values"]


def timed(function, data):
    begin = time.perf_counter()
    values = function(data)
    return time.perf_counter() - begin, values


def largest_relative(a, b):
    assert len(a) == len(b), (len(a), len(b))
    largest = max(abs(x) for x in a)
    return max(abs(x - y) for x, y in zip(a, b)) / largest


def compare_job(arguments, name, sides, data, small):
    """Prints the agreement, then rates and ratios. `small` is what the slow sides get."""
    _, own = gnomon(arguments, small, name)
    for side, function in sides.items():
        difference = largest_relative(own, function(small))
        print(f"{name}: {side} agrees to {difference:.1e}")
        if not difference <= LIMIT:
            raise SystemExit(f"{name}: {side} differs by {difference:.2e}, at most {LIMIT:.0e}")
    rates = {side: [] for side in [*sides, "Gnomon"]}
    ratios = {side: [] for side in sides}
    for _ in range(arguments.repeats):
        seconds, values = gnomon(arguments, data, name)
        rates["Gnomon"].append(len(values) / seconds)
        for side, function in sides.items():
            seconds, values = timed(function, small)
            rates[side].append(len(values) / seconds)
            ratios[side].append(rates["Gnomon"][-1] / rates[side][-1])
    for side in rates:
        line = f"{name}: {side}: {statistics.median(rates[side]):.1f} patches/s"
        if side in ratios:
            low, middle, high = min(ratios[side]), statistics.median(ratios[side]), max(ratios[side])
            line += f"; Gnomon {middle:.1f} times as many [{low:.1f}, {high:.1f}]"
        print(line, flush=True)


def run(arguments):
    torch.set_num_threads(arguments.threads)
    source = transformers.GPT2LMHeadModel.from_pretrained(arguments.folder, dtype=torch.float32).eval()
    data = make_data(source.config, arguments.texts, arguments.seed)
    small = {**data, "texts": data["texts"][: arguments.rival_texts]}
    print(
        f"{', '.join(f'{name} {importlib.metadata.version(name)}' for name in PACKAGES)}; "
        f"{platform.processor() or platform.machine()}, "
        f"{arguments.threads} threads; load {os.getloadavg()[0]:.1f}"
    )
    with torch.inference_mode():
        lens, sight = Lens(source), Sight(source)
        if "sweep" in arguments.jobs:
            sides = {
                "TransformerLens, one at a time": lens.as_shipped,
                "TransformerLens, batched": lens.sweep,
                "nnsight, batched": sight.sweep,
            }
            compare_job(arguments, "sweep", sides, data, data)
        if "dose" in arguments.jobs:
            sides = {
                "TransformerLens, one at a time": lens.dose_by_one,
                "TransformerLens, batched": lens.dose,
                "nnsight, batched": sight.dose,
            }
            compare_job(arguments, "dose", sides, data, small)
    print(f"load {os.getloadavg()[0]:.1f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    model = commands.add_parser("model")
    model.add_argument("folder")
    model.add_argument("--seed", type=int, default=0)
    model.set_defaults(run=make_model)
    both = commands.add_parser("run")
    both.add_argument("folder")
    both.add_argument("--program", default="build/release/bench/patch_job")
    both.add_argument("--threads", type=int, default=2)
    both.add_argument("--repeats", type=int, default=3)
    both.add_argument("--texts", type=int, default=500)
    both.add_argument("--rival-texts", type=int, default=32)
    both.add_argument("--jobs", nargs="+", choices=["sweep", "dose"], default=["sweep", "dose"])
    both.add_argument("--seed", type=int, default=0)
    both.set_defaults(run=run)
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
