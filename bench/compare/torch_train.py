#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The PyTorch side of the training benchmark: what a user of transformers would run, on the CPU.

Run by hand, outside the repository (tools/golden_requirements.txt has torch and transformers):

    python bench/compare/torch_train.py model FOLDER            # random weights, GPT-2 124M shapes
    python bench/compare/torch_train.py data FOLDER DATA.json   # texts, targets, a head's start
    python bench/compare/torch_train.py run FOLDER DATA.json --threads 2 [--jobs full after ...]
    python bench/compare/torch_train.py compare FOLDER DATA.json --program build/release/bench/train_job

FOLDER is a Hugging Face folder of the GPT-2 or Llama family, or a GGUF file, which transformers
dequantises.
`data` writes {"texts": [[id, ...], ...], "targets": [y, ...], "head": {"weight": [w, ...],
"bias": b, "mean": [...], "sd": [...]}}, which the other side reads too; mean and sd are those of
the features of all texts before training, targets have mean 0 and variance 1. `run` prints one JSON
object; `compare` runs each job on both sides in turn and prints ratios and the largest relative
difference of the first losses. Its jobs, each on a fresh copy:

    full     every parameter; --steps steps
    after    the last three blocks and the head; the others have requires_grad off, and every step
             runs the whole model; --epochs epochs from end to end
    head     the head alone; every batch of every epoch runs the model under no_grad
    forward  the plain forward pass over all texts

