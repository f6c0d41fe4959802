# SPDX-License-Identifier: Apache-2.0
"""Run directories, experiments and commands from Python."""

import html.parser
import json
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import unittest

import numpy as np

import gnomon
from case import NEURON, ModelCase

CONFIG = {
    "model": {"path": "gnomon-books"},
    "target.units": [NEURON],
    "data": {"texts": ["builtin:scenes:60"]},
    "train": {"epochs": 2, "optimizer": {"learning_rate": 0.01}},
    "evaluate.bootstrap": 100,
}
# What can be in a file that somebody else wrote.
HOSTILE = "</td><script>alert(1)</script><img src=x onerror=alert(2)>\x1b[31m\u202e\"'&"


class OnlyTables(html.parser.HTMLParser):
    """Collects what is neither a table nor text."""

    def __init__(self):
        super().__init__()
        self.odd = []

    def handle_starttag(self, tag, attributes):
        if tag not in ("table", "thead", "tbody", "tr", "th", "td", "p"):
            self.odd.append(tag)
        self.odd += [name for name, value in attributes if (name, value) != ("style", "text-align:left")]


class RunsTest(ModelCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.temporary.cleanup)
        cls.stages = []
        cls.run_folder = pathlib.Path(cls.temporary.name) / "study"
        cls.study = gnomon.run(
            CONFIG, set={"seed": 3}, out=cls.run_folder, progress=lambda *seen: cls.stages.append(seen)
        )

    def test_an_experiment(self):
        run = self.study
        self.assertEqual((run.status, run.config["seed"], run.config["train.epochs"]), ("done", 3, 2))
        self.assertTrue(all(check["status"] != "fail" for check in run.checks))
        self.assertIn("Data", {stage for stage, _, _ in self.stages})
        self.assertIn("evaluation.r", run.summary)
        self.assertEqual([line["epoch"] for line in run.metrics() if line["kind"] == "epoch"], [0, 1, 2])
        self.assertEqual(run.manifest["argv"][:2], ["gnomon", "run"])
        self.assertIn("RUN", run.manifest["argv"])
        self.assertNotIn(self.temporary.name, json.dumps(run.manifest))

    def test_the_command_writes_the_same_bytes(self):
        other = self.folder() / "study"
        self.run_command(*self.study.manifest["argv"][1:-1], other, "-q")
        theirs, ours = gnomon.load_run(other).manifest, self.study.manifest
        self.assertEqual(theirs["files"], ours["files"])

    def test_what_is_fresh_is_kept(self):
        before = (self.run_folder / "seeds" / "3" / "metrics.jsonl").stat().st_mtime_ns
        again = gnomon.run(CONFIG, set={"seed": 3}, out=self.run_folder)
        self.assertEqual(again.status, "done")
        self.assertEqual((self.run_folder / "seeds" / "3" / "metrics.jsonl").stat().st_mtime_ns, before)

    def test_a_file_and_a_dictionary_mean_the_same(self):
        folder = self.folder()
        (folder / "study.json").write_text(json.dumps(CONFIG))
        run = gnomon.train(folder / "study.json", set={"seed": 3}, out=folder / "study")
        self.assertEqual(run.config, self.study.config)
        self.assertNotIn("analysis/projections.json", run.files)

    def test_wrong_settings(self):
        for config, message in (
            ({"train": {"epoch": 2}}, "epochs"),
            ({"train": {"epochs": "many"}}, "train.epochs"),
            ({"train": {"epochs": None}}, "train.epochs"),
            ({"train": {"epochs": float("inf")}}, "train.epochs"),
            ({3: 4}, "expected a text"),
            ({}, "model.path"),
        ):
            with self.subTest(config=config), self.assertRaisesRegex(gnomon.ArgumentError, message):
                gnomon.run(config, out=self.folder() / "run")

    def test_tensors_are_mapped(self):
        study = self.study.study
        stream, activation = study["resid_mid"], study["activation"]
        self.assertFalse(stream.flags.writeable or stream.flags.owndata)
        again = self.study.study["resid_mid"]
        self.assertEqual(again.shape, stream.shape)
        del study
        self.assertEqual(len(activation), stream.shape[0])
        table = self.study.projections
        np.testing.assert_array_equal(table["activation"], activation)
        with self.assertRaises(KeyError):
            self.study.study["nothing"]
        with self.assertRaisesRegex(KeyError, "the columns are"):
            table["nothing"]

    def test_ladder_numbers_from_the_tensors(self):
        # r of the input ladder's first rungs, recomputed with NumPy.
        rows = self.study.projections["split"] == "test"
        r = np.corrcoef(self.study.projections["input"][rows], self.study.projections["activation"][rows])[0, 1]
        self.assertAlmostEqual(r, self.study.directions["input"]["r"], delta=1e-12)

    def test_loading(self):
        runs = self.run_folder.parent
        for name in (self.run_folder, "@last", self.study.id[:20]):
            self.assertEqual(gnomon.load_run(name, runs_dir=runs).id, self.study.id)
        with self.assertRaises(gnomon.NotFoundError):
            gnomon.load_run("no-such-run", runs_dir=runs)
        with self.assertRaises(gnomon.NotFoundError):
            self.study.json("no/such.json")
        with self.assertRaises(gnomon.NotFoundError):
            self.study.evaluation(seed=99)

    def test_a_changed_file_is_noticed(self):
        copy = self.folder() / "copy"
        shutil.copytree(self.run_folder, copy)
        path = copy / "analysis" / "projections.json"
        path.write_text(path.read_text().replace("head", "hand", 1))
        with self.assertRaises(gnomon.FileError):
            gnomon.load_run(copy).directions

    def test_the_command(self):
        shown = json.loads(gnomon.command("runs", "show", self.run_folder, "--json"))
        self.assertTrue(shown)
        self.assertIn("resid_mid", gnomon.command("explain", "blocks.1.hook_resid_mid"))
        self.assertEqual(gnomon.command("--version").split()[1], gnomon.__version__)
        self.assertEqual(
            gnomon.command("model", "show", "gnomon-books"), self.run_command("model", "show", "gnomon-books")
        )
        # What needs another process to end it in a shell raises here, and the process goes on.
        with self.assertRaises(gnomon.ArgumentError):
            gnomon.command(
                "projections", "--model", "gnomon-books", "--target", "nothing", "--texts", "builtin:scenes:60"
            )

    def test_display(self):
        bundle = self.study._repr_mimebundle_()
        self.assertEqual(set(bundle), {"text/plain", "text/html"})
        self.assertIn(f"{self.study.directions['input']['r']:+.3f}", bundle["text/plain"])
        self.assertIn("input", bundle["text/html"])
        self.check_html(bundle["text/html"])
        self.check_html(self.study.projections._repr_html_())

    def check_html(self, page):
        parser = OnlyTables()
        parser.feed(page)
        self.assertEqual(parser.odd, [])
        self.assertNotIn("\x1b", page)
        self.assertNotIn("\u202e", page)

    def test_hostile_texts(self):
        folder = self.folder()
        table = folder / "t.csv"
        table.write_text('text,"' + HOSTILE.replace('"', '""') + '"\n"' + HOSTILE.replace('"', '""') + '",1\n')
        self.check_html(gnomon.Table(table)._repr_html_())
        run = gnomon.load_run(self.run_folder)
        run.manifest["id"] = HOSTILE
        run.manifest["error"] = {"code": HOSTILE, "message": HOSTILE}
        run.manifest["model"]["name"] = HOSTILE
        run.json("analysis/projections.json")["directions"][0].update(name=HOSTILE, site=HOSTILE)
        self.check_html(run._repr_mimebundle_()["text/html"])
        self.assertNotIn("\x1b", run._repr_mimebundle_()["text/plain"])

    def test_plots(self):
        try:
            import matplotlib
        except ImportError:
            self.skipTest("matplotlib is not installed")
        self.assertEqual(self.study.figures(), ["projections", "ladder", "training", "reports"])
        for name in self.study.figures():
            with self.subTest(figure=name):
                figure = self.study.plot(name)
                self.assertIsInstance(figure, matplotlib.figure.Figure)
                path = self.folder() / "figure.png"
                figure.savefig(path)
                self.assertGreater(path.stat().st_size, 5000)
        with self.assertRaises(gnomon.ArgumentError):
            self.study.plot("nothing")

    def test_an_interrupted_experiment_goes_on(self):
        folder = self.folder()
        program = textwrap.dedent(
            f"""
            import gnomon, sys
            config = {CONFIG!r}
            config["train"]["epochs"] = 2000
            config["train"]["early_stopping"] = {{"patience": 0}}
            def progress(stage, done, total):
                if stage.startswith("Train"): print("training", flush=True)
            try:
                gnomon.run(config, out={str(folder / "run")!r}, progress=progress)
            except KeyboardInterrupt:
                print("stopped", flush=True)
            """
        )
        process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.kill)
        self.assertEqual(process.stdout.readline(), "training\n")
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=120)
        self.assertEqual(out.split()[-1], "stopped")
        self.assertEqual(gnomon.load_run(folder / "run").status, "interrupted")
        self.assertEqual(gnomon.run(CONFIG, out=folder / "run").status, "done")


