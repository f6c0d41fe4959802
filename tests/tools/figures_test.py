# SPDX-License-Identifier: Apache-2.0
"""The golden figures are XML of one root, with nothing active, for a parser that is not ours."""

import pathlib
import unittest
import xml.etree.ElementTree

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "charts" / "golden"
SVG = "{http://www.w3.org/2000/svg}"
TAGS = {SVG + tag for tag in ("svg", "title", "desc", "g", "rect", "line", "path", "circle", "text")}


class Figures(unittest.TestCase):
    def test_every_golden_figure_is_plain_svg(self):
        files = sorted(GOLDEN.glob("*.svg"))
        self.assertGreater(len(files), 10)
        for file in files:
            root = xml.etree.ElementTree.parse(file).getroot()
            self.assertEqual(root.tag, SVG + "svg", file)
            self.assertEqual(root.get("role"), "img", file)
            self.assertEqual([child.tag for child in root[:2]], [SVG + "title", SVG + "desc"], file)
            for element in root.iter():
                self.assertIn(element.tag, TAGS, file)
                self.assertFalse([name for name in element.keys() if name.startswith("on") or "href" in name], file)


if __name__ == "__main__":
    unittest.main()
