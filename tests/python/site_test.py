# SPDX-License-Identifier: Apache-2.0
"""The documentation site builds without a warning, and its links lead somewhere."""

import html.parser
import importlib.util
import pathlib
import subprocess
import sys
import tempfile
import unittest
import urllib.parse

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "tools"))

import site_hooks


class Page(html.parser.HTMLParser):
    """Where a page leads, and what it loads from elsewhere."""

    def __init__(self):
        super().__init__()
        self.links, self.loads, self.ids = [], [], set()

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.ids.add(attributes.get("id"))
        if tag == "a":
            self.links.append(attributes.get("href") or "")
        elif tag in ("script", "img", "iframe"):
            self.loads.append(attributes.get("src") or "")
        elif tag == "link" and attributes.get("rel") in ("stylesheet", "preconnect"):
            self.loads.append(attributes.get("href") or "")


class HooksTest(unittest.TestCase):
    def test_links(self):
        cases = {
            ("index.md", "cli.md"): "cli.md",
            ("index.md", "../README.md"): "project/readme.md",
            ("project/readme.md", "docs/cli.md#errors"): "../cli.md#errors",
            ("project/architecture.md", "docs/formats/run_directory.md"): "../formats/run_directory.md",
            ("formats/gguf.md", "../../tests/golden/README.md"): "../project/golden.md",
            ("formats/gguf.md", "../../assets/schema/"): None,
            ("project/readme.md", "LICENSE"): None,
            ("index.md", "https://example.org/"): "https://example.org/",
            ("index.md", "#methods"): "#methods",
        }
        for (page, target), expected in cases.items():
            with self.subTest(page=page, target=target):
                self.assertEqual(site_hooks.site_link(page, target), expected)
        self.assertEqual(site_hooks.site_markdown("project/readme.md", "see [LICENSE](LICENSE)."), "see LICENSE.")
        self.assertEqual(site_hooks.site_markdown("index.md", "```sh ignore\nmake\n```"), "```sh\nmake\n```")

    def test_the_reference_has_every_public_name(self):
        text = site_hooks.reference()
        for name in site_hooks.public_names():
            self.assertIn(f"### {name}\n", text)


class SiteTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if importlib.util.find_spec("material") is None:
            raise unittest.SkipTest("mkdocs-material is not installed; python/requirements.txt has it")
        temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(temporary.cleanup)
        cls.site = pathlib.Path(temporary.name)
        result = subprocess.run(
            [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", cls.site],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
        )
        if result.returncode != 0:
            raise AssertionError(result.stdout + result.stderr)
        cls.pages = {}
        for path in cls.site.rglob("*.html"):
            page = Page()
            page.feed(path.read_text())
            cls.pages[path.resolve()] = page

    def test_every_document_has_a_page(self):
        for document in (REPOSITORY / "docs").rglob("*.md"):
            page = self.site / document.relative_to(REPOSITORY / "docs").with_suffix(".html")
            self.assertIn(page.resolve(), self.pages)

    def test_links(self):
        for path, page in self.pages.items():
            for link in page.links:
                parts = urllib.parse.urlsplit(link)
                if parts.scheme or parts.netloc or path.name == "404.html":
                    continue
                aim = (path.parent / urllib.parse.unquote(parts.path)).resolve() if parts.path else path
                with self.subTest(page=path.relative_to(self.site.resolve()), link=link):
                    self.assertTrue(aim.exists())
                    if parts.fragment and aim in self.pages:
                        self.assertIn(urllib.parse.unquote(parts.fragment), self.pages[aim].ids)

    def test_nothing_is_loaded_from_elsewhere(self):
        for path, page in self.pages.items():
            for source in page.loads:
                self.assertEqual(urllib.parse.urlsplit(source).netloc, "", f"{path.name}: {source}")


if __name__ == "__main__":
    unittest.main()
