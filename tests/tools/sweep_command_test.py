#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""gnomon sweep on the embedded model: a run's own texts, pairs of a file, heads, wrong input."""

import csv
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
units = ["blocks.1.mlp.hook_post[100]@last"]
[data]
texts = ["builtin:scenes:150"]
[train]
epochs = 1
[evaluate]
bootstrap = 100
"""
PAIRS = """clean,corrupted,answer,other
The old man went to the,The old man ran from the, sea, town
She gave the book to her,She took the book from her, mother, sister
"""
FEW = ["--max-pairs", "4", "--sites", "mlp_out", "--positions", "-2,-1"]


class SweepTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.root = pathlib.Path(cls.folder.name)
        (cls.root / "study.toml").write_text(CONFIG)
        (cls.root / "pairs.csv").write_text(PAIRS)
        cls.gnomon("train", "--config", "study.toml", "--out", "run")

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def gnomon(cls, *arguments, status=0):
        return run_gnomon(cls.root, *arguments, status=status)

    def read(self, run):
        return json.loads((self.root / run / "analysis/sweep.json").read_text())

    def test_a_runs_own_texts(self):
        done = self.gnomon("sweep", "run", *FEW, "--out", "own")
        self.assertIn("0 failed", done.stdout)
        self.assertIn("hook_mlp_out, layer by token", done.stdout)
        self.assertLessEqual(max(map(len, done.stdout.splitlines())), 80)
        self.assertEqual(validate_run.problems_of(self.root / "own"), [])
        sweep = self.read("own")
        self.assertEqual((sweep["metric"], sweep["direction"]), ("report", "denoising"))
        n_pair = sweep["n_pairs"]
        self.assertEqual(n_pair + len(sweep["left_out"]), 4)  # some have no partner of their length
        self.assertGreaterEqual(n_pair, 2)
        self.assertEqual(len(sweep["cells"]), 5 * 2)
        self.assertEqual(sweep["n_patches"], n_pair * 10)
        self.assertEqual(sweep["n_whole_patches"], 0)
        # What a later token holds cannot reach an earlier one: the report is read at the last.
        cells = {cell["cell"]: cell for cell in sweep["cells"]}
        self.assertEqual(cells["blocks.4.hook_mlp_out@-2"]["largest_magnitude"], 0)
        self.assertGreater(cells["blocks.4.hook_mlp_out@-1"]["largest_magnitude"], 0)
        with (self.root / "own/analysis/sweep.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual([row["cell"] for row in rows], list(cells))
        for row in rows:
            self.assertEqual(float(row["effect"]), cells[row["cell"]]["effect"]["value"])
        with (self.root / "own/analysis/sweep_pairs.csv").open(newline="") as file:
            pairs = list(csv.DictReader(file))
        self.assertAlmostEqual(sum(float(pair["base"]) for pair in pairs) / n_pair, sweep["mean_base"])
        # The same command, the same bytes; the other direction, another base.
        self.gnomon("sweep", "run", *FEW, "--out", "again")
        for name in ("sweep.json", "sweep.csv", "sweep_pairs.csv"):
            self.assertEqual((self.root / "own/analysis" / name).read_bytes(),
                             (self.root / "again/analysis" / name).read_bytes())
        self.gnomon("sweep", "run", *FEW, "--direction", "noising", "--out", "noising")
        self.assertEqual(self.read("noising")["mean_base"], sweep["mean_other"])

    def test_all_tokens_of_the_stream_give_the_other_run(self):
        self.gnomon("sweep", "run", "--max-pairs", "4", "--sites", "resid_pre,z", "--positions",
                    "all", "--out", "all")
        sweep = self.read("all")
        heads = [cell for cell in sweep["cells"] if cell["head"] is not None]
        streams = [cell for cell in sweep["cells"] if cell["head"] is None]
        self.assertEqual((len(heads), len(streams)), (5 * 5, 5))
        self.assertEqual(sweep["n_whole_patches"], sweep["n_pairs"] * 30)
        for cell in streams:
            self.assertAlmostEqual(cell["normalised"]["value"], 1, places=12)
        self.assertLess(min(abs(cell["normalised"]["value"]) for cell in heads), 1)

    def test_pairs_of_a_file_with_a_ranking(self):
        self.gnomon("sweep", "--model", "gnomon-books", "--pairs", "pairs.csv", "--metric",
                    "logit_difference", "--sites", "mlp_post", "--layers", "1:2", "--attribution",
                    "6", "--sample", "3", "--out", "pairs")
        sweep = self.read("pairs")
        self.assertEqual(len(sweep["cells"]), 2 * 640)
        self.assertEqual(sum(cell["patched"] for cell in sweep["cells"]), 9)
        self.assertEqual(sweep["attribution"]["n_top"], 6)
        self.assertEqual(validate_run.problems_of(self.root / "pairs"), [])
        done = self.gnomon("sweep", "--model", "gnomon-books", "--pairs", "pairs.csv", "--cell",
                           "blocks.2.mlp.hook_post[3]@last", "--json", "--out", "cell")
        one = json.loads(done.stdout)
        self.assertEqual(one["metric"], "loss")
        self.assertEqual([cell["coordinate"] for cell in one["cells"]], [3])
        self.assertTrue(all(check["status"] == "pass" for check in one["checks"]))

    def test_what_cannot_be_swept(self):
        self.assertIn("not both", self.gnomon("sweep", status=2).stderr)
        self.assertIn("--pairs", self.gnomon("sweep", "--model", "gnomon-books", status=2).stderr)
        done = self.gnomon("sweep", "run", "--sites", "mlp_ot", status=2)
        self.assertIn("mlp_out", done.stderr)
        self.gnomon("sweep", "run", "--layers", "9", status=2)
        self.gnomon("sweep", "run", "--cell", "blocks.1.attn.hook_pattern@last", status=2)
        (self.root / "uneven.csv").write_text("clean,corrupted\nOne,One two three four\n")
        done = self.gnomon("sweep", "--model", "gnomon-books", "--pairs", "uneven.csv", status=2)
        self.assertIn("tokens", done.stdout + done.stderr)
        self.gnomon("sweep", "--model", "gnomon-books", "--pairs", "none.csv", status=3)


if __name__ == "__main__":
    unittest.main()
