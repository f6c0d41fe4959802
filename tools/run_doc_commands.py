#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the commands that Markdown files show, so that a document does not promise what does not work.

Usage: tools/run_doc_commands.py [--binary PATH] FILE [FILE ...]

Every line of a block that begins with ```sh is run by bash. The lines of one file share an empty temporary
folder, one after another; `gnomon` is the binary of --binary (build/release/gnomon unless given). Not run:
blocks that begin with ```sh ignore, comments, and lines that start with make, cmake, ctest or git, which CI
runs itself. A line that ends in a backslash goes on in the next one.

Prints one line per command and exits with 1 at the first that fails, with its output; with 2 where a file or
the binary is missing or a block is not closed.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
FENCE = re.compile(r"^(\s*)(`{3,}|~{3,})\s*(.*?)\s*$")
NOT_RUN = ("make", "cmake", "ctest", "git")


class DocumentError(Exception):
    pass


def is_run(line):
    """Whether a line of a sh block is a command that this script runs."""
    words = line.split()
    return bool(words) and not words[0].startswith("#") and words[0] not in NOT_RUN


def commands_of(text, name):
    """(line number, command) of every command of the sh blocks, in order."""
    commands = []
    fence, runs, joined, first = None, False, "", 0
    for number, line in enumerate(text.splitlines(), start=1):
        match = FENCE.match(line)
        if fence is None:
            if match:
                fence, runs = match[2], match[3].split() == ["sh"]
            continue
        if match and match[2].startswith(fence) and not match[3]:
            if joined:
                raise DocumentError(f"{name}:{first}: the last line of the block ends in a backslash")
            fence = None
            continue
        if not runs:
            continue
        if not joined:
            first = number
        if line.rstrip().endswith("\\"):
            joined += line.strip()[:-1]
            continue
        command, joined = (joined + line.strip()).strip(), ""
        if is_run(command):
            commands.append((first, command))
    if fence is not None:
        raise DocumentError(f"{name}: a block is not closed")
    return commands


def run_commands(commands, name, environment, timeout):
    """Runs the commands in a folder of their own; the exit status of this script."""
    with tempfile.TemporaryDirectory(prefix="gnomon-doc-") as folder:
        for number, command in commands:
            start = time.monotonic()
            try:
                done = subprocess.run(
                    ["bash", "-eu", "-o", "pipefail", "-c", command], cwd=folder, env=environment,
                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                    timeout=timeout, check=False)
                status, output = f"exit status {done.returncode}", done.stdout
                failed = done.returncode != 0
            except subprocess.TimeoutExpired as error:
                status, output, failed = f"not done after {timeout} s", error.stdout or b"", True
            if failed:
                print(f"{name}:{number}: {status}: {command}")
                print(output.decode(errors="replace"), end="")
                return 1
            print(f"{name}:{number}: ok, {time.monotonic() - start:.1f} s: {command}", flush=True)
    return 0


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", type=pathlib.Path, default=REPOSITORY / "build" / "release" / "gnomon")
    parser.add_argument("--timeout", type=int, default=600, help="seconds for each command")
    parser.add_argument("files", nargs="+", type=pathlib.Path, metavar="FILE")
    options = parser.parse_args(arguments)
    if not os.access(options.binary, os.X_OK):
        print(f"run_doc_commands: no program {options.binary}; build it, or name it with --binary",
              file=sys.stderr)
        return 2
    try:
        commands = [(str(f), commands_of(f.read_text(), str(f))) for f in options.files]
    except (OSError, DocumentError) as error:
        print(f"run_doc_commands: {error}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="gnomon-bin-") as folder:
        os.symlink(options.binary.resolve(), pathlib.Path(folder) / "gnomon")
        environment = dict(os.environ, PATH=folder + os.pathsep + os.environ.get("PATH", ""))
        for name, of_file in commands:
            status = run_commands(of_file, name, environment, options.timeout)
            if status != 0:
                return status
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
