#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What Python adds: the processor time of an import and of small calls.

PYTHONPATH=build/release/python python3 bench/python_bench.py
"""

import platform
import resource
import statistics
import subprocess
import sys
import time
import timeit

import gnomon
import numpy as np


def per_call(statement, names):
    """Processor time of one call in microseconds, the median of 7 repetitions."""
    timer = timeit.Timer(statement, timer=time.process_time, globals=names)
    number, _ = timer.autorange()
    return statistics.median(timer.repeat(7, number)) / number * 1e6


def process_milliseconds(program):
    """Processor time of a Python process that runs this, the median of 9."""
    times = []
    for _ in range(9):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", program], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    return statistics.median(times) * 1000


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
    bare = process_milliseconds("pass")
    for program in ("import gnomon", "import gnomon, numpy"):
        print(f"{program:36} {process_milliseconds(program) - bare:8.1f} ms beyond Python's own {bare:.1f}")
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
