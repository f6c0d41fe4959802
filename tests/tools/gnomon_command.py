# SPDX-License-Identifier: Apache-2.0
"""The command that the tests run: GNOMON_COMMAND, else that of the release build."""

import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMMAND = os.path.abspath(os.environ.get("GNOMON_COMMAND", ROOT / "build/release/gnomon"))


def run_gnomon(folder, *arguments, status=0, environment=None):
    """Runs the command in the folder; another exit status is an AssertionError with what it printed."""
    done = subprocess.run([COMMAND, *arguments], cwd=folder, capture_output=True, text=True,
                          env={**os.environ, **(environment or {})})
    if done.returncode != status:
        raise AssertionError(f"{arguments}: exit status {done.returncode}, expected {status}\n"
                             f"{done.stdout}{done.stderr}")
    return done
