# SPDX-License-Identifier: Apache-2.0
"""tools/validate_run.py and the schemas it uses: what they take and what they refuse."""

import copy
import hashlib
import json
import pathlib
import sys
import tempfile
import unittest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "tools"))
import validate_run  # noqa: E402

HASH = hashlib.sha256(b"").hexdigest()
NUMBERS = {
    "r": 0.5, "ci_low": 0.4, "ci_high": 0.6, "r2_fit": 0.25, "r2_identity": -38.0, "p": 0.0,
    "log10_p": -400.5, "p_holm": 0.01, "spearman": -1, "percentile": 97.5,
}  # fmt: skip
PROJECTIONS = {
    "$schema": "urn:gnomon:schema:projections:1",
    "n_rows": 76,
    "n_distinct": 37,
    "directions": [{"name": "head", "site": "blocks.1.hook_resid_post", **NUMBERS}],
}
AUDIT = {
    "$schema": "urn:gnomon:schema:audit:1",
    "ladders": [{
        "direction": "input",
        "rungs": [{"name": "resid_pre", "r": 0.5, "delta": None, "exact_zero": False}],
        "one_minus_r": 1e-13,
        "closes": True,
    }],
}  # fmt: skip
CORRELATION = {
    "$schema": "urn:gnomon:schema:correlation:1",
    "labels": ["activation", "head"],
    "matrix": [[1, 0.5], [0.5, 1]],
}
SCORE = {
    "n_rows": 58, "n_distinct": 30, "r": 0.76, "r_interval": [0.5, 0.9], "r_fisher": [0.4, 0.9], "p": 0.0,
    "log10_p": -400.5, "r2_fit": 0.58, "r2_identity": -1.2, "r2_identity_interval": [-2, -1],
    "mean_absolute_error": 1, "root_mean_square_error": 1, "mean_error": -1, "slope": 0.5,
    "slope_interval": [0.4, 0.6], "intercept": 2, "intercept_interval": [1, 3], "spearman": 0.7,
}  # fmt: skip
COMPARED = {"value": 0.5, "interval": [0.4, 0.6], "n_undefined": 0}
TASK = {**SCORE, "online_code": {"bits_per_row": -0.5, "prior_bits_per_row": 2.05, "n_rows": 100, "blocks": [
    {"n_training_rows": 0, "n_rows": 100, "sd": 1, "bits": -50}]}}  # fmt: skip
EVALUATION = {
    "$schema": "urn:gnomon:schema:evaluation:1", "target": "blocks.1.mlp.hook_post[5]@last", "truth": "snapshot",
    "feature_site": "blocks.1.hook_resid_post", "scored": "test", "n_rows": 58, "n_distinct": 30,
    "n_training_rows": 200, "r2_training": 0.9, "level": 0.95, "n_bootstrap": 2000, "seed": 0,
    "rows": [
        {"name": "head", "kind": "reporter", "definition": "d", **SCORE},
        {"name": "mean", "kind": "floor", "definition": "d", **SCORE, "reporter_minus": COMPARED},
    ],
    "gain": {**COMPARED, "over": "mean", "beats_floors": True},
    "fraction_of_ceiling": {**COMPARED, "of": "ridge"},
    "selectivity": {"n_token_types": 12, "unseen_share": 0, "real": TASK, "control": TASK, "difference": COMPARED},
    "permuted_r2": [-0.1, 0.01],
}  # fmt: skip
CHECKS = [{"id": "pre", "title": "t", "status": "pass", "value": 1e-9, "tolerance": 1e-6, "why": ""}]
RUN = {
    "$schema": "urn:gnomon:schema:run:1", "schema": 1, "id": "a", "name": "", "status": "done", "argv": [],
    "configuration_sha256": HASH, "seed": 0, "precision": "float32", "backend": "blas", "stages": [],
    "tool": {"version": "", "git": "", "compiler": "", "build_type": "", "blas": ""},
    "machine": {"cpu": "", "threads": 1}, "model": None, "data": None, "error": None,
    "files": {"config.resolved.toml": {"sha256": HASH, "bytes": 0}}, "varying_files": [],
}  # fmt: skip


def changed(document, path, value):
    """A copy of the document with one place set, or removed where the value is `...`."""
    result = copy.deepcopy(document)
    place = result
    for key in path[:-1]:
        place = place[key]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return result


