#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What Python adds: the time of an import, of small calls, and of a run against the same run without Python.

PYTHONPATH=build/release/python python3 bench/python_bench.py [COMMAND]
"""

import platform
import statistics
import subprocess
import sys
import timeit

import gnomon
import numpy as np


def per_call(statement, names):
    """Median of 7 repetitions, in microseconds."""
    timer = timeit.Timer(statement, globals=names)
    number, _ = timer.autorange()
    return statistics.median(timer.repeat(7, number)) / number * 1e6


def import_seconds(program):
    times = []
    for _ in range(9):
        result = subprocess.run(
            [sys.executable, "-X", "importtime", "-c", program], capture_output=True, text=True, check=True
        )
        last = [line for line in result.stderr.splitlines() if line.endswith("| gnomon") or line.endswith("| numpy")]
        times.append(int(last[-1].split("|")[1]) / 1000)
    return statistics.median(times)


def main():
    model = gnomon.Model.load("gnomon-books")
    site = "blocks.2.mlp.hook_post[7]@last"
    ids = [[5]]
    captured = gnomon.capture(model, ids, site)
    column = np.arange(4.0)
    names = dict(gnomon=gnomon, model=model, config=model.config, site=site, captured=captured, column=column, ids=ids)
    print(
        f"Python {platform.python_version()}, NumPy {np.__version__}, {platform.machine()}, {gnomon.threads()} threads"
    )
    print(f"import gnomon                        {import_seconds('import gnomon'):8.1f} ms")
    for statement in (
        "model.config.d_model",
        "gnomon.parse_site(site, config)",
        "captured[site]",
        "captured[site].values",
        "model.tokenizer.encode('One.')",
        "gnomon.pearson(column, column)",
        "gnomon.Edit.zero(site)",
    ):
        print(f"{statement:36} {per_call(statement, names):8.2f} us")
    one = "gnomon.capture(model, ids, 'hook_embed@last')"
    print(f"{'capture of one token at hook_embed':36} {per_call(one, names):8.2f} us, the run included")


if __name__ == "__main__":
    main()
