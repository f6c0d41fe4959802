#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The golden import.json against its schema; import_files_test.cpp holds the program against it."""

import copy
import json
import pathlib
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import validate_run  # noqa: E402

GOLDEN = ROOT / "tests/golden/import/import.json"


class ImportSchemaTest(unittest.TestCase):
    def setUp(self):
        self.schemas = validate_run.load_schemas()
        self.golden = json.loads(GOLDEN.read_text(encoding="utf-8"))

    def problems(self, document):
        return validate_run.schema_problems("import.json", document, self.schemas)

    def test_keys_are_those_of_the_schema(self):
        self.assertEqual(list(self.golden), self.schemas["import.json"]["required"])
        for key in ("projection_p", "kl_by_epsilon"):
            self.assertIn(key, self.golden["recomputed"])

    @unittest.skipIf(validate_run.jsonschema is None, "needs the Python package jsonschema")
    def test_golden_file_fits(self):
        self.assertEqual(self.problems(self.golden), [])

    @unittest.skipIf(validate_run.jsonschema is None, "needs the Python package jsonschema")
    def test_changes_are_noticed(self):
        for path, value in [(("rows",), "200"), (("findings", 0, "severity"), "bad"),
                            (("splits", "train", "rows"), -1), (("labels", "sd"), None),
                            (("recomputed", "texts", "drawn"), None), (("kind",), "run")]:
            changed = copy.deepcopy(self.golden)
            place = changed
            for step in path[:-1]:
                place = place[step]
            place[path[-1]] = value
            self.assertTrue(self.problems(changed), path)


if __name__ == "__main__":
    unittest.main()
