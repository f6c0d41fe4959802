#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""examples/neuron_report is what its script makes: made again, words equal, numbers within rounding.

Kernels give the same bits on every x86-64 processor; LAPACK, which solves the ridge, may round
otherwise on another. So numbers may differ by one in their last printed digit, or by 1e-6; those
below 1e-4 (residues of identities, p-values) only have to stay below it. Pictures of the notebook
are those of the installed matplotlib: that they are there is compared, and nothing of their bytes."""

import json
import os
import pathlib
import re
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "examples/neuron_report"))
import make  # noqa: E402
import notebook_test  # noqa: E402
from gnomon_command import COMMAND  # noqa: E402

TINY = 1e-4
NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?(?![\w])", re.IGNORECASE)


def step_of(number):
    """One unit of the last printed digit: 0.01 for "1.25", 1e-7 for "2.5e-6"."""
    mantissa, _, exponent = number.lower().partition("e")
    return 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))


def same_number(a, b):
    if abs(float(a)) < TINY and abs(float(b)) < TINY:
        return True
    limit = 1.01 * max(step_of(a), step_of(b)) + 1e-6 * max(abs(float(a)), abs(float(b)))
    return abs(float(a) - float(b)) <= (limit if "." in a + b or "e" in (a + b).lower() else 0)


def first_difference(committed, made):
    """None, or the first place where two texts differ by more than rounding."""
    words = [NUMBER.split(text) for text in (committed, made)]
    numbers = [NUMBER.findall(text) for text in (committed, made)]
    for i in range(max(map(len, words))):
        here = [w[i] if i < len(w) else "" for w in words]
        if here[0] != here[1]:
            return f"{here[0][:200]!r}, made again {here[1][:200]!r}"
        if all(i < len(n) for n in numbers) and not same_number(numbers[0][i], numbers[1][i]):
            return f"{here[0][-80:]!r} {numbers[0][i]}, made again {numbers[1][i]}"
    return None


def without_provenance(page):
    """Without the version, the machine and the files' hashes of the run."""
    found = re.findall(r'<section id="(?:provenance|citation)".*?</section>', page, re.DOTALL)
    assert len(found) == 2, len(found)
    for section in found:
        page = page.replace(section, "")
    return page


def without_pictures(text):
    notebook = json.loads(text)
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                output["data"]["image/png"] = "a picture"
    return json.dumps(notebook, indent=1, ensure_ascii=False)


class SameNumber(unittest.TestCase):
    def test_the_last_digit_and_nothing_more(self):
        for a, b, same in (("0.747", "0.748", True), ("0.747", "0.749", False), ("58", "59", False),
                           ("7e-14", "3.1e-13", True), ("1e-3", "1.2e-3", True), ("1e-3", "4e-3", False),
                           ("0.91837262", "0.91837270", True), ("0.91837262", "0.91838262", False)):
            self.assertEqual(same_number(a, b), same, (a, b))

    def test_words_are_compared(self):
        self.assertIsNone(first_difference("r +0.75 of 58", "r +0.76 of 58"))
        self.assertIn("beats", first_difference("it beats 1.5", "it is beaten 1.5"))
        self.assertIn("-0.75", first_difference("r +0.75", "r -0.75"))
        self.assertIsNotNone(first_difference("r +0.75", "r +0.75 more"))


class ExampleReport(unittest.TestCase):
    def test_is_what_its_script_makes(self):
        if not notebook_test.has_packages():
            if os.environ.get("CI"):
                raise AssertionError("no packages for notebooks (python/requirements.txt)")
            raise unittest.SkipTest("no packages for notebooks (python/requirements.txt)")
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder) / "out"
            make.make(COMMAND, pathlib.Path(folder) / "runs", out)
            names = sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())
            self.assertEqual([name for name in names if not name.startswith("figures/")], sorted(make.FILES))
            committed = {str(path.relative_to(make.HERE)) for path in (make.HERE / "figures").iterdir()}
            self.assertEqual(committed, {name for name in names if name.startswith("figures/")})
            for name in names:
                texts = [(where / name).read_text(encoding="utf-8") for where in (make.HERE, out)]
                same = {".ipynb": without_pictures, ".html": without_provenance}.get(pathlib.Path(name).suffix)
                if same:
                    texts = [same(text) for text in texts]
                difference = first_difference(*texts)
                self.assertIsNone(difference, f"{name}: run examples/neuron_report/make.py")
            size = sum((make.HERE / name).stat().st_size for name in names)
            self.assertLess(size, 3_000_000)


if __name__ == "__main__":
    unittest.main()
