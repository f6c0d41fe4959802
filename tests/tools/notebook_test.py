#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Notebooks and write-ups of real runs: executed, the same twice, and refused where a number was edited.

Needs numpy, matplotlib, nbclient, nbformat and ipykernel (python/requirements.txt). Skipped where they are
missing, unless CI is set."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import validate_run  # noqa: E402
from gnomon_command import run_gnomon  # noqa: E402

PACKAGES = ["numpy", "matplotlib", "nbclient", "nbformat", "ipykernel"]
CONFIG = """
[model]
path = "gnomon-books"
[target]
units = ["blocks.1.mlp.hook_post[100]{position}"]
[data]
texts = ["builtin:scenes:200"]
[train]
epochs = 2
[train.trained]
part = "{part}"
[evaluate]
bootstrap = 200
"""


def has_packages():
    """Whether this Python can run notebooks."""
    return subprocess.run([sys.executable, "-c", "import " + ", ".join(PACKAGES)],
                          capture_output=True).returncode == 0


class NotebookTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not has_packages():
            missing = f"{sys.executable} lacks one of {', '.join(PACKAGES)} (python/requirements.txt)"
            if os.environ.get("CI"):
                raise AssertionError(missing)
            raise unittest.SkipTest(missing)
        cls.folder = tempfile.TemporaryDirectory()
        cls.root = pathlib.Path(cls.folder.name)
        for part in ("none", "after_target"):
            (cls.root / f"{part}.toml").write_text(CONFIG.format(part=part, position="@last"))
            cls.gnomon("run", "--config", f"{part}.toml", "--out", part)
        cls.gnomon("projections", "--model", "gnomon-books", "--target", "blocks.2.hook_mlp_out[7]",
                   "--texts", "builtin:scenes:150", "--out", "stream")

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def gnomon(cls, *arguments, status=0):
        return run_gnomon(cls.root, *arguments, status=status,
                          environment={"GNOMON_PYTHON": sys.executable})

    def copy_of(self, run, name):
        shutil.copytree(self.root / run, self.root / name)
        return self.root / name

    def validated(self, path):
        check = "import nbformat, sys; nbformat.validate(nbformat.read(sys.argv[1], as_version=4))"
        done = subprocess.run([sys.executable, "-c", check, str(path)], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return json.loads(path.read_text(encoding="utf-8"))

    def check_executed(self, path):
        notebook = self.validated(path)
        code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
        self.assertEqual([cell["execution_count"] for cell in code], list(range(1, len(code) + 1)))
        outputs = [output for cell in code for output in cell["outputs"]]
        self.assertNotIn("error", {output["output_type"] for output in outputs})
        self.assertIn("comes from running the cells", "".join(notebook["cells"][0]["source"]))
        self.assertTrue(any("image/png" in output.get("data", {}) for output in outputs))
        said = "".join("".join(output.get("text", [])) for output in outputs)
        self.assertRegex(said, r"[1-9]\d* numbers of the run recomputed, all within their tolerance")
        text = path.read_text(encoding="utf-8")
        self.assertNotIn(str(self.root), text)
        self.assertLess(len(text), 2_000_000)
        return notebook

    def test_projections_of_a_run_with_training(self):
        self.gnomon("report", "after_target", "--format", "ipynb")
        path = self.root / "after_target/report/projection_analysis.ipynb"
        notebook = self.check_executed(path)
        self.assertIn("reports", {cell["id"] for cell in notebook["cells"]})
        first = path.read_bytes()
        self.gnomon("report", "after_target", "--format", "ipynb")
        self.assertEqual(path.read_bytes(), first, "two executions differ")
        problems = validate_run.problems_of(self.root / "after_target")
        self.assertEqual([problem for problem in problems if "report/" in problem], [])

    def test_a_reporter_that_reads_elsewhere_is_not_the_head(self):
        said = {}
        for position in ("@last", "@-2"):
            (self.root / "elsewhere.toml").write_text(CONFIG.format(part="none", position=position))
            self.gnomon("run", "--config", "elsewhere.toml", "--out", f"elsewhere{position}")
            self.gnomon("report", f"elsewhere{position}", "--format", "md")
            text = (self.root / f"elsewhere{position}/report/writeup.md").read_text(encoding="utf-8")
            said[position] = next(line for line in text.splitlines() if line.startswith("| `head`"))
        self.assertIn("the reporter's weights", said["@last"])
        self.assertIn("weights fitted to the activation", said["@-2"])
        self.assertIn("at token 2 from the end of each text", text)

    def test_projections_of_a_coordinate_of_the_stream(self):
        self.gnomon("report", "stream", "--format", "ipynb")
        self.check_executed(self.root / "stream/report/projection_analysis.ipynb")

    def test_patching_and_weights(self):
        self.gnomon("patch", "after_target", "--grid", "5", "--controls", "4", "--out", "patch")
        self.gnomon("report", "patch", "--format", "ipynb")
        self.check_executed(self.root / "patch/report/activation_patching.ipynb")
        self.gnomon("weights", "after_target", "--out", "weights")
        self.gnomon("report", "weights", "--format", "ipynb")
        notebook = self.check_executed(self.root / "weights/report/linear_weights_analysis.ipynb")
        self.assertIn("The analysed run is beside this one", json.dumps(notebook))

    def test_an_edited_number_stops_it(self):
        # run.json is given the new hash, so that nothing but the notebook can see it.
        for edit in (lambda d: d["directions"][0].update(r=d["directions"][0]["r"] + 1e-6),
                     lambda d: d["directions"][1].update(log10_p=d["directions"][1]["log10_p"] - 0.01),
                     lambda d: d["directions"][2].update(ci_low=-0.999),
                     lambda d: d["cosines"][1].update(value=d["cosines"][1]["value"] + 1e-6),
                     lambda d: d["baselines"][2].update(r2_identity=0.5)):
            run = self.copy_of("none", "edited")
            path = run / "analysis/projections.json"
            document = json.loads(path.read_text())
            edit(document)
            path.write_text(json.dumps(document, ensure_ascii=False))
            manifest = json.loads((run / "run.json").read_text())
            digest = subprocess.run(["sha256sum", str(path)], capture_output=True, text=True).stdout.split()[0]
            manifest["files"]["analysis/projections.json"] = {"sha256": digest, "bytes": path.stat().st_size}
            (run / "run.json").write_text(json.dumps(manifest, ensure_ascii=False))
            done = self.gnomon("report", "edited", "--format", "ipynb", status=5)
            self.assertIn("AssertionError", done.stderr)
            self.assertIn("E040", done.stderr)
            shutil.rmtree(run)

    def test_writeup_has_its_words_and_is_verified(self):
        self.copy_of("none", "written")
        for run in ("written", "stream"):
            self.gnomon("report", run, "--format", "md")
            path = self.root / run / "report/writeup.md"
            words = json.loads((self.root / run / "report/writeup.json").read_text())["words"]
            self.assertTrue(450 <= words <= 550, f"{run}: {words} words\n{path.read_text()}")
            self.assertIn("0 failed", self.gnomon("verify", run).stdout)
        path = self.root / "written/report/writeup.md"
        text = path.read_text()
        row = re.search(r"\| `head` \| ([+-]\d\.\d\d)", text)
        path.write_text(text.replace(row[0], "| `head` | +1.00", 1))
        done = self.gnomon("verify", "written", status=5)
        self.assertIn("V2", done.stdout + done.stderr)
        self.assertIn(f'expected "{row[1]}" (analysis/projections.json#/directions/0/r)',
                      done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