@unittest.skipIf(validate_run.jsonschema is None, "the Python package jsonschema is not installed")
class Schemas(unittest.TestCase):
    def problems(self, name, document):
        return validate_run.schema_problems(name, document, validate_run.load_schemas())

    def assert_valid(self, name, document):
        self.assertEqual(self.problems(name, document), [])

    def assert_invalid(self, name, document):
        self.assertNotEqual(self.problems(name, document), [], document)

    def test_schemas_are_schemas(self):
        for file in validate_run.SCHEMA_FOLDER.glob("*.schema.json"):
            schema = json.loads(file.read_text())
            validate_run.jsonschema.Draft202012Validator.check_schema(schema)
            self.assertEqual(schema["$id"], f"urn:gnomon:schema:{file.name.split('.')[0]}:1")

    def test_projections(self):
        self.assert_valid("projections.json", PROJECTIONS)
        first = ["directions", 0]
        self.assert_valid("projections.json", changed(PROJECTIONS, first + ["more"], [1]))
        self.assert_valid("projections.json", changed(PROJECTIONS, first + ["name"], "input_gate"))
        null = changed(PROJECTIONS, first + ["r"], None)
        self.assert_invalid("projections.json", null)
        self.assert_invalid("projections.json", changed(null, first + ["why"], ""))
        self.assert_valid("projections.json", changed(null, first + ["why"], "constant"))
        for key, value in [("name", "other"), ("site", 1), ("r", "0.5"), ("r", 1.5), ("p", -1), ("p", True),
                           ("log10_p", 1), ("percentile", 101), ("r2_identity", 2)]:  # fmt: skip
            self.assert_invalid("projections.json", changed(PROJECTIONS, first + [key], value))
        for key in NUMBERS:
            self.assert_invalid("projections.json", changed(PROJECTIONS, first + [key], ...))
        for key in ("$schema", "n_rows", "n_distinct", "directions"):
            self.assert_invalid("projections.json", changed(PROJECTIONS, [key], ...))

    def test_audit(self):
        self.assert_valid("audit.json", AUDIT)
        rung = ["ladders", 0, "rungs", 0]
        for key in ("name", "r", "delta", "exact_zero"):
            self.assert_invalid("audit.json", changed(AUDIT, rung + [key], ...))
        for key in ("direction", "rungs", "one_minus_r", "closes"):
            self.assert_invalid("audit.json", changed(AUDIT, ["ladders", 0, key], ...))
        self.assert_invalid("audit.json", changed(AUDIT, rung + ["r"], None))
        self.assert_invalid("audit.json", changed(AUDIT, rung + ["exact_zero"], 0))
        self.assert_invalid("audit.json", changed(AUDIT, ["ladders", 0, "closes"], "yes"))
        self.assert_invalid("audit.json", changed(AUDIT, ["ladders", 0, "one_minus_r"], None))

    def test_correlation(self):
        self.assert_valid("correlation.json", CORRELATION)
        null = changed(CORRELATION, ["matrix", 0, 1], None)
        self.assert_invalid("correlation.json", null)
        self.assert_valid("correlation.json", changed(null, ["why"], "constant"))
        self.assert_invalid("correlation.json", changed(CORRELATION, ["matrix", 0], 1))
        self.assert_invalid("correlation.json", changed(CORRELATION, ["labels"], ["a", "a"]))

    def test_evaluation(self):
        self.assert_valid("evaluation.json", EVALUATION)
        row = ["rows", 0]
        for key in SCORE:
            self.assert_invalid("evaluation.json", changed(EVALUATION, row + [key], ...))
        for key in EVALUATION:
            self.assert_invalid("evaluation.json", changed(EVALUATION, [key], ...))
        for key in ("r", "r_interval", "slope"):
            null = changed(EVALUATION, row + [key], None)
            self.assert_invalid("evaluation.json", null)
            self.assert_valid("evaluation.json", changed(null, row + ["why"], "constant"))
        for path, value in [(["truth"], "other"), (["scored"], "train"), (row + ["kind"], "floor"),
                            (["rows", 1, "kind"], "reporter"), (row + ["r"], 1.5),
                            (row + ["r_interval"], [0.1]), (row + ["r2_identity"], 2),
                            (["gain", "beats_floors"], 1), (["gain", "value"], None),
                            (["selectivity", "real", "online_code"], ...), (["permuted_r2"], [])]:  # fmt: skip
            self.assert_invalid("evaluation.json", changed(EVALUATION, path, value))

    def test_checks(self):
        self.assert_valid("checks.json", CHECKS)
        self.assert_valid("checks.json", [])
        self.assert_invalid("checks.json", {})
        self.assert_invalid("checks.json", changed(CHECKS, [0, "status"], "passed"))
        skip = changed(CHECKS, [0, "status"], "skip")
        self.assert_invalid("checks.json", skip)
        self.assert_valid("checks.json", changed(skip, [0, "why"], "no head"))
        self.assert_invalid("checks.json", changed(CHECKS, [0, "value"], None))

    def test_run(self):
        self.assert_valid("run.json", RUN)
        for key in RUN:
            self.assert_invalid("run.json", changed(RUN, [key], ...))
        for key, value in [("schema", 2), ("status", "ok"), ("seed", -1), ("seed", 0.5), ("argv", "x"),
                           ("configuration_sha256", "x"), ("model", []), ("varying_files", ["../x"]),
                           ("error", {"code": "E001", "kind": "", "message": "", "hint": ""})]:  # fmt: skip
            self.assert_invalid("run.json", changed(RUN, [key], value))
        for path in ("", "/a", "../a", "a/..", "a//b", "./a", "a\\b"):
            self.assert_invalid("run.json", changed(RUN, ["files", path], {"sha256": HASH, "bytes": 0}))
        for path in ("a", "..a", "a/b.json", ".a"):
            self.assert_valid("run.json", changed(RUN, ["files", path], {"sha256": HASH, "bytes": 0}))

    def test_unknown_schema(self):
        self.assert_invalid("x.json", {"$schema": "urn:gnomon:schema:other:1"})
        self.assert_invalid("x.json", {"$schema": ["a"]})
        self.assert_valid("x.json", {"any": "thing"})


