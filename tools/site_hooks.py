# SPDX-License-Identifier: Apache-2.0
"""What mkdocs does for the documentation site besides docs/: pages from elsewhere in the repository, the reference of the
Python module from its code, and links that are right on the site.

Used by mkdocs.yml; `python3 tools/site_hooks.py` prints the reference.
"""

import ast
import pathlib
import posixpath
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Repository file -> page of the site.
OUTSIDE = {
    "README.md": "project/readme.md",
    "ARCHITECTURE.md": "project/architecture.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "CHANGELOG.md": "project/changelog.md",
    "tests/golden/README.md": "project/golden.md",
    "bench/README.md": "project/benchmarks.md",
    "assets/gnomon-books/README.md": "project/gnomon-books.md",
}
REFERENCE = "python/reference.md"
PACKAGE = ROOT / "python" / "gnomon"
# Where each part of the module is described.
SOURCES = ["experiments.py", "runs.py", "errors.py", "_gnomon.pyi"]

LINK = re.compile(r"(\[[^\]\[]*\]\()([^)\s]+)((?:\s+\"[^\"]*\")?\))")
FENCE = re.compile(r"^(\s*```)(\w+) ignore$", re.MULTILINE)
SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*:", re.IGNORECASE)


def repository_path(page):
    """Where the text of a page stands in the repository."""
    for path, name in OUTSIDE.items():
        if name == page:
            return path
    return "docs/" + page


def site_path(path):
    """The page of a repository file, or None where it has none."""
    if path in OUTSIDE:
        return OUTSIDE[path]
    return path.removeprefix("docs/") if path.startswith("docs/") and (ROOT / path).is_file() else None


def site_link(page, target):
    """The target of a link of this page as the site has it; None where the site has no such page."""
    if SCHEME.match(target) or target.startswith("#"):
        return target
    place, mark, anchor = target.partition("#")
    path = posixpath.normpath(posixpath.join(posixpath.dirname(repository_path(page)), place))
    aim = site_path(path)
    return None if aim is None else posixpath.relpath(aim, posixpath.dirname(page) or ".") + mark + anchor


def site_markdown(page, markdown):
    """A page's text with the links of the site; what has no page there keeps its words."""

    def replaced(match):
        aim = site_link(page, match[2])
        return match[1] + aim + match[3] if aim is not None else match[1][1:-2]

    return FENCE.sub(r"\1\2", LINK.sub(replaced, markdown))


def signature(function):
    text = f"{function.name}({ast.unparse(function.args)})"
    if function.returns is not None:
        text += f" -> {ast.unparse(function.returns)}"
    return text.replace("self, /, ", "").replace("(self, /)", "()").replace("(self, ", "(").replace("(self)", "()")


def is_property(function):
    return any(isinstance(mark, ast.Name) and mark.id == "property" for mark in function.decorator_list)


def described(node):
    return (ast.get_docstring(node) or "").strip()


def class_text(node):
    bases = ", ".join(ast.unparse(base) for base in node.bases)
    lines = [f"### {node.name}", "", described(node), ""]
    if bases:
        lines[2:2] = [f"Also: {bases}.", ""]
    for member in node.body:
        if not isinstance(member, ast.FunctionDef) or member.name.startswith("_") and member.name != "__getitem__":
            continue
        name = f"`{member.name}`" if is_property(member) else f"`{signature(member)}`"
        doc = described(member).split("\n\n")[0].replace("\n", " ")
        lines.append(f"* {name}" + (f": {doc}" if doc else ""))
    return "\n".join(lines).rstrip() + "\n"


def function_text(node):
    return f"### {node.name}\n\n```python\n{signature(node)}\n```\n\n{described(node)}\n"


def public_names():
    """Names that `import gnomon` gives, in the order of its imports."""
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    return [alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names]


def reference():
    """The public names of the Python module with their signatures and descriptions, in Markdown."""
    nodes = {}
    for name in SOURCES:
        for node in ast.parse((PACKAGE / name).read_text()).body:
            if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
                nodes.setdefault(node.name, node)
    chosen = [nodes[name] for name in public_names() if name in nodes]
    functions = sorted((n for n in chosen if isinstance(n, ast.FunctionDef)), key=lambda n: n.name)
    classes = sorted((n for n in chosen if isinstance(n, ast.ClassDef)), key=lambda n: n.name)
    parts = [
        "# Reference of the Python module\n\nEvery name that `import gnomon` gives. [The guide](guide.md) shows their use.\n"
    ]
    parts += ["## Functions\n", *map(function_text, functions), "## Classes\n", *map(class_text, classes)]
    return "\n".join(parts)


def on_files(files, config):
    from mkdocs.structure.files import File

    for path, page in OUTSIDE.items():
        files.append(File.generated(config, page, content=(ROOT / path).read_text()))
    files.append(File.generated(config, REFERENCE, content=reference()))
    return files


def on_page_markdown(markdown, page, config, files):
    return site_markdown(page.file.src_uri, markdown)


if __name__ == "__main__":
    print(reference())
