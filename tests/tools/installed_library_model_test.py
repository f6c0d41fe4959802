# SPDX-License-Identifier: Apache-2.0
"""The installed library is found by find_package(gnomon), and README.md's example gives README.md's numbers with it."""

import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from gnomon_command import COMMAND, ROOT

BUILD = pathlib.Path(COMMAND).parent


def run(*command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(f"{command}: exit status {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout


class InstalledLibraryTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.prefix = cls.folder / "prefix"
        for component in ("library", "command"):
            run("cmake", "--install", BUILD, "--prefix", cls.prefix, "--component", component)

    def test_an_example_outside_the_tree(self):
        source, build = self.folder / "activation", self.folder / "activation_build"
        shutil.copytree(ROOT / "examples/activation", source)
        run("cmake", "-S", source, "-B", build, "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={self.prefix}")
        self.assertNotIn(str(ROOT), (build / "build.ninja").read_text(), "it needs nothing of the source tree")
        run("cmake", "--build", build)
        model = run(COMMAND, "model", "fetch", "smollm2-135m").strip()
        printed = re.search(r"^prints\n\n```\n(.*?)^```$", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)
        self.assertEqual(numbers(run(build / "activation", model)), numbers(printed.group(1)))

    def test_the_installed_command_brings_its_model(self):
        printed = run("env", "-C", self.folder, self.prefix / "bin/gnomon", "model", "list", "--json")
        paths = {row["name"]: row["path"] for row in json.loads(printed)["models"]}
        self.assertEqual(paths["gnomon-books"], str(self.prefix / "share/gnomon/gnomon-books"))


def numbers(text):
    """The lines, numbers to four digits: the last ones depend on the processor."""
    rows = [line.split("  ", 1) for line in text.splitlines()]
    return [(f"{float(number):.4g}", words) for number, words in rows]


if __name__ == "__main__":
    unittest.main()
