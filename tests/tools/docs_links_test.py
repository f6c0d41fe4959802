# SPDX-License-Identifier: Apache-2.0
"""Every relative link and every repository path in backticks in the Markdown files exists."""

import pathlib
import re
import unittest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
NOT_OURS = {"build", "runs", "node_modules"}  # hidden folders too

FENCE = re.compile(r"^\s*(`{3,}|~{3,})")
LINK = re.compile(r"\[[^\]\[]*\]\(\s*<?([^)<>\s]+)>?(?:\s+\"[^\"]*\")?\s*\)")
CODE = re.compile(r"`([^`\n]+)`")
SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*:", re.IGNORECASE)
# What can be a path: no spaces, placeholders or wildcards.
PATH = re.compile(r"^[A-Za-z0-9_.][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_.-]+)+/?$")


def markdown_files():
    for path in sorted(REPOSITORY.rglob("*.md")):
        folders = path.relative_to(REPOSITORY).parts[:-1]
        if not any(folder in NOT_OURS or folder.startswith(".") for folder in folders):
            yield path


def prose(text):
    """The lines outside fenced blocks, with their numbers."""
    fence = None
    for number, line in enumerate(text.splitlines(), start=1):
        match = FENCE.match(line)
        if match and fence is None:
            fence = match[1]
        elif match and match[1].startswith(fence):
            fence = None
        elif fence is None:
            yield number, line


def anchors(path):
    """The anchors that GitHub gives to the headings of a file."""
    found, count = set(), {}
    for _, line in prose(path.read_text()):
        if not re.match(r"#{1,6} ", line):
            continue
        title = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", line.lstrip("#").strip())
        anchor = re.sub(r"[^\w\- ]", "", title.replace("`", "").lower()).replace(" ", "-")
        n = count.get(anchor, 0)
        count[anchor] = n + 1
        found.add(anchor if n == 0 else f"{anchor}-{n}")
    return found


def repository_path(code):
    """The place that a text in backticks names, or None where it is no path of this repository."""
    if not PATH.match(code):
        return None
    first = code.split("/")[0]
    if first in NOT_OURS or first in (".", ".."):
        return None
    if (REPOSITORY / first).is_dir():
        return REPOSITORY / code
    if first == "gnomon" and code.endswith((".h", ".cpp")):
        return REPOSITORY / "src" / code
    if (REPOSITORY / "src" / "gnomon" / first).is_dir() and code.endswith((".h", ".cpp")):
        return REPOSITORY / "src" / "gnomon" / code
    return None


class DocsLinksTest(unittest.TestCase):
    def test_there_are_documents(self):
        self.assertIn(REPOSITORY / "README.md", list(markdown_files()))

    def test_links(self):
        for path in markdown_files():
            for number, line in prose(path.read_text()):
                for target in LINK.findall(CODE.sub("", line)):
                    self.check_link(path, number, target)

    def check_link(self, path, number, target):
        if SCHEME.match(target):
            return
        place, _, anchor = target.partition("#")
        where = f"{path.relative_to(REPOSITORY)}:{number}"
        with self.subTest(where=where, link=target):
            aim = (path.parent / place).resolve() if place else path
            self.assertTrue(aim.is_relative_to(REPOSITORY), f"{where}: {target} leaves the repository")
            self.assertTrue(aim.exists(), f"{where}: {target} does not exist")
            if anchor and aim.suffix == ".md":
                self.assertIn(anchor, anchors(aim), f"{where}: no heading for {target}")

    def test_paths_in_backticks(self):
        for path in markdown_files():
            for number, line in prose(path.read_text()):
                for code in CODE.findall(line):
                    place = repository_path(code)
                    if place is None:
                        continue
                    where = f"{path.relative_to(REPOSITORY)}:{number}"
                    with self.subTest(where=where, path=code):
                        self.assertTrue(place.exists(), f"{where}: {code} does not exist")

    def test_index_lists_every_page(self):
        docs = REPOSITORY / "docs"
        index = docs / "index.md"
        linked = {(docs / target.partition("#")[0]).resolve() for target in LINK.findall(index.read_text())}
        for page in sorted(docs.rglob("*.md")):
            if page != index:
                with self.subTest(page=page.relative_to(REPOSITORY)):
                    self.assertIn(page.resolve(), linked)


if __name__ == "__main__":
    unittest.main()
