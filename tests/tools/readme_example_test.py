# SPDX-License-Identifier: Apache-2.0
"""The C++ example that README.md shows is examples/activation/activation.cpp, character for character."""

import pathlib
import re
import unittest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]


class ReadmeExampleTest(unittest.TestCase):
    def test_readme_shows_the_file(self):
        blocks = re.findall(r"^```cpp\n(.*?)^```$", (REPOSITORY / "README.md").read_text(), re.DOTALL | re.MULTILINE)
        self.assertEqual(len(blocks), 1, "README.md has one C++ block")
        self.assertEqual(blocks[0], (REPOSITORY / "examples/activation/activation.cpp").read_text())


if __name__ == "__main__":
    unittest.main()