A batch is --batch texts in the order of the file, padded on the right to its longest, with an
attention mask. The report is w · (x - mean) / sd + b on the residual stream x before the final norm
at the last real token, the loss the mean squared error over the texts of the batch. AdamW (fused): --lr, betas
0.9 and 0.999, eps 1e-8, weight decay 0.01 on parameters of two dimensions or more and on w. No
dropout, no schedule, no clipping, float32, scaled-dot-product attention, no unembedding. Rates
count real tokens, not padding. `first_losses` are those before each of the first five updates: compare
them before the times. `load` is that of the machine at the start; above 1 the times say little.
"""

import argparse
import copy
import json
import math
import os
import platform
import statistics
import subprocess
import time

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
import transformers

N_AFTER = 3  # blocks
N_LOSSES = 5
WEIGHT_DECAY = 0.01
SHORTEST, LONGEST = 8, 40
# Of the logarithm of the tokens in a line of news under GPT-2's tokenizer, between those two.
LENGTH_MEDIAN, LENGTH_SPREAD = 19.4, 0.43


def source(path):
    """How transformers is told of a folder or a GGUF file."""
    folder, name = os.path.split(path)
    if name.endswith(".gguf"):
        return {"pretrained_model_name_or_path": folder or ".", "gguf_file": name}
    return {"pretrained_model_name_or_path": path}


def load_model(path):
    return transformers.AutoModel.from_pretrained(
        **source(path), dtype=torch.float32, attn_implementation="sdpa"
    ).eval()


def make_model(arguments):
    torch.manual_seed(arguments.seed)
    model = transformers.GPT2LMHeadModel(transformers.GPT2Config())
    model.save_pretrained(arguments.folder)


def make_data(arguments):
    config = transformers.AutoConfig.from_pretrained(**source(arguments.folder))
    generator = torch.Generator().manual_seed(arguments.seed)
    texts = []
    while len(texts) < arguments.texts:
        draw = torch.randn((), generator=generator).item()
        n = round(LENGTH_MEDIAN * math.exp(LENGTH_SPREAD * draw))
        if SHORTEST <= n <= LONGEST:
            texts.append(torch.randint(config.vocab_size, (n,), generator=generator).tolist())
    weight = torch.randn(config.hidden_size, generator=generator) / math.sqrt(config.hidden_size)
    targets = torch.randn(len(texts), generator=generator, dtype=torch.float64)
    targets = (targets - targets.mean()) / targets.std(correction=0)
    zeros, ones = [0.0] * config.hidden_size, [1.0] * config.hidden_size
    data = {
        "texts": texts,
        "targets": targets.tolist(),
        "head": {"weight": weight.tolist(), "bias": 0.0, "mean": zeros, "sd": ones},
    }
    reporter = Reporter(load_model(arguments.folder), data["head"])
    with torch.inference_mode():
        features = torch.cat(
            [reporter.features(ids, mask, last) for ids, mask, last, _, _ in make_batches(data, 32)]
        ).double()
    data["head"]["mean"] = features.mean(0).tolist()
    data["head"]["sd"] = features.std(0, correction=0).tolist()
    with open(arguments.data, "w", encoding="utf-8") as file:
        json.dump(data, file)


def make_batches(data, n_rows):
    """[(ids, mask, place of the last token, targets, real tokens)], built before any clock runs."""
    batches = []
    for first in range(0, len(data["texts"]), n_rows):
        texts = [torch.tensor(ids) for ids in data["texts"][first : first + n_rows]]
        lengths = torch.tensor([len(ids) for ids in texts])
        ids = torch.nn.utils.rnn.pad_sequence(texts, batch_first=True)
        mask = (torch.arange(ids.shape[1]) < lengths[:, None]).long()
        targets = torch.tensor(data["targets"][first : first + n_rows])
        batches.append((ids, mask, lengths - 1, targets, lengths.sum().item()))
    return batches


def blocks_of(body):
    return body.h if hasattr(body, "h") else body.layers


class Reporter(torch.nn.Module):
    def __init__(self, body, head):
        super().__init__()
        self.body = body
        self.head = torch.nn.Linear(len(head["weight"]), 1)
        with torch.no_grad():
            self.head.weight.copy_(torch.tensor([head["weight"]]))
            self.head.bias.fill_(head["bias"])
        self.mean, self.sd = torch.tensor(head["mean"]), torch.tensor(head["sd"])
        norm = body.ln_f if hasattr(body, "ln_f") else body.norm
        norm.register_forward_pre_hook(self.keep_stream)

    def keep_stream(self, _norm, inputs):
        self.stream = inputs[0]

    def features(self, ids, mask, last):
        self.body(input_ids=ids, attention_mask=mask, use_cache=False)
        stream, self.stream = self.stream, None
        return stream[torch.arange(len(ids)), last]

    def loss(self, features, targets):
        report = self.head((features - self.mean) / self.sd)[:, 0]
        return torch.nn.functional.mse_loss(report, targets)


def train(reporter, batches, n_steps, job, learning_rate):
    """Losses before each of the first updates, and the real tokens that were trained on."""
    if job == "after":
        reporter.body.requires_grad_(False)
        blocks_of(reporter.body)[-N_AFTER:].requires_grad_(True)
    if job == "head":
        reporter.body.requires_grad_(False)
    trained = [p for p in reporter.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.dim() >= 2], "weight_decay": WEIGHT_DECAY},
        {"params": [p for p in trained if p.dim() < 2], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=learning_rate, fused=True)
    losses, n_tokens = [], 0
    for step in range(n_steps):
        ids, mask, last, targets, n_real = batches[step % len(batches)]
        with torch.set_grad_enabled(job != "head"):
            features = reporter.features(ids, mask, last)
        loss = reporter.loss(features, targets)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        n_tokens += n_real
        if step < N_LOSSES:
            losses.append(loss.item())
    return losses, n_tokens


def forward(reporter, batches):
    with torch.inference_mode():
        for ids, mask, last, _, _ in batches:
            reporter.features(ids, mask, last)
    return [], sum(batch[-1] for batch in batches)


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def run(arguments):
    load = os.getloadavg()[0]
    torch.set_num_threads(arguments.threads)
    with open(arguments.data, encoding="utf-8") as file:
        data = json.load(file)
    batches = make_batches(data, arguments.batch)
    start = load_model(arguments.folder)
    n_real = sum(batch[-1] for batch in batches)
    n_padded = sum(batch[0].numel() for batch in batches)
    report = {
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "machine": platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(),
        "load": load,
        "settings": vars(arguments),
        "real_tokens": n_real,
        "padded_tokens": n_padded,
        "jobs": {},
    }
    for job in arguments.jobs:
        steps = arguments.steps if job == "full" else arguments.epochs * len(batches)
        seconds, rates = [], []
        # The first run of all warms allocator and caches, and is left out.
        for repeat in range(arguments.repeats + 1):
            reporter = Reporter(copy.deepcopy(start), data["head"])
            began = time.perf_counter()
            if job == "forward":
                losses, n_tokens = forward(reporter, batches)
            else:
                n_steps = min(steps, N_LOSSES) if repeat == 0 else steps
                losses, n_tokens = train(reporter, batches, n_steps, job, arguments.lr)
            elapsed = time.perf_counter() - began
            if repeat:
                seconds.append(elapsed)
                rates.append(n_tokens / elapsed)
        report["jobs"][job] = {
            "seconds": spread(seconds),
            "tokens_per_second": spread(rates),
            "tokens": n_tokens,
        }
        if job != "forward":
            report["jobs"][job] |= {"steps": steps, "first_losses": losses}
        if arguments.command == "compare":
            compare(arguments, job, report["jobs"][job])
    del report["settings"]["command"]
    print(json.dumps(report, indent=1))


def compare(arguments, job, torch_side):
    """Runs the same job on the other side and adds what it reached."""
    words = [arguments.folder, arguments.data, job, arguments.threads, arguments.batch]
    words += [arguments.steps, arguments.epochs, arguments.repeats, arguments.lr]
    command = [arguments.program, *map(str, words)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    gnomon_side = json.loads(done.stdout)
    torch_side["gnomon"] = gnomon_side
    torch_side["ratio"] = (
        gnomon_side["tokens_per_second"]["median"] / torch_side["tokens_per_second"]["median"]
    )
    if pairs := list(zip(torch_side.get("first_losses", []), gnomon_side["first_losses"])):
        torch_side["loss_difference"] = max(abs(a - b) / a for a, b in pairs)


def main():
    parser = argparse.ArgumentParser(description="Train reporters with PyTorch and time it.")
    commands = parser.add_subparsers(dest="command", required=True)
    model = commands.add_parser("model", help="write a random model in GPT-2 124M's shapes")
    model.add_argument("folder")
    model.add_argument("--seed", type=int, default=0)
    data = commands.add_parser("data", help="write texts, targets and a head's start")
    data.add_argument("folder", help="model, for d_vocab and d_model")
    data.add_argument("data")
    data.add_argument("--texts", type=int, default=512)
    data.add_argument("--seed", type=int, default=0)
    both = commands.add_parser("compare", help="time the jobs beside the other side")
    both.add_argument("--program", required=True, help="the built train_job")
    for timed in (commands.add_parser("run", help="time the jobs"), both):
        timed.add_argument("folder")
        timed.add_argument("data")
        timed.add_argument("--jobs", nargs="+", default=["full", "after", "head", "forward"])
        timed.add_argument("--threads", type=int, default=2)
        timed.add_argument("--batch", type=int, default=32, help="texts of one update")
        timed.add_argument("--steps", type=int, default=5, help="of full")
        timed.add_argument("--epochs", type=int, default=20, help="of after and head")
        timed.add_argument("--repeats", type=int, default=3)
        timed.add_argument("--lr", type=float, default=1e-5)
    arguments = parser.parse_args()
    if arguments.command in ("run", "compare"):
        jobs = {"full", "after", "head", "forward"}
        if unknown := set(arguments.jobs) - jobs:
            parser.error(f"no job {sorted(unknown)}; expected some of {sorted(jobs)}")
        if arguments.repeats < 1:
            parser.error("--repeats: expected 1 or more")
    {"model": make_model, "data": make_data, "run": run, "compare": run}[arguments.command](arguments)


if __name__ == "__main__":
    main()
