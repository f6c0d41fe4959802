#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every comparison of this folder in one run: rivals are installed, models made, sides compared, figures written.

    python3 bench/compare/all.py FOLDER --texts FILE [--quick]

FOLDER lies outside the repository: a virtual environment of bench/compare/requirements.txt, models of GPT-2's shapes
and, if `gnomon model fetch smollm2-135m` was called, SmolLM2-135M in float32 (1.6 GB), and results.md, the output of each comparison behind a description of the machine. What is there is used again.
FILE has one text a line, 500 of about 20 tokens for the figures of docs/benchmarks.md, which stand there by hand after
they were read. --quick takes few texts and one turn: whether everything runs, not how fast.

`make build` comes first; the two programs that sides need are built here. Nothing else should run meanwhile: an hour on
two cores.
"""

import argparse
import datetime
import hashlib
import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = ROOT / "build/release"
REQUIREMENTS = [HERE / "requirements.txt", ROOT / "tools/golden_requirements.txt"]


def call(*command):
    print("+", *command, flush=True)
    subprocess.run([str(word) for word in command], check=True)


def environment(folder):
    """A Python with the rivals, installed anew where their versions changed."""
    python = folder / "venv/bin/python"
    wanted = hashlib.sha256(b"".join(path.read_bytes() for path in REQUIREMENTS)).hexdigest()
    stamp = folder / "venv/requirements"
    if not stamp.exists() or stamp.read_text() != wanted:
        call(sys.executable, "-m", "venv", folder / "venv")
        call(python, "-m", "pip", "install", "-q", "-r", REQUIREMENTS[0])
        stamp.write_text(wanted)
    return python


def make(path, *command):
    """Makes `path` by the command where it is missing; what was begun and not ended counts as missing."""
    if not path.exists():
        begun = path.with_name(path.name + ".begun")
        call(*[begun if word is path else word for word in command])
        begun.rename(path)


def smollm2():
    """The file of `gnomon model fetch smollm2-135m`, where it was fetched."""
    shown = subprocess.run([BUILD / "gnomon", "model", "list", "--json"], check=True, capture_output=True).stdout
    return next((model["path"] for model in json.loads(shown)["models"] if model["name"] == "smollm2-135m"), None)


def comparisons(python, folder, texts, quick):
    """A title and a command for each."""
    job, patching, train = (HERE / name for name in ("original_job.py", "patching.py", "torch_train.py"))
    model, plain = folder / "gpt2-with-tokenizer", folder / "gpt2"
    make(model, python, job, "model", model)
    make(plain, python, patching, "model", plain)
    data = folder / "data.json"
    make(data, python, train, "data", plain, data)
    few = {
        "job": ["--jobs", "start", "forward", "--n-forward", "20", "--n-bfloat16", "1", "--repeats", "1"],
        "patching": ["--jobs", "dose", "--texts", "8", "--rival-texts", "4", "--repeats", "1"],
        "train": ["--jobs", "head", "forward", "--epochs", "1", "--repeats", "1"],
    }
    more = few if quick else dict.fromkeys(few, [])
    yield "The original study's measurement, and the forward pass", [python, job, "run", model, "--texts", texts, *more["job"]]
    if gguf := smollm2():
        small = folder / "smollm2-135m"
        make(small, python, job, "model", small, "--gguf", gguf)
        yield "The same of SmolLM2-135M", [python, job, "run", small, "--texts", texts, *more["job"]]
    program = BUILD / "bench/patch_job"
    yield "Patching", [python, patching, "run", plain, "--program", program, *more["patching"]]
    program = BUILD / "bench/train_job"
    yield "Training", [python, train, "compare", plain, data, "--program", program, *more["train"]]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--texts", type=pathlib.Path, required=True)
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    if folder.is_relative_to(ROOT):
        parser.error(f"{folder} lies in the repository, expected a folder outside")
    if not (BUILD / "gnomon").exists():
        parser.error(f"{BUILD / 'gnomon'} is missing: make build")
    folder.mkdir(parents=True, exist_ok=True)
    python = environment(folder)
    call("cmake", BUILD, "-DGNOMON_BUILD_BENCH=ON")
    call("cmake", "--build", BUILD, "--target", "patch_job", "train_job")

    machine = subprocess.run([BUILD / "gnomon", "doctor"], capture_output=True, text=True, check=True).stdout
    when = datetime.datetime.now().strftime("%Y-%m-%d %H:%M")
    parts = [f"# Comparisons of {when}{', quick: rates mean nothing' if arguments.quick else ''}\n\n```\n{machine}```\n"]
    failed = False
    for title, command in comparisons(python, folder, arguments.texts.resolve(), arguments.quick):
        print(f"== {title}", flush=True)
        process = subprocess.Popen(
            [str(word) for word in command], stdout=subprocess.PIPE, text=True, env={**os.environ, "HF_HUB_OFFLINE": "1"}
        )
        lines = []
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line)
        status = process.wait()
        failed = failed or status != 0
        parts.append(f"\n## {title}\n\n```\n{''.join(lines)}```\n" + (f"\nFailed with status {status}.\n" if status else ""))
        (folder / "results.md").write_text("".join(parts))
    print(f"results: {folder / 'results.md'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