class Folder(unittest.TestCase):
    def problems(self, manifest, files):
        with tempfile.TemporaryDirectory() as folder:
            run = pathlib.Path(folder) / "run"
            run.mkdir()
            (run / "config.resolved.toml").write_text("")
            (run / "run.json").write_text(manifest if isinstance(manifest, str) else json.dumps(manifest))
            for name, text in files.items():
                (run / name).parent.mkdir(parents=True, exist_ok=True)
                (run / name).write_text(text)
            return validate_run.problems_of(run)

    def test_valid(self):
        self.assertEqual(self.problems(RUN, {}), [])

    def test_files(self):
        cases = {
            "absent.json: listed in run.json and not there": changed(
                RUN, ["files", "absent.json"], {"sha256": HASH, "bytes": 0}
            ),
            "config.resolved.toml: has 0 bytes, run.json says 1": changed(
                RUN, ["files", "config.resolved.toml", "bytes"], 1
            ),
            "config.resolved.toml: its SHA-256 is not the one in run.json": changed(
                RUN, ["files", "config.resolved.toml", "sha256"], "0" * 64
            ),
            "../run.json: leads out of the run": changed(
                RUN, ["files", "../run.json"], {"sha256": HASH, "bytes": 0}
            ),
        }
        for problem, manifest in cases.items():
            self.assertIn(problem, self.problems(manifest, {}))

    def test_tokens_that_json_does_not_have(self):
        for token in ("NaN", "Infinity", "-Infinity"):
            found = self.problems(RUN, {"x.json": f'{{"a": [{token}]}}', "y.jsonl": f'{{"a": 1}}\n{token}\n'})
            self.assertIn(f"x.json: holds {token}, expected null and a reason", found)
            self.assertIn(f"y.jsonl: holds {token}, expected null and a reason", found)

    def test_left_over(self):
        found = self.problems(RUN, {"a/b.json.tmp-a1B2c3": "", "note": ""})
        self.assertEqual(found, ["a/b.json.tmp-a1B2c3: a half-written file", "note: not listed in run.json"])

    def test_hostile_manifests(self):
        for text in ("", "[]", "{}", "null", '{"files": 1, "varying_files": 1}', "[" * 100000,
                     '{"files": {"a": 1}, "varying_files": []}'):  # fmt: skip
            self.assertTrue(any(p.startswith("run.json: ") for p in self.problems(text, {})), text[:20])


if __name__ == "__main__":
    unittest.main()
