# SPDX-License-Identifier: Apache-2.0
"""tools/check_layers.py on a small tree, and on this repository."""

import contextlib
import io
import pathlib
import sys
import tempfile
import unittest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "tools"))
import check_layers  # noqa: E402

TABLES = """
| module | may include |
|---|---|
| base | nothing |
| stats | base |
| model | base |
| report | stats, base |
| cli | any module |
| tests, bench | anything |

| header | only in |
|---|---|
| `boost/`, `cblas.h` | stats |
| `CLI/` | cli |
"""


class CheckLayers(unittest.TestCase):
    def found(self, files, tables=TABLES):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name, text in files.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(text)
            return check_layers.check(root, check_layers.read_rules(tables))[0]

    def test_allowed(self):
        files = {
            "src/gnomon/base/a.h": "#include <vector>\n",
            "src/gnomon/stats/x.cpp": '#include <boost/math/a.hpp>\n#include "gnomon/stats/x.h"\n#include "gnomon/base/a.h"\n',
            "src/gnomon/stats/detail/y.cpp": '#include "gnomon/stats/detail/y.h"\n',
            "cli/main.cpp": '#include <CLI/CLI.hpp>\n#include "cli/x.h"\n#include "gnomon/model/m.h"\n',
            "tests/model/m_test.cpp": '#include <cblas.h>\n#include "gnomon/report/r.h"\n#include "support/x.h"\n',
            "tests/stats/y_test.cpp": '#include "gnomon/stats/detail/y.h"\n',
            "bench/banner.h": '#include "gnomon/stats/detail/y.h"\n',
        }
        self.assertEqual(self.found(files), [])

    def test_module(self):
        files = {"src/gnomon/stats/x.h": '// one\n\n#  include "gnomon/model/m.h"  // why\n'}
        self.assertEqual(self.found(files), ["src/gnomon/stats/x.h:3: stats may not include model"])

    def test_angle_brackets_are_no_way_around(self):
        files = {"src/gnomon/base/x.h": "#include <gnomon/stats/x.h>\n"}
        self.assertEqual(self.found(files), ["src/gnomon/base/x.h:1: base may not include stats"])

    def test_vendor_header(self):
        files = {"src/gnomon/report/x.cpp": "#include <boost/math/a.hpp>\n", "cli/a.cpp": "#include <cblas.h>\n"}
        self.assertEqual(
            self.found(files),
            [
                "src/gnomon/report/x.cpp:1: report may not include boost/math/a.hpp, only stats may",
                "cli/a.cpp:1: cli may not include cblas.h, only stats may",
            ],
        )

    def test_private_header(self):
        files = {
            "src/gnomon/report/x.cpp": '#include "gnomon/stats/detail/y.h"\n',
            "tests/report/x_test.cpp": '#include "gnomon/stats/detail/y.h"\n',
            "cli/x.cpp": '#include "gnomon/stats/detail/y.h"\n',
        }
        self.assertEqual(
            self.found(files),
            [
                "src/gnomon/report/x.cpp:1: gnomon/stats/detail/y.h is private to stats",
                "cli/x.cpp:1: gnomon/stats/detail/y.h is private to stats",
                "tests/report/x_test.cpp:1: gnomon/stats/detail/y.h is private to stats",
            ],
        )

    def test_short_path_and_unknown_module(self):
        files = {
            "src/gnomon/stats/x.cpp": '#include "x.h"\n',
            "src/gnomon/new/x.h": "#include <vector>\n",
            "src/gnomon/stats/y.cpp": '#include "gnomon/new/x.h"\n',
            "src/gnomon/loose.h": "",
        }
        self.assertEqual(
            self.found(files),
            [
                "src/gnomon/loose.h:1: a source outside the modules, expected src/gnomon/<module>/",
                "src/gnomon/new/x.h:1: new is not in ARCHITECTURE.md's table",
                'src/gnomon/stats/x.cpp:1: "x.h" is not a full path, expected "gnomon/..."',
                "src/gnomon/stats/y.cpp:1: new is not in ARCHITECTURE.md's table",
            ],
        )

    def test_tables_that_cannot_be_read(self):
        with self.assertRaises(check_layers.TableError):
            check_layers.read_rules("no table")
        with self.assertRaises(check_layers.TableError):
            check_layers.read_rules(TABLES.replace("| stats | base |", "| stats | ground |"))

    def test_exit_status(self):
        output = io.StringIO()
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
                self.assertEqual(check_layers.main([folder]), 2)
                (root / "ARCHITECTURE.md").write_text(TABLES)
                self.assertEqual(check_layers.main([folder]), 0)
                (root / "cli").mkdir()
                (root / "cli/a.cpp").write_text("#include <cblas.h>\n")
                self.assertEqual(check_layers.main([folder]), 1)
        self.assertIn("cli/a.cpp:1: cli may not include cblas.h", output.getvalue())

    def test_this_repository(self):
        rules = check_layers.read_rules((REPOSITORY / "ARCHITECTURE.md").read_text())
        found, n_include = check_layers.check(REPOSITORY, rules)
        self.assertEqual(found, [])
        self.assertGreater(n_include, 100)

    def test_the_table_has_no_cycle_and_is_closed(self):
        """Who may include a module may include what that module's headers bring along."""
        rules = check_layers.read_rules((REPOSITORY / "ARCHITECTURE.md").read_text())
        rows = {m: a for m, a in rules.may_include.items() if isinstance(a, set)}
        seen = set()
        for module, allowed in rows.items():
            self.assertLessEqual(allowed, seen, f"{module} includes a module of a later row")
            seen.add(module)


if __name__ == "__main__":
    unittest.main()
