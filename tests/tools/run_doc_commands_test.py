# SPDX-License-Identifier: Apache-2.0
"""tools/run_doc_commands.py runs what it should, and fails where a command does."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "tools" / "run_doc_commands.py"


class RunDocCommandsTest(unittest.TestCase):
    def run_document(self, text, binary_text="#!/bin/sh\necho ran \"$@\" >> log\n"):
        with tempfile.TemporaryDirectory() as folder:
            document = pathlib.Path(folder) / "page.md"
            document.write_text(text)
            binary = pathlib.Path(folder) / "some_program"
            binary.write_text(binary_text)
            binary.chmod(0o755)
            return subprocess.run([sys.executable, SCRIPT, "--binary", binary, document],
                                  capture_output=True, text=True, check=False)

    def test_lines_share_a_folder_and_see_the_binary(self):
        done = self.run_document("```sh\ngnomon one \\\n  two\n# a comment\ngrep -x 'ran one two' log\n```\n")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(done.stdout.count(" ok, "), 2)

    def test_not_run(self):
        done = self.run_document("```sh\nmake demo\ncmake -B x\nctest\ngit status\n```\n"
                                 "```sh ignore\nfalse\n```\n```\nfalse\n```\n```cpp\nfalse\n```\n")
        self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_a_failing_command(self):
        done = self.run_document("text\n\n```sh\ntrue\necho why; exit 3\ntrue\n```\n")
        self.assertEqual(done.returncode, 1)
        self.assertIn("page.md:5: exit status 3: echo why; exit 3\nwhy\n", done.stdout)

    def test_a_failure_inside_a_pipe(self):
        self.assertEqual(self.run_document("```sh\nfalse | cat\n```\n").returncode, 1)

    def test_documents_that_cannot_be_read(self):
        self.assertEqual(self.run_document("```sh\ntrue\n").returncode, 2)
        self.assertEqual(self.run_document("```sh\ntrue \\\n```\n").returncode, 2)
        missing = subprocess.run([sys.executable, SCRIPT, "--binary", "/nonexistent", "x.md"],
                                 capture_output=True, text=True, check=False)
        self.assertEqual(missing.returncode, 2)


if __name__ == "__main__":
    unittest.main()
