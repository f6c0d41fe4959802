# SPDX-License-Identifier: Apache-2.0
"""The package itself: what importing costs, that its stubs are those of the module, and that types check."""

import importlib.util
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import gnomon
from case import REPOSITORY

PACKAGE = REPOSITORY / "python" / "gnomon"


def python(*arguments):
    return subprocess.run([sys.executable, *map(str, arguments)], capture_output=True, text=True)


class PackageTest(unittest.TestCase):
    def test_import_brings_nothing_heavy(self):
        program = "import sys, gnomon; print(*sorted({name.split('.')[0] for name in sys.modules}))"
        loaded = set(python("-c", program).stdout.split())
        self.assertIn("gnomon", loaded)
        self.assertFalse(loaded & {"matplotlib", "pandas", "torch", "scipy", "asyncio", "socket"})

    def test_all_is_what_there_is(self):
        for name in gnomon.__all__:
            self.assertTrue(hasattr(gnomon, name), name)
        public = {name for name in vars(gnomon._gnomon) if not name.startswith("_")}
        internal = {"run_experiment", "run_command", "run_program"}
        self.assertEqual(public - internal - set(gnomon.__all__), set())
        self.assertRegex((REPOSITORY / "CMakeLists.txt").read_text(), rf"VERSION {re.escape(gnomon.__version__)} ")

    def test_everything_is_described(self):
        for name in gnomon.__all__:
            if not name.startswith("__"):
                self.assertTrue((getattr(gnomon, name).__doc__ or "").strip(), name)

    def test_the_command(self):
        shown = python("-m", "gnomon", "--version")
        self.assertEqual((shown.returncode, shown.stdout), (0, f"gnomon {gnomon.__version__}\n"))
        wrong = python("-m", "gnomon", "model", "show", "no-such-model", "--json")
        self.assertEqual(wrong.returncode, 3)
        self.assertIn('"E031"', wrong.stderr)

    def test_stubs_are_those_of_the_module(self):
        if importlib.util.find_spec("nanobind") is None:
            self.skipTest("nanobind is not installed")
        folder = pathlib.Path(gnomon._gnomon.__file__).parent
        with tempfile.TemporaryDirectory() as place:
            stubs = pathlib.Path(place) / "_gnomon.pyi"
            result = python("-m", "nanobind.stubgen", "-q", "-m", "_gnomon", "-i", folder, "-o", stubs)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertEqual(
                stubs.read_text(),
                (PACKAGE / "_gnomon.pyi").read_text(),
                "cmake --build BUILD --target python_stubs writes it anew",
            )

    def test_types(self):
        if importlib.util.find_spec("mypy") is None:
            self.skipTest("mypy is not installed")
        result = python(
            "-m",
            "mypy",
            "--cache-dir=/dev/null",
            "--config-file",
            REPOSITORY / "pyproject.toml",
            PACKAGE,
            REPOSITORY / "examples" / "activation.py",
        )
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)


if __name__ == "__main__":
    unittest.main()
