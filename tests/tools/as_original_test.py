# SPDX-License-Identifier: Apache-2.0
"""gnomon projections --as-original on the embedded model."""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

from gnomon_command import ROOT, run_gnomon

COMMAND = ["projections", "--model", "gnomon-books", "--target", "blocks.2.mlp.hook_post[509]@last",
           "--texts", "builtin:scenes:200", "--as-original"]


class AsOriginalTest(unittest.TestCase):
    def test_the_steps_lead_to_the_table(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            shown = run_gnomon(folder, *COMMAND, "--out", "run").stdout
            self.assertLessEqual(max(map(len, shown.splitlines())), 80)
            self.assertIn("As the original study computed them", shown)
            subprocess.run([sys.executable, ROOT / "tools/validate_run.py", folder / "run"], check=True,
                           stdout=subprocess.DEVNULL)
            stored = json.loads((folder / "run/analysis/as_original.json").read_text())
            table = json.loads((folder / "run/analysis/projections.json").read_text())
            r = {row["name"]: row["r"] for row in table["directions"]}
            for direction in stored["directions"]:
                self.assertEqual(direction["steps"][-1]["r"], r[direction["here"]])
                self.assertEqual(direction["steps"][0]["n_row"], 200)
            steps = {row["name"]: [step["step"] for step in row["steps"]] for row in stored["directions"]}
            self.assertEqual(steps["input"], ["as the study", "held-out rows", "+ attention", "/ the norm's scale"])
            again = json.loads(run_gnomon(folder, *COMMAND, "--out", "again", "--json").stdout)
            self.assertEqual(again["as_original"], stored)

    def test_not_with_processed_weights(self):
        with tempfile.TemporaryDirectory() as name:
            refused = run_gnomon(name, *COMMAND, "--weights", "fold_ln", "--out", "run", status=2)
            self.assertIn("--weights", refused.stderr)


if __name__ == "__main__":
    unittest.main()
