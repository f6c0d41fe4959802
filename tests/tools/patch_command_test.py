#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""gnomon patch on experiments with the embedded model: head, tokens, another unit, wrong input."""

import json
import pathlib
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import validate_run  # noqa: E402
from gnomon_command import run_gnomon  # noqa: E402

CONFIG = """
[model]
path = "gnomon-books"
[target]
units = ["blocks.{layer}.mlp.hook_post[100]@last"]
[data]
texts = ["builtin:scenes:150"]
[train]
epochs = 2
[evaluate]
bootstrap = 100
"""
FEW = ["--grid", "5", "--controls", "4"]


class PatchTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.root = pathlib.Path(cls.folder.name)
        for layer in (1, 4):
            (cls.root / f"study{layer}.toml").write_text(CONFIG.format(layer=layer))
            cls.gnomon("run", "--config", f"study{layer}.toml", "--out", f"run{layer}")

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def gnomon(cls, *arguments, status=0):
        return run_gnomon(cls.root, *arguments, status=status)

    def test_a_run_directory_of_its_own(self):
        done = self.gnomon("patch", "run1", *FEW, "--out", "patch1")
        self.assertIn("Causal gain", done.stdout)
        self.assertIn("0 failed", done.stdout)
        self.assertLessEqual(max(map(len, done.stdout.splitlines())), 80)
        folder = self.root / "patch1"
        patch = json.loads((folder / "analysis/patch.json").read_text())
        self.assertEqual(patch["$schema"], "urn:gnomon:schema:patch:1")
        self.assertEqual(len(patch["doses"]), 5)
        self.assertEqual(len(patch["controls"]["units"]), 4)
        self.assertTrue(all(dose["share_in_range"] == 1 for dose in patch["doses"]))
        self.assertAlmostEqual(patch["gain"]["value"],
                               patch["direct"]["value"] + patch["indirect"]["value"], places=9)
        lines = (folder / "analysis/patch.csv").read_text().splitlines()
        self.assertEqual(len(lines), 1 + 5 * patch["n_rows"])
        checks = {check["id"]: check["status"]
                  for check in json.loads((folder / "checks.json").read_text())}
        self.assertEqual(checks, {"P7": "pass", "P3": "pass"})
        self.assertEqual(json.loads((folder / "run.json").read_text())["status"], "done")
        self.assertEqual(validate_run.problems_of(folder), [])
        # The same command, the same bytes.
        self.gnomon("patch", "run1", *FEW, "--out", "again")
        for name in ("analysis/patch.json", "analysis/patch.csv", "checks.json"):
            self.assertEqual((folder / name).read_bytes(), (self.root / "again" / name).read_bytes())

    def test_last_block_of_a_linear_head_is_closed_form(self):
        patch = json.loads(self.gnomon("patch", "run4", *FEW, "--out", "patch4", "--json").stdout)
        self.assertEqual({check["id"] for check in patch["checks"]}, {"P7", "P3", "P9"})
        self.assertEqual({check["status"] for check in patch["checks"]}, {"pass"})
        self.assertAlmostEqual(patch["gain"]["r2_fit"], 1, places=4)

    def test_modes_doses_and_another_unit(self):
        def patch(out, *more):
            return json.loads(self.gnomon("patch", "run1", "--controls", "2", "--out", out,
                                              "--json", *more).stdout)
        added = patch("add", "--mode", "add", "--values", "-1:1:3")
        self.assertEqual([dose["dose"] for dose in added["doses"]], [-1, 0, 1])
        self.assertEqual(added["mode"], "add")
        self.assertIsNone(added["interchange"])
        self.assertEqual(added["ablations"], [])
        mean = patch("mean", "--mode", "mean")
        self.assertEqual([ablation["mode"] for ablation in mean["ablations"]], ["mean"])
        swapped = patch("swap", "--mode", "interchange")
        self.assertGreater(swapped["interchange"]["n_pairs"], 0)
        other = patch("other", "--site", "blocks.2.mlp.hook_post[7]@last")
        self.assertEqual(other["site"], "blocks.2.mlp.hook_post[7]@last")
        self.assertEqual(other["target"], "blocks.1.mlp.hook_post[100]@last")
        earlier = patch("earlier", "--site", "blocks.1.mlp.hook_post[100]@-2")
        self.assertAlmostEqual(earlier["direct"]["value"], 0, places=12)

    def test_directions_are_exchanged_and_erased(self):
        done = self.gnomon("patch", "run1", *FEW, "--subspaces", "--out", "subspaces")
        self.assertIn("Erased and kept", done.stdout)
        self.assertLessEqual(max(map(len, done.stdout.splitlines())), 80)
        folder = self.root / "subspaces"
        self.assertEqual(validate_run.problems_of(folder), [])
        study = json.loads((folder / "analysis/subspaces.json").read_text())
        self.assertGreater(study["n_loss_tokens"], 100)
        self.assertGreater(study["lm_loss"], 0)
        erasures = {(row["method"], row["direction"]): row for row in study["erasures"]}
        # A linear head says the same of every text once its direction is gone, and all with it alone.
        head = erasures["mean_projection", "head"]
        self.assertAlmostEqual(head["ablated_slope"]["value"], 0, places=4)
        self.assertLess(erasures["keep_only", "head"]["largest_change"], 1e-3)
        self.assertIsNone(erasures["keep_only", "head"]["loss_change"])
        for direction in ("read", "write", "head"):
            row = erasures["mean_projection", direction]
            self.assertLess(abs(row["loss_change"]), study["lm_loss"])
            self.assertIsNotNone(row["random_loss_change"])
        self.gnomon("report", "subspaces", "--format", "html")
        page = (folder / "report/report.html").read_text()
        self.assertIn("Which directions does the report need?", page)

    def test_wrong_input_is_an_error(self):
        def message(*arguments):
            return self.gnomon("patch", *arguments, status=2).stderr
        self.assertIn("expected a number", message("run1", "--values", "1,x"))
        self.assertIn("low:high:n", message("run1", "--values", "1:2"))
        self.assertIn("expected 0 to 0", message("run1", "--target", "1"))
        self.assertIn("margin", message("run1", "--margin", "0", *FEW, "--out", "bad"))
        self.gnomon("patch", "run1", *FEW, "--out", "once")
        self.assertIn("a run of `gnomon patch`", message("once"))
        self.gnomon("patch", "run1", "--training-seed", "77", status=3)
        self.gnomon("patch", "run1", "--mode", "scale", "--values", "1", "--out", "same", status=5)


if __name__ == "__main__":
    unittest.main()
