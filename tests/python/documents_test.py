# SPDX-License-Identifier: Apache-2.0
"""The Python of docs/python and README.md runs, and docs/python prints what it shows.

A block ```python is run; where a block ```text follows, it is what was printed. `python3 documents_test.py --update`
writes those blocks anew.
"""

import contextlib
import io
import os
import re
import sys
import tempfile
import unittest

import gnomon
from case import REPOSITORY

PAGES = sorted((REPOSITORY / "docs" / "python").glob("*.md"))
BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.DOTALL | re.MULTILINE)


def run_page(text):
    """Each block with what it printed, in order, with one set of names for the page."""
    names = {"__name__": "__page__"}
    results = []
    with tempfile.TemporaryDirectory() as folder:
        before = os.getcwd()
        os.chdir(folder)
        try:
            for match in BLOCK.finditer(text):
                printed = io.StringIO()
                line = text.count("\n", 0, match.start()) + 2
                with contextlib.redirect_stdout(printed):
                    exec(compile("\n" * (line - 1) + match[1], "page", "exec"), names)
                results.append((match, printed.getvalue()))
        finally:
            os.chdir(before)
    return results


def updated(text):
    parts, end = [], 0
    for match, printed in run_page(text):
        parts.append(text[end : match.start()] + f"```python\n{match[1]}```\n")
        if printed:
            parts.append(f"\n```text\n{printed}```\n")
        end = match.end()
    return "".join(parts) + text[end:]


class DocumentsTest(unittest.TestCase):
    maxDiff = None

    def test_there_are_pages(self):
        self.assertGreaterEqual(len(PAGES), 2)

    def test_pages(self):
        try:
            import matplotlib
        except ImportError:
            self.skipTest("matplotlib is not installed")
        for page in PAGES:
            if not BLOCK.search(page.read_text()):
                continue
            for match, printed in run_page(page.read_text()):
                with self.subTest(page=page.name, code=match[1]):
                    self.assertEqual(printed, match[2] or "")

    def test_readme(self):
        readme = (REPOSITORY / "README.md").read_text()
        try:
            gnomon.Model.load("smollm2-135m")
        except gnomon.NotFoundError as error:
            self.skipTest(str(error))
        ((_, printed),) = run_page(readme)
        numbers = [float(number) for number in printed.strip("[]\n").split()]
        # Those that the same program in C++ prints.
        shown = re.findall(r"^(-?[0-9.]+)  (?:The sundial casts a shadow|Nobody was at home)", readme, re.MULTILINE)
        self.assertEqual([f"{number:.6g}" for number in numbers], shown)


if __name__ == "__main__":
    if sys.argv[1:] == ["--update"]:
        for page in PAGES:
            page.write_text(updated(page.read_text()))
    else:
        unittest.main()
