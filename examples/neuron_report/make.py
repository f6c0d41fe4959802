#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the report, the notebook and the write-up of this folder again, from study.toml and oz.txt.

    examples/neuron_report/make.py [--gnomon build/release/gnomon] [--runs FOLDER] [--out FOLDER]

The runs (one with training, and patch, weights and verdict of it) are made anew in --runs,
build/neuron_report unless given; what a reader looks at is copied to --out, this folder unless
given. GNOMON_PYTHON names a Python that has python/requirements.txt, for executing the notebook;
the one that runs this unless given."""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FILES = ["report.html", "projection_analysis.ipynb", "writeup.md"]
ANALYSES = ["patch", "weights", "verdict"]


def make(gnomon, runs, out):
    """Makes the runs in the folder `runs`, which is removed first, and copies the files to `out`."""
    environment = {"GNOMON_PYTHON": sys.executable, **os.environ, "OMP_WAIT_POLICY": "passive"}
    shutil.rmtree(runs, ignore_errors=True)
    runs.mkdir(parents=True)

    def call(*arguments):
        subprocess.run([gnomon, *arguments], cwd=HERE, env=environment, check=True,
                       stdout=subprocess.DEVNULL)

    call("run", "--config", "study.toml", "--out", runs / "trained")
    for analysis in ANALYSES:
        call(analysis, runs / "trained", "--out", runs / analysis)
    call("report", runs / "trained")
    report = runs / "trained/report"
    figures = re.findall(r"\]\((figures/[\w.-]+)\)", (report / "writeup.md").read_text(encoding="utf-8"))
    shutil.rmtree(out / "figures", ignore_errors=True)
    for name in FILES + figures:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(report / name, out / name)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--gnomon", type=pathlib.Path, default=ROOT / "build/release/gnomon")
    parser.add_argument("--runs", type=pathlib.Path, default=ROOT / "build/neuron_report")
    parser.add_argument("--out", type=pathlib.Path, default=HERE)
    options = parser.parse_args()
    make(options.gnomon.resolve(), options.runs.resolve(), options.out.resolve())