class StudyTest(ModelCase):
    """The steps of `gnomon projections`, one by one."""

    def test_steps_give_the_numbers_of_the_command(self):
        folder = self.folder()
        self.run_command(
            *("projections", "--model", "gnomon-books", "--target", NEURON, "--texts", "builtin:scenes:120"),
            *("--out", folder / "run", "--seed", 5, "-q"),
        )
        run = gnomon.load_run(folder / "run")
        texts = gnomon.prepare_texts(self.model, gnomon.read_texts("builtin:scenes:120", 5), 5)
        target = gnomon.make_target(NEURON, self.model.config)
        study = gnomon.measure_study(self.model, target, texts)
        analysis = gnomon.analyse_projections(study, self.model, seed=5)
        for direction in analysis.directions:
            stored = run.directions[direction.name]
            self.assertEqual(direction.r, stored["r"])
            if direction.interval is not None:
                self.assertEqual(direction.interval.ci_low, stored["ci_low"])
        self.assertEqual(analysis["input"].weight.shape, (self.model.config.d_model,))
        ladders = gnomon.audit_ladders(study, analysis, 5)
        self.assertEqual([ladder.direction for ladder in ladders], [ladder["direction"] for ladder in run.ladders])
        self.assertTrue(all(ladder.closes for ladder in ladders))
        self.assertIn("closes", str(ladders[0]))
        self.assertIn("input", str(analysis))
        np.testing.assert_array_equal(study.resid_mid, run.study["resid_mid"])
        checks = gnomon.check_identities(self.model, target, texts.ids[:3])
        self.assertEqual({check.status for check in checks} & {"fail"}, set())

    def test_texts_are_grouped(self):
        texts = [f"A text with the number {i}." for i in range(9)] + ["A text with the number 3."]
        prepared = gnomon.prepare_texts(self.model, texts, 1)
        self.assertEqual(prepared.group[3], prepared.group[9])
        self.assertEqual(prepared.part[3], prepared.part[9])
        self.assertEqual(len(prepared), 10)
        self.assertEqual(prepared.records[0].text, texts[0])


