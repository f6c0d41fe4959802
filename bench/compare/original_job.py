#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The original study's measurement and the plain forward pass, beside TransformerLens and PyTorch, on the CPU.

Run by hand, outside the repository, with torch, transformers and transformer_lens 3:

    python bench/compare/original_job.py model FOLDER       # random weights, GPT-2 124M shapes, GPT-2's tokenizer
    python bench/compare/original_job.py model FOLDER --gguf FILE    # that model, such as SmolLM2-135M, in float32
    python bench/compare/original_job.py run FOLDER --texts FILE [--command build/release/gnomon]
        [--module build/release/python] [--threads 2] [--repeats 3] [--n-text 500] [--jobs job forward start]

    job      the first --n-text lines of FILE, four sites of block 8 and of the last stream at the last token, float32:
             from the start of a process to the numbers in a file, and the most memory the process had.
             Each side is a process of its own:
               TransformerLens, one text at a time, hooks at the four sites, with unembedding, as the study's notebook
               TransformerLens, batches of 32 padded on the right, the same hooks, stopped before the unembedding
               Gnomon, `gnomon activations`
    forward  the last stream of every token of the same texts, loading not counted:
               PyTorch, transformers' model in batches of 32 texts sorted by length and padded, float32
               PyTorch in bfloat16 on the first --n-bfloat16 texts, where processors without bfloat16 units take minutes
               Gnomon, `gnomon.capture`, float32
             with the largest error of each against PyTorch in float64, over the largest value
    start    one short text from the start of the process, the model's files in memory: an activation in Python, and
             `gnomon activations`, whose file has the model's SHA-256

Numbers are compared before anything is timed: largest difference over the largest magnitude of a site, at most 1e-4
(float32 over twelve blocks; 5e-6 is what is seen). Sides take turns, --repeats times; ratios are those of one turn, and
their median, smallest and largest are printed.
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

ROOT = pathlib.Path(__file__).resolve().parents[2]
IN_BLOCK_8 = ["blocks.8.hook_resid_pre", "blocks.8.mlp.hook_post", "blocks.8.hook_resid_post"]
TOGETHER = 32
N_CTX = 1024
LIMIT = 1e-4


# ---- the model ----------------------------------------------------------------------------------------------------


