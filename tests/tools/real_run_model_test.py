# SPDX-License-Identifier: Apache-2.0
"""The command on the real model: its run directory, its documents and its example."""

import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMMAND = os.environ.get("GNOMON_COMMAND", str(ROOT / "build" / "release" / "gnomon"))
MODEL = "smollm2-135m"
STUDY = ["projections", "--model", MODEL, "--target", "blocks.3.mlp.hook_post[100]@last",
         "--texts", "builtin:scenes:120", "--progress", "none"]


def model_is_there():
    shown = subprocess.run([COMMAND, "model", "show", MODEL], capture_output=True)
    return shown.returncode == 0


@unittest.skipUnless(model_is_there(), f"{MODEL} is not in the cache: gnomon model fetch {MODEL}")
class RealRun(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.runs = [pathlib.Path(cls.folder.name) / name for name in ("first", "second")]
        cls.results = [cls.gnomon(*STUDY, "--out", str(run)) for run in cls.runs]

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def gnomon(cls, *arguments):
        return subprocess.run([COMMAND, *arguments], capture_output=True, text=True,
                              cwd=cls.folder.name)

    def test_passes_its_checks(self):
        for result in self.results:
            self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        checks = json.loads((self.runs[0] / "checks.json").read_text())
        self.assertGreater(len(checks), 20)
        self.assertEqual({check["status"] for check in checks}, {"pass"})

    def test_fits_80_columns(self):
        for line in self.results[0].stdout.splitlines():
            if not line.startswith("Run: "):
                self.assertLessEqual(len(line), 80, line)

    def test_console_log_is_what_was_shown(self):
        shown = self.results[0].stdout.split("Run: ")[0].strip()
        self.assertIn(shown, (self.runs[0] / "console.log").read_text())

    def test_run_directory_is_valid(self):
        validator = [sys.executable, str(ROOT / "tools" / "validate_run.py"), str(self.runs[0])]
        result = subprocess.run(validator, capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def test_same_seed_gives_the_same_bytes(self):
        manifests = [json.loads((run / "run.json").read_text()) for run in self.runs]
        self.assertEqual(manifests[0]["files"], manifests[1]["files"])
        self.assertGreater(len(manifests[0]["files"]), 8)
        for name, record in manifests[0]["files"].items():
            digest = hashlib.sha256((self.runs[0] / name).read_bytes()).hexdigest()
            self.assertEqual(digest, record["sha256"], name)

    def test_one_thread_gives_the_same_activations(self):
        third = self.runs[0].with_name("third")
        result = self.gnomon(*STUDY, "--threads", "1", "--out", str(third))
        self.assertEqual(result.returncode, 0, result.stderr)
        tables = [(run / "data" / "activations.safetensors").read_bytes() for run in (self.runs[0], third)]
        header = int.from_bytes(tables[0][:8], "little")
        names = json.loads(tables[0][8:8 + header])
        for name in ("activation", "resid_pre", "resid_mid", "resid_post", "resid_final"):
            first, last = names[name]["data_offsets"]
            slices = [table[8 + header + first:8 + header + last] for table in tables]
            self.assertEqual(slices[0], slices[1], name)

    def test_audit_of_the_stored_run(self):
        result = self.gnomon("audit", str(self.runs[0]), "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        again = json.loads(result.stdout)["ladders"]
        stored = json.loads((self.runs[0] / "analysis" / "audit.json").read_text())["ladders"]
        self.assertEqual(again, stored)

    def test_commands_of_the_documents(self):
        documents = [ROOT / "README.md", ROOT / "docs" / "tutorial.md", ROOT / "docs" / "cli.md",
                     *sorted((ROOT / "docs" / "methods").glob("*.md"))]
        runner = [sys.executable, str(ROOT / "tools" / "run_doc_commands.py"), "--binary", COMMAND]
        result = subprocess.run([*runner, *map(str, documents)], capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def test_bad_input_has_its_exit_status(self):
        texts = pathlib.Path(self.folder.name) / "texts.txt"
        texts.write_text("One text.\n")
        cases = [
            (["--target", "blocks.3.mlp.hook_post[100]@last", "--texts", "missing.txt"], 3, "E031"),
            (["--target", "blocks.3.mlp.hook_post[100]@last", "--texts", str(texts)], 2, "E014"),
            (["--target", "blocks.30.mlp.hook_post[1]", "--texts", "builtin:scenes:60"], 2, "E012"),
            (["--target", "blocks.3.mlp.hook_post[1536]", "--texts", "builtin:scenes:60"], 2, "E012"),
            (["--target", "blocks.3.mlp.hook_pots[1]", "--texts", "builtin:scenes:60"], 2, "E011"),
            (["--target", "blocks.3.mlp.hook_post[1]@99", "--texts", "builtin:scenes:60"], 2, "E012"),
            (["--target", "blocks.3.attn.hook_pattern", "--texts", "builtin:scenes:60"], 2, "E013"),
        ]
        for number, (arguments, status, code) in enumerate(cases):
            result = self.gnomon("projections", "--model", MODEL, *arguments, "--json", "--out", f"bad{number}")
            self.assertEqual(result.returncode, status, (arguments, result.stderr))
            self.assertEqual(json.loads(result.stderr.splitlines()[-1])["error"]["code"], code, arguments)
            self.assertEqual(result.stdout, "")


if __name__ == "__main__":
    unittest.main()
