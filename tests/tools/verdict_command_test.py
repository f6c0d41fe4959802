#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""gnomon verdict and weights on a run of the embedded model."""

import json
import pathlib
import tempfile
import unittest

from gnomon_command import run_gnomon

CONFIG = """
[model]
path = "gnomon-books"
[target]
units = ["blocks.2.mlp.hook_post[539]@last"]
[data]
texts = ["builtin:scenes:300"]
[train]
epochs = 60
[train.optimizer]
learning_rate = 1e-2
[evaluate]
bootstrap = 200
"""


class VerdictTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.folder.name)
        (self.root / "study.toml").write_text(CONFIG)

    def tearDown(self):
        self.folder.cleanup()

    def gnomon(self, *arguments, status=0):
        return run_gnomon(self.root, *arguments, status=status)

    def test_verdict_of_a_head(self):
        self.gnomon("run", "--config", "study.toml", "--out", "run")
        done = self.gnomon("verdict", "run", "--out", "verdict")
        self.assertLessEqual(max(map(len, done.stdout.splitlines())), 80)
        self.assertIn("0 failed", done.stdout)
        verdict = json.loads((self.root / "verdict/analysis/verdict.json").read_text())
        self.assertEqual(verdict["target"], "blocks.2.mlp.hook_post[539]@last")
        self.assertEqual([row["id"] for row in verdict["evidence"]],
                         [f"E{i}" for i in range(1, 9)])
        outcome = {row["name"]: row["outcome"] for row in verdict["accounts"]}
        self.assertEqual(outcome["regularised"], "contradicted")  # a head cannot move the neuron
        # The verdict's gain is what patching found.
        patch = json.loads((self.root / "verdict/analysis/patch.json").read_text())
        self.assertEqual(verdict["gain"]["value"], patch["gain"]["value"])
        again = self.gnomon("verdict", "run", "--out", "again", "--json")
        self.assertEqual(json.loads(again.stdout)["evidence"], verdict["evidence"])
        # The write-up says what was found when the neuron was written into.
        self.gnomon("report", "run", "--format", "md")
        self.assertIn("were written into it", (self.root / "run/report/writeup.md").read_text())
        self.gnomon("verify", "run")
        self.gnomon("verdict", "verdict", status=2)
        self.gnomon("verdict", "run", "--target", "1", status=2)
        self.gnomon("verdict", "run", "--training-seed", "7", status=3)


if __name__ == "__main__":
    unittest.main()
