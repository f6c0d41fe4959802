#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The HTML report in a browser: requests, console, brush, themes, no JavaScript, a phone, hostile texts.

Needs Debian's chromium and, from PyPI, playwright and axe-playwright-python
(python/requirements.txt). Skipped where they are missing, unless CI is set.
"""

import csv
import hashlib
import json
import os
import pathlib
import shutil
import tempfile
import time
import unittest

from gnomon_command import run_gnomon

try:
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import sync_playwright
except ImportError as error:
    if os.environ.get("CI"):
        raise
    raise unittest.SkipTest(f"{error}: python/requirements.txt has it") from error

CHROMIUM = shutil.which("chromium")
IN_CONTAINER = ["--no-sandbox", "--disable-gpu"]
CONFIG = """
[model]
path = "gnomon-books"
[target]
units = ["blocks.1.mlp.hook_post[100]@last"]
[data]
texts = ["builtin:scenes:150"]
[train]
epochs = 2
[evaluate]
bootstrap = 100
"""
LONG = "seven words that are read over again. " * 270  # more than 10,000 characters
HOSTILE = [
    "</script><script>document.title='read as code'</script>",
    "<!-- <script> --!> <img src=x onerror=\"document.title='read as code'\">",
    "</table></section><h1>not a heading</h1>",
    LONG,
    "שלום עולם, זה משפט ארוך",
    "مرحبا \u202eevil\u202c",
    "🌞🪐👩‍🚀 and a family 👨‍👩‍👧‍👦",
    "]]> &lt; &amp;lt; \u2028 \" ' ` ${1}",
]


def replace_file(run, name, content):
    """Writes a file of a run and the hash that run.json must then have."""
    (run / name).write_bytes(content)
    manifest = json.loads((run / "run.json").read_text())
    manifest["files"][name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    (run / "run.json").write_text(json.dumps(manifest))


def put_texts(run, texts):
    """The first texts of a run become these. What they do to a model is not what is tested."""
    name = "analysis/projections.csv"
    with open(run / name, newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    for row, text in zip(rows[1:], texts):
        row[-1] = text
    with tempfile.TemporaryFile("w+", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
        file.seek(0)
        replace_file(run, name, file.read().encode("utf-8"))


class ReportInABrowser(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if CHROMIUM is None:
            if os.environ.get("CI"):
                raise AssertionError("chromium is missing")
            raise unittest.SkipTest("chromium is missing: tools/install_packages.sh installs it")
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        root = pathlib.Path(cls.folder.name)
        (root / "study.toml").write_text(CONFIG)
        run_gnomon(root, "run", "--config", "study.toml", "--out", "study")
        put_texts(root / "study", HOSTILE)
        run_gnomon(root, "report", "study", "--format", "html")
        shutil.copytree(root / "study", root / "failed")
        checks = json.loads((root / "failed/checks.json").read_text())
        checks[0].update(status="fail", value=3.0)
        replace_file(root / "failed", "checks.json", json.dumps(checks).encode())
        run_gnomon(root, "report", "failed", "--format", "html")
        cls.root = root
        cls.page_file = root / "study/report/report.html"
        cls.playwright = sync_playwright().start()
        cls.addClassCleanup(cls.playwright.stop)
        cls.browser = cls.playwright.chromium.launch(executable_path=CHROMIUM, args=IN_CONTAINER)
        cls.addClassCleanup(cls.browser.close)

    def open_page(self, file=None, fragment="", **context):
        options = {"viewport": {"width": 1280, "height": 900}, "accept_downloads": True, **context}
        browser_context = self.browser.new_context(**options)
        self.addCleanup(browser_context.close)
        page = browser_context.new_page()
        self.requests, self.console = [], []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.console.append(message.text))
        page.on("pageerror", lambda error: self.console.append(str(error)))
        page.goto((file or self.page_file).as_uri() + fragment)
        return page

    def assert_quiet(self):
        own = [url for url in self.requests if not url.startswith(("file:", "data:", "blob:"))]
        self.assertEqual(own, [])
        self.assertEqual(len([url for url in self.requests if url.startswith("file:")]), 1)
        self.assertEqual(self.console, [])

    def drag(self, page, area, left, top, right, bottom):
        """Over a part of an element, by fractions of its size."""
        area.scroll_into_view_if_needed()
        page.evaluate("scrollBy(0, -80)")
        box = area.bounding_box()
        x, y = box["x"], box["y"]
        page.mouse.move(x + left * box["width"], y + top * box["height"])
        page.mouse.down()
        page.mouse.move(x + (left + right) / 2 * box["width"], y + bottom * box["height"])
        page.mouse.move(x + right * box["width"], y + bottom * box["height"])
        page.mouse.up()

    def selected(self, page):
        """The selected rows, by each chart with marks of all rows and by the table."""
        return page.evaluate(
            """() => {
              const rows = (nodes) => [...new Set([...nodes].flatMap(
                  (node) => node.dataset.row.split(' ')))].map(Number).sort((a, b) => a - b);
              const charts = {};
              for (const svg of document.querySelectorAll('svg.choice'))
                charts[svg.dataset.figure] = {on: rows(svg.querySelectorAll('[data-row].on')),
                                              all: rows(svg.querySelectorAll('[data-row]'))};
              return {charts, table: rows(document.querySelectorAll('#rows tbody tr.on'))};
            }"""
        )

    def test_nothing_is_requested_or_said_and_nothing_hostile_runs(self):
        page = self.open_page()
        self.assert_quiet()
        self.assertEqual(page.title(), "blocks.1.mlp.hook_post[100]@last")
        self.assertEqual(page.locator("h1").count(), 1)
        texts = page.evaluate(
            "[...document.querySelectorAll('#rows tbody tr')].map((row) => row.lastElementChild.textContent)"
        )
        # What would reorder the page or end a line of a script is shown by its bytes.
        expected = [text.replace("\u202e", "\\xE2\\x80\\xAE").replace("\u202c", "\\xE2\\x80\\xAC")
                    .replace("\u2028", "\\xE2\\x80\\xA8") for text in HOSTILE]
        self.assertEqual([text.rstrip("\n") for text in texts[: len(HOSTILE)]], expected)
        self.assertEqual(page.locator("main img").count(), 0)

    def test_a_brush_selects_the_same_texts_everywhere(self):
        page = self.open_page()
        area = page.locator("rect[data-brush]").first
        self.drag(page, area, 0.3, 0.02, 0.7, 0.98)
        result = self.selected(page)
        self.assertGreater(len(result["table"]), 0)
        self.assertGreaterEqual(len(result["charts"]), 4)
        for figure, rows in result["charts"].items():
            self.assertEqual(rows["on"], [row for row in rows["all"] if row in result["table"]], figure)
        visible = page.locator("#rows tbody tr:not([hidden])").count()
        self.assertEqual(visible, len(result["table"]))
        self.assertIn("sel=", page.evaluate("location.hash"))
        # The address alone brings the selection back.
        again = self.open_page(fragment=page.evaluate("location.hash"))
        self.assertEqual(self.selected(again), result)
        self.assert_quiet()
        again.keyboard.press("Tab")
        again.locator("rect[data-brush]").first.press("Escape")
        self.assertEqual(self.selected(again)["table"], [])

    def test_the_keyboard_brushes(self):
        page = self.open_page()
        area = page.locator("rect[data-brush]").first
        area.focus()
        for _ in range(20):
            area.press("ArrowLeft")
        edge = self.selected(page)
        for _ in range(30):
            area.press("Shift+ArrowRight")
        whole = self.selected(page)
        self.assertLess(len(edge["table"]), len(whole["table"]))
        figure = page.locator("svg.gn-figure").filter(has=page.locator("rect[data-brush]")).first
        drawn = whole["charts"][figure.get_attribute("data-figure")]["all"]
        self.assertEqual(whole["table"], drawn)
        area.press("Escape")
        self.assertEqual(self.selected(page)["table"], [])

    def test_search_sort_and_split(self):
        page = self.open_page()
        page.get_by_label("Search in texts").fill("not a HEADING")
        self.assertEqual(page.locator("#rows tbody tr:not([hidden])").count(), 1)
        page.get_by_role("button", name="Clear").click()
        page.get_by_label("Part", exact=True).select_option("test")
        parts = page.locator("#rows tbody tr:not([hidden])").evaluate_all(
            "(rows) => rows.map((row) => row.cells[1].textContent)")
        self.assertGreater(len(parts), 5)
        self.assertEqual(set(parts), {"test"})
        page.locator("#rows th button", has_text="activation").first.click()
        values = page.locator("#rows tbody tr:not([hidden])").evaluate_all(
            "(rows) => rows.map((row) => Number(row.cells[3].textContent))")
        self.assertEqual(values, sorted(values))
        self.assertIn("split=test", page.evaluate("location.hash"))
        self.assertIn("sort=3", page.evaluate("location.hash"))
        self.assert_quiet()

    def test_hover_shows_text_and_numbers(self):
        page = self.open_page()
        mark = page.locator("svg.gn-figure .gn-marks [data-row]").first
        mark.scroll_into_view_if_needed()
        mark.dispatch_event("pointerover", {"clientX": 100, "clientY": 100, "bubbles": True})
        shown = page.locator("#tip").inner_text()
        row = mark.get_attribute("data-row").split()[0]
        self.assertIn(f"row {row}", shown)
        for word in ("activation", "report", "token"):
            self.assertIn(word, shown)
        self.assert_quiet()

    def test_files_are_saved(self):
        page = self.open_page()
        figure = page.locator("figure").filter(has=page.locator("rect[data-brush]")).first
        for label, start in (("SVG", b"<svg"), ("PNG", b"\x89PNG"), ("CSV", b"row,")):
            with page.expect_download() as download:
                figure.get_by_role("button", name=label).click()
            content = pathlib.Path(download.value.path()).read_bytes()
            self.assertTrue(content.startswith(start), content[:80])
            self.assertNotIn(b"var(--", content)
        self.assert_quiet()

    def test_everything_is_there_without_javascript(self):
        page = self.open_page(java_script_enabled=False)
        self.assert_quiet()
        self.assertGreaterEqual(page.locator("svg.gn-figure").count(), 4)
        self.assertEqual(page.locator("#rows tbody tr").count(), 150)
        self.assertTrue(page.locator("#rows tbody tr").last.is_visible())
        for name in ("answer", "measured", "results", "ladder", "checks", "limits", "provenance"):
            self.assertTrue(page.locator(f"#{name} h2").is_visible(), name)
        self.assertEqual(page.locator("main button").count(), 0)

    def test_fits_a_phone(self):
        page = self.open_page(viewport={"width": 360, "height": 740})
        width = page.evaluate("document.documentElement.scrollWidth")
        self.assertLessEqual(width, 360)
        self.assert_quiet()

    def test_light_and_dark(self):
        colours = {}
        for scheme in ("light", "dark"):
            page = self.open_page(color_scheme=scheme)
            colours[scheme] = page.evaluate("getComputedStyle(document.body).backgroundColor")
            page.get_by_role("button", name="Light or dark").click()
            colours["other of " + scheme] = page.evaluate(
                "getComputedStyle(document.body).backgroundColor")
            self.assert_quiet()
        self.assertNotEqual(colours["light"], colours["dark"])
        self.assertEqual(colours["other of light"], colours["dark"])
        self.assertEqual(colours["other of dark"], colours["light"])

    def test_accessibility(self):
        for scheme in ("light", "dark"):
            page = self.open_page(color_scheme=scheme)
            # axe is put into the page, which its policy would refuse.
            context = self.browser.new_context(bypass_csp=True, color_scheme=scheme)
            self.addCleanup(context.close)
            page = context.new_page()
            page.goto(self.page_file.as_uri())
            found = Axe().run(page).response["violations"]
            serious = [
                f"{item['id']}: {item['help']}: {[node['html'][:160] for node in item['nodes'][:3]]}"
                for item in found if item["impact"] in ("serious", "critical")
            ]
            self.assertEqual(serious, [], scheme)

    def test_failed_checks_are_said_first_and_their_numbers_not_shown(self):
        page = self.open_page(self.root / "failed/report/report.html")
        alert = page.locator("main > .alert").first
        self.assertIn("1 of", alert.inner_text())
        self.assertIn("resid_mid", alert.inner_text())
        self.assertEqual(page.locator("svg.gn-figure").count(), 0)
        self.assertEqual(page.locator("#rows").count(), 0)
        self.assertIn("Not shown", page.locator("#results").inner_text())
        self.assertIn("We cannot say", page.locator("#answer").inner_text())
        self.assert_quiet()

    def test_size_and_time_of_two_thousand_texts(self):
        root = self.root
        run_gnomon(root, "projections", "--model", "gnomon-books", "--texts", "builtin:scenes:2000",
                   "--target", "blocks.1.mlp.hook_post[100]@last", "--out", "large")
        begin = time.monotonic()
        run_gnomon(root, "report", "large", "--format", "html")
        seconds = time.monotonic() - begin
        file = root / "large/report/report.html"
        self.assertLessEqual(file.stat().st_size, 1_000_000)
        page = self.open_page(file)
        paint = page.evaluate(
            "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null")
        print(f"\n2,000 texts: {file.stat().st_size / 1000:.0f} kB, written in {seconds:.2f} s, "
              f"first paint after {paint} ms")
        self.assert_quiet()


if __name__ == "__main__":
    unittest.main()