def make_model(arguments):
    import torch
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers

    if arguments.gguf:
        file = {"gguf_file": arguments.gguf.name}
        model = transformers.AutoModelForCausalLM.from_pretrained(arguments.gguf.parent, dtype=torch.float32, **file)
        # TransformerLens keeps a mask of n_ctx by n_ctx for every block.
        model.config.max_position_embeddings = N_CTX
        del model.config.quantization_config  # as which transformers counts a GGUF file
        plain = transformers.AutoModelForCausalLM.from_config(model.config)
        plain.load_state_dict(model.state_dict())
        plain.save_pretrained(arguments.folder)
        transformers.AutoTokenizer.from_pretrained(arguments.gguf.parent, **file).save_pretrained(arguments.folder)
        return
    torch.manual_seed(arguments.seed)
    transformers.GPT2LMHeadModel(transformers.GPT2Config()).save_pretrained(arguments.folder)
    text = (ROOT / "tests/golden/tokens/gpt2_merges.txt").read_text(encoding="utf-8")
    merges = [tuple(line.split(" ")) for line in text.split("\n")[1:] if line]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces = alphabet + ["".join(merge) for merge in merges] + ["<|endoftext|>"]
    tokenizer = Tokenizer(models.BPE(vocab={piece: i for i, piece in enumerate(pieces)}, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.save(str(pathlib.Path(arguments.folder) / "tokenizer.json"))


def last_stream(folder):
    config = json.loads((pathlib.Path(folder) / "config.json").read_text())
    n_layer = config.get("n_layer") or config["num_hidden_layers"]
    return f"blocks.{n_layer - 1}.hook_resid_post"


def sites_of(folder):
    return [*IN_BLOCK_8, last_stream(folder)]


def read_ids(arguments):
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(pathlib.Path(arguments.folder) / "tokenizer.json"))
    lines = pathlib.Path(arguments.texts).read_text(encoding="utf-8").splitlines()
    lines = [line for line in lines if line.strip()][: arguments.n_text]
    return lines, [tokenizer.encode(line).ids for line in lines]


# ---- sides of the job, each in a process of its own ---------------------------------------------------------------


def lens_model(arguments):
    import torch
    import transformers

    sys.path.insert(0, str(pathlib.Path(__file__).parent))
    from patching import Lens

    torch.set_num_threads(arguments.threads)
    return Lens(transformers.AutoModelForCausalLM.from_pretrained(arguments.folder, dtype=torch.float32).eval()).model


def side_one_at_a_time(arguments):
    import numpy as np
    import torch

    model = lens_model(arguments)
    rows = {site: [] for site in sites_of(arguments.folder)}
    hooks = [(site, lambda value, hook: rows[hook.name].append(value[0, -1].numpy().copy())) for site in rows]
    with torch.inference_mode():
        for ids in read_ids(arguments)[1]:
            model.run_with_hooks(torch.tensor([ids]), fwd_hooks=hooks)
    np.savez(arguments.out, **{site: np.stack(values) for site, values in rows.items()})


def side_batched(arguments):
    import numpy as np
    import torch

    model = lens_model(arguments)
    texts = read_ids(arguments)[1]
    rows = {site: [] for site in sites_of(arguments.folder)}
    with torch.inference_mode():
        for first in range(0, len(texts), TOGETHER):
            some = [torch.tensor(ids) for ids in texts[first : first + TOGETHER]]
            last = torch.tensor([len(ids) - 1 for ids in some])
            row = torch.arange(len(some))
            hooks = [
                (site, lambda value, hook, row=row, last=last: rows[hook.name].append(value[row, last].numpy().copy()))
                for site in rows
            ]
            batch = torch.nn.utils.rnn.pad_sequence(some, batch_first=True)
            model.run_with_hooks(batch, fwd_hooks=hooks, stop_at_layer=model.cfg.n_layers)
    np.savez(arguments.out, **{site: np.concatenate(values) for site, values in rows.items()})


JOB_SIDES = {"TransformerLens, one at a time": "one", "TransformerLens, batched": "batched"}


def gnomon_command(arguments, texts, out):
    command = [arguments.command, "activations", "--model", arguments.folder, "--texts", texts, "--out", out]
    for site in sites_of(arguments.folder):
        command += ["--site", site + "@last"]
    return command + ["--threads", str(arguments.threads)]


def timed_process(command):
    """Seconds from start to end, and the most memory in MB."""
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begin
    if status != 0:
        raise SystemExit(f"{command[:3]} failed:\n{errors.decode()[-2000:]}")
    return seconds, usage.ru_maxrss / 1024


def read_sites(path):
    import numpy as np

    if path.suffix == ".npz":
        return dict(np.load(path))
    from safetensors.numpy import load_file

    return {name.removesuffix("@last"): values for name, values in load_file(path).items()}


def largest_relative(a, b):
    import numpy as np

    assert a.shape == b.shape, (a.shape, b.shape)
    return float(np.max(np.abs(a - b)) / np.max(np.abs(b)))


def compare_job(arguments, folder):
    lines, _ = read_ids(arguments)
    texts = folder / "texts.txt"
    texts.write_text("\n".join(lines) + "\n", encoding="utf-8")
    own_out = folder / "gnomon.safetensors"
    own = gnomon_command(arguments, str(texts), str(own_out))
    commands = {"Gnomon": own}
    outputs = {}
    for side, word in JOB_SIDES.items():
        outputs[side] = folder / f"{word}.npz"
        commands[side] = [sys.executable, __file__, "side", word, arguments.folder, "--texts", str(texts), "--out",
                          str(outputs[side]), "--threads", str(arguments.threads), "--n-text", str(arguments.n_text)]
    measured = {side: [] for side in commands}
    for turn in range(arguments.repeats):
        own_out.unlink(missing_ok=True)  # the command does not replace a file
        for side, command in commands.items():
            measured[side].append(timed_process(command))
        if turn == 0:
            mine = read_sites(own_out)
            for side, path in outputs.items():
                theirs = read_sites(path)
                difference = max(largest_relative(mine[site], theirs[site]) for site in theirs)
                print(f"job: {side} agrees to {difference:.1e}")
                if not difference <= LIMIT:
                    raise SystemExit(f"job: {side} differs by {difference:.2e}, at most {LIMIT:.0e}")
    for side, rows in measured.items():
        seconds, memory = [r[0] for r in rows], max(r[1] for r in rows)
        line = f"job: {side}: {statistics.median(seconds):.1f} s, {memory:.0f} MB"
        if side != "Gnomon":
            line += f"; Gnomon {spread([s / g[0] for s, g in zip(seconds, measured['Gnomon'])])} times as fast"
        print(line, flush=True)


def spread(found, digits=1):
    return f"{statistics.median(found):.{digits}f} [{min(found):.{digits}f}, {max(found):.{digits}f}]"


# ---- the forward pass ---------------------------------------------------------------------------------------------


def torch_forward(model, texts):
    """Last stream of every token: the transformer without its last norm, padded batches of similar lengths."""
    import torch

    order = sorted(range(len(texts)), key=lambda t: len(texts[t]))
    found = [None] * len(texts)
    for first in range(0, len(order), TOGETHER):
        some = order[first : first + TOGETHER]
        batch = torch.nn.utils.rnn.pad_sequence([torch.tensor(texts[t]) for t in some], batch_first=True)
        mask = torch.zeros_like(batch)
        for row, t in enumerate(some):
            mask[row, : len(texts[t])] = 1
        streams = model(batch, attention_mask=mask, use_cache=False).last_hidden_state
        for row, t in enumerate(some):
            found[t] = streams[row, : len(texts[t])]
    return torch.cat(found)


def compare_forward(arguments):
    os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
    import torch
    import transformers

    sys.path.insert(0, arguments.module)
    import gnomon

    torch.set_num_threads(arguments.threads)
    texts = read_ids(arguments)[1][: arguments.n_forward]
    def model_of(dtype):
        model = transformers.AutoModel.from_pretrained(arguments.folder, dtype=dtype).eval()
        setattr(model, "ln_f" if hasattr(model, "ln_f") else "norm", torch.nn.Identity())
        return model

    site = last_stream(arguments.folder) + "@all"
    own = gnomon.Model.load(arguments.folder)

    def run_gnomon():
        return torch.from_numpy(gnomon.capture(own, texts, [site])[site].values)

    with torch.inference_mode():
        exact = torch_forward(model_of(torch.float64), texts)
        models = {"PyTorch float32": model_of(torch.float32), "PyTorch bfloat16": model_of(torch.bfloat16)}
        few = texts[: arguments.n_bfloat16]
        of_side = {"PyTorch float32": texts, "PyTorch bfloat16": few, "Gnomon float32": texts}
        runs = {side: (lambda side=side: torch_forward(models[side], of_side[side])) for side in models}
        runs["Gnomon float32"] = run_gnomon
        for side, function in runs.items():
            of_these = exact[: sum(map(len, of_side[side]))]
            error = (function().double() - of_these).abs().max() / of_these.abs().max()
            print(f"forward: {side}: largest error against float64 {error:.1e}", flush=True)
        rates = {side: [] for side in runs}
        for _ in range(arguments.repeats):
            for side, function in runs.items():
                begin = time.perf_counter()
                function()
                rates[side].append(sum(map(len, of_side[side])) / (time.perf_counter() - begin))
    for side, found in rates.items():
        line = f"forward: {side}: {statistics.median(found):.0f} tokens/s"
        if side != "Gnomon float32":
            line += f"; Gnomon {spread([g / s for g, s in zip(rates['Gnomon float32'], found)])} times as fast"
        print(line, flush=True)


FIRST_ACTIVATION = """
import sys
module, folder, threads, site, text = sys.argv[1:]
sys.path.insert(0, module)
import gnomon
gnomon.set_threads(int(threads))
print(gnomon.capture(gnomon.Model.load(folder), [text], [site])[site].values)
"""


def measure_start(arguments, folder):
    text = "The sundial casts a shadow."
    (folder / "short.txt").write_text(text + "\n")
    module = [sys.executable, "-c", FIRST_ACTIVATION, arguments.module, arguments.folder, str(arguments.threads)]
    sides = {
        "first activation in Python": module + [IN_BLOCK_8[1] + "@last", text],
        "gnomon activations, with the model's SHA-256": gnomon_command(
            arguments, str(folder / "short.txt"), str(folder / "short.safetensors")
        ),
    }
    for side, command in sides.items():
        found = []
        for _ in range(arguments.repeats + 1):
            (folder / "short.safetensors").unlink(missing_ok=True)
            found.append(timed_process(command))
        seconds = [f[0] for f in found[1:]]
        print(f"start: {side}: {spread(seconds, 2)} s, {found[-1][1]:.0f} MB", flush=True)


def run(arguments):
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("torch", "transformers", "transformer_lens"))
    print(f"{versions}; {platform.machine()}, {arguments.threads} threads; load {os.getloadavg()[0]:.1f}", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        if "job" in arguments.jobs:
            compare_job(arguments, folder)
        if "start" in arguments.jobs:
            measure_start(arguments, folder)
    if "forward" in arguments.jobs:
        compare_forward(arguments)
    print(f"load {os.getloadavg()[0]:.1f}")


def main():
    os.environ["HF_HUB_OFFLINE"] = "1"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    model = commands.add_parser("model")
    model.add_argument("folder")
    model.add_argument("--seed", type=int, default=0)
    model.add_argument("--gguf", type=pathlib.Path)
    model.set_defaults(run=make_model)
    side = commands.add_parser("side")
    side.add_argument("side", choices=JOB_SIDES.values())
    side.add_argument("--out", required=True)
    side.set_defaults(run=lambda a: {"one": side_one_at_a_time, "batched": side_batched}[a.side](a))
    both = commands.add_parser("run")
    both.add_argument("--command", default=str(ROOT / "build/release/gnomon"))
    both.add_argument("--module", default=str(ROOT / "build/release/python"))
    both.add_argument("--repeats", type=int, default=3)
    both.add_argument("--n-forward", type=int, default=200)
    both.add_argument("--n-bfloat16", type=int, default=2)
    both.add_argument("--jobs", nargs="+", choices=["job", "forward", "start"], default=["job", "start", "forward"])
    both.set_defaults(run=run)
    for command in (side, both):
        command.add_argument("folder")
        command.add_argument("--texts", required=True)
        command.add_argument("--threads", type=int, default=2)
        command.add_argument("--n-text", type=int, default=500)
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