class TrainTest(ModelCase):
    def test_a_reporter(self):
        texts = gnomon.prepare_texts(self.model, gnomon.read_texts("builtin:scenes:90"))
        target = gnomon.make_target(NEURON, self.model.config)
        seen = []
        options = {"epochs": 4, "trained": {"part": "after_target"}, "optimizer.learning_rate": 0.003}
        trained = gnomon.train_reporter(
            self.model, texts, target, options=options, seed=2, progress=lambda *at: seen.append(at)
        )
        self.assertEqual(seen[-1][0], seen[-1][1])
        losses = {record.epoch: record.val_loss for record in trained.history}
        self.assertEqual(trained.best_epoch, min(losses, key=losses.get))
        reports = trained.reports()
        val = trained.rows_of("val")
        # The stored reports are those of the best epoch: half the squared error over the training variance.
        variance = np.var(trained.activation[trained.rows_of("train")])
        loss = 0.5 * np.mean((reports[val] - trained.activation[val]) ** 2) / variance
        self.assertAlmostEqual(loss, losses[trained.best_epoch], delta=1e-6 * (1 + loss))
        # The trained model is a model like any other, and the base model is as it was.
        changed = gnomon.capture(trained.model, texts.ids[:2], "blocks.4.hook_resid_post@last").activations[0].values
        base = gnomon.capture(self.model, texts.ids[:2], "blocks.4.hook_resid_post@last").activations[0].values
        self.assertGreater(np.abs(changed - base).max(), 0)
        measured = gnomon.capture(self.model, texts.ids, NEURON)[NEURON].values
        np.testing.assert_array_equal(measured, trained.activation)

    def test_the_same_seed_gives_the_same_bits(self):
        texts = gnomon.prepare_texts(self.model, gnomon.read_texts("builtin:scenes:60"))
        target = gnomon.make_target(NEURON, self.model.config)
        one, other = (
            gnomon.train_reporter(self.model, texts, [target], options={"epochs": 2}).reports() for _ in range(2)
        )
        np.testing.assert_array_equal(one, other)
        with self.assertRaisesRegex(gnomon.ArgumentError, "epochs"):
            gnomon.train_reporter(self.model, texts, target, options={"epochz": 2})
        with self.assertRaises(gnomon.ArgumentError):
            gnomon.train_reporter(self.model, texts, [])


if __name__ == "__main__":
    unittest.main()
