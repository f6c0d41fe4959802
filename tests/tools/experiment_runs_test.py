#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Experiments on the embedded model: same bytes, stopped and killed trainings, verification."""

import json
import pathlib
import resource
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from gnomon_command import COMMAND, run_gnomon

VALIDATE = pathlib.Path(__file__).resolve().parents[2] / "tools" / "validate_run.py"
CONFIG = """
[model]
path = "gnomon-books"
[target]
units = ["blocks.1.mlp.hook_post[100]@last"]
[data]
texts = ["builtin:scenes:200"]
[train]
epochs = 3
[train.trained]
part = "after_target"
[evaluate]
bootstrap = 100
"""


class ExperimentTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.folder.name)
        (self.root / "study.toml").write_text(CONFIG)

    def tearDown(self):
        self.folder.cleanup()

    def gnomon(self, *arguments, status=0):
        return run_gnomon(self.root, *arguments, status=status)

    def train(self, out, *more, status=0):
        return self.gnomon("train", "--config", "study.toml", "--out", out, *more, status=status)

    def contents(self, run):
        """Everything that training and evaluation wrote, by path."""
        seeds = self.root / run / "seeds"
        return {str(path.relative_to(seeds)): path.read_bytes()
                for path in sorted(seeds.rglob("*")) if path.is_file()}

    def test_run_verify_and_what_is_kept(self):
        done = self.gnomon("run", "--config", "study.toml", "--out", "a")
        self.assertIn("0 failed", done.stdout)
        self.assertIn("closes: 1 - r =", done.stdout)
        self.assertLessEqual(max(map(len, done.stdout.splitlines())), 80)
        for name in ["run.json", "checks.json", "summary.json", "config.resolved.toml",
                     "data/dataset.json", "data/DATA_CARD.md", "analysis/projections.json",
                     "seeds/0/metrics.jsonl", "seeds/0/evaluation.json", "seeds/0/reports.csv",
                     "seeds/0/checkpoints/best.txt", "seeds/0/checkpoints/last.txt"]:
            self.assertTrue((self.root / "a" / name).is_file(), name)
        summary = json.loads((self.root / "a" / "summary.json").read_text())
        self.assertIn("evaluation.r2_identity", summary)
        self.assertEqual(summary["drift.wasserstein1"], 0)
        self.assertNotEqual(summary["lm_loss.before"], summary["lm_loss.after"])
        checks = json.loads(self.gnomon("verify", "a", "--json").stdout)
        self.assertTrue(checks)

        # The same settings: nothing is done; other settings of the evaluation: the rest is kept.
        plan = json.loads(self.gnomon("run", "--config", "study.toml", "--out", "a", "--dry-run",
                                      "--json").stdout)
        self.assertEqual([stage["stage"] for stage in plan if stage["does"]], [])
        plan = json.loads(self.gnomon("run", "--config", "study.toml", "--out", "a", "--dry-run",
                                      "--json", "--set", "evaluate.bootstrap=200").stdout)
        does = {stage["stage"]: stage["does"] for stage in plan}
        self.assertFalse(does["data"] or does["train.0"])
        self.assertTrue(does["evaluate.0"])
        before = self.contents("a")
        again = self.gnomon("run", "--config", "study.toml", "--out", "a")
        self.assertEqual(self.contents("a"), before)
        self.assertEqual(again.stdout, done.stdout)  # read back, in every digit

        # A weight that changes on disk is noticed.
        best = (self.root / "a/seeds/0/checkpoints/best.txt").read_text().strip()
        path = self.root / "a/seeds/0/checkpoints" / best / "parameters.safetensors"
        data = bytearray(path.read_bytes())
        data[-3] ^= 0x10
        path.write_bytes(data)
        done = self.gnomon("verify", "a", status=5)
        self.assertIn("V1", done.stderr)

    def test_weights_of_a_trained_run(self):
        self.train("a", "--set", "train.trained.part=all", "--set",
                   "train.optimizer.learning_rate=1e-3")
        done = self.gnomon("weights", "a", "--out", "w")
        self.assertLessEqual(max(map(len, done.stdout.splitlines())), 80)
        self.assertIn("The neuron's own weights, before and after training", done.stdout)
        subprocess.run([sys.executable, str(VALIDATE), str(self.root / "w")], check=True)
        result = json.loads((self.root / "w/analysis/weights.json").read_text())
        self.assertEqual([place["place"] for place in result["read_outs"]], ["feature", "written"])
        self.assertTrue(result["read_outs"][0]["constant"])
        self.assertFalse(result["read_outs"][1]["constant"])
        rows = {(row["place"], row["direction"], row["statistic"]): row
                for row in result["cosines"]}
        row = rows["written", "output", "filter"]
        self.assertGreater(row["other_neurons"]["q"], 0)
        self.assertNotEqual(row["value"], row["start"])
        self.assertIsNotNone(row["interval"])
        self.assertEqual(len((self.root / "w/analysis/weights.csv").read_text().splitlines()),
                         1 + len(result["cosines"]))
        # The same command, the same bytes; another training and another target are refused.
        self.gnomon("weights", "a", "--out", "again")
        for name in ["weights.json", "weights.csv"]:
            self.assertEqual((self.root / "w/analysis" / name).read_bytes(),
                             (self.root / "again/analysis" / name).read_bytes())
        done = self.gnomon("weights", "a", "--training-seed", "7", status=3)
        self.assertIn("the run has the seeds 0", done.stderr)
        self.gnomon("weights", "a", "--target", "1", status=2)

    def test_a_live_target_is_scored_on_what_the_trained_model_does(self):
        settings = ["--set", "train.trained.part=all", "--set", "target.mode=live",
                    "--set", "train.optimizer.learning_rate=1e-3"]
        done = self.gnomon("run", "--config", "study.toml", "--out", "live", *settings)
        self.assertIn("live activation, held-out texts", done.stdout)
        self.assertIn("against its live activation", done.stdout)
        evaluation = json.loads((self.root / "live/seeds/0/evaluation.json").read_text())
        self.assertEqual(evaluation["truth"], "live")
        rows = {row["name"]: row for row in evaluation["rows"]}
        drift = json.loads((self.root / "live/seeds/0/training.json").read_text())["drift"][0]
        self.assertGreater(drift["wasserstein1"], 0)
        # Against the live activation a read-out of the neuron is exact; the snapshot is another number.
        self.assertAlmostEqual(rows["neuron"]["r2_identity"], 1, places=6)
        self.assertNotEqual(rows["regression"]["r"], rows["match before training"]["r"])

    def train_and_kill(self, out, *more):
        """Ends a training that has stored at least two epochs."""
        last = self.root / out / "seeds/0/checkpoints/last.txt"
        process = subprocess.Popen([COMMAND, "train", "--config", "study.toml", "--out", out, *more],
                                   cwd=self.root, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline and process.poll() is None:
            if last.exists() and last.read_text().strip() >= "epoch-0002":
                break
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def test_killed_training_goes_on_with_the_same_bytes(self):
        settings = ["--set", "train.epochs=6"]
        self.train("whole", *settings)
        self.train_and_kill("killed", *settings)
        self.train("killed", *settings)
        self.assertEqual(self.contents("killed"), self.contents("whole"))

        # No room for another checkpoint, as on a full disk: the stored ones stay and are gone on from.
        self.train_and_kill("full", *settings)
        checkpoints = self.root / "full/seeds/0/checkpoints"
        stored = {path.name: path.read_bytes() for path in checkpoints.glob("epoch-*/*.safetensors")}
        self.assertTrue(stored)
        done = subprocess.run([COMMAND, "train", "--config", "study.toml", "--out", "full", *settings],
                              cwd=self.root, capture_output=True, text=True, restore_signals=False,
                              preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE,
                                                                    (1 << 20, 1 << 20)))
        self.assertEqual(done.returncode, 6, done.stdout + done.stderr)
        self.assertIn(".safetensors", done.stderr)
        self.assertEqual({path.name: path.read_bytes()
                          for path in checkpoints.glob("epoch-*/*.safetensors")}, stored)
        self.train("full", *settings)
        self.assertEqual(self.contents("full"), self.contents("whole"))

    def test_two_processes_do_not_share_a_run(self):
        process = subprocess.Popen([COMMAND, "train", "--config", "study.toml", "--out", "shared",
                                    "--set", "train.epochs=400", "--set",
                                    "train.early_stopping.patience=0"], cwd=self.root,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + 120
            while not (self.root / "shared/run.json").exists() and time.monotonic() < deadline:
                time.sleep(0.01)
            self.train("shared", status=2)
        finally:
            process.kill()
            process.wait()

    def test_bad_settings_are_refused_before_anything_is_done(self):
        done = self.train("b", "--set", "train.epoch=3", status=2)
        self.assertIn("train.epochs", done.stderr)
        self.train("b", "--set", "train.trained.part=selected", "--set",
                   "train.trained.name_patterns=[\"h.*.atn\"]", status=2)
        done = self.train("c", "--set", "target.units=[\"blocks.4.mlp.hook_post[1]\"]", status=2)
        self.assertIn("no block lies after", done.stderr)
        done = self.train("d", "--set", "train.reporter.kind=digit", "--set",
                          "train.trained.part=none", status=2)
        self.assertIn("no parameters of its own", done.stderr)

    def test_every_reporter_reports(self):
        for kind in ["classification", "digit", "on_off"]:
            units = "[\"blocks.1.mlp.hook_post[100]@last\"]"
            done = self.gnomon("train", "--config", "study.toml", "--out", kind, "--json", "--set",
                               f"train.reporter.kind={kind}", "--set", "train.reporter.n_bin=4",
                               "--set", "train.epochs=1", "--set", f"target.units={units}")
            self.assertIn("evaluation.r2_identity", json.loads(done.stdout))

    def test_low_rank_changes_and_seeds(self):
        self.train("lora", "--set", "train.trained.part=lora", "--set",
                   "train.trained.name_patterns=[\"attn.c_attn.weight\"]", "--set", "n_seed=2",
                   "--set", "train.epochs=1")
        for seed in ["0", "1"]:
            config = json.loads((self.root / "lora/seeds" / seed /
                                 "adapter/adapter_config.json").read_text())
            self.assertEqual(config["peft_type"], "LORA")
        summary = json.loads((self.root / "lora/summary.json").read_text())
        self.assertEqual(summary["seeds.n"], 2)


if __name__ == "__main__":
    unittest.main()
