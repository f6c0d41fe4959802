#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks every #include against the tables of ARCHITECTURE.md, "Who may include whom".

Usage: tools/check_layers.py [REPOSITORY]

Prints one line per violation, `src/gnomon/stats/x.h:12: stats may not include model`, and exits with 1
if there is one, with 2 if the tables cannot be read.
"""

import pathlib
import re
import sys

SCANNED_FOLDERS = ("src/gnomon", "cli", "tests", "bench", "python")
SOURCE_SUFFIXES = {".h", ".hpp", ".cpp", ".cc", ".c", ".inc"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')

ANY_MODULE = "any module"
ANYTHING = "anything"


class TableError(Exception):
    pass


class Rules:
    def __init__(self, may_include, vendor):
        self.may_include = may_include  # module -> set of modules, ANY_MODULE or ANYTHING
        self.vendor = vendor  # beginning of a header name -> set of modules

    def owner(self, header):
        for beginning, modules in self.vendor.items():
            if header == beginning or (beginning.endswith("/") and header.startswith(beginning)):
                return modules
        return None


def table_rows(text, header):
    """Rows of the Markdown table with these column titles, as lists of cells."""
    lines = iter(text.splitlines())
    for line in lines:
        if [cell.strip() for cell in line.strip().strip("|").split("|")] == header:
            break
    else:
        raise TableError(f"no table with the columns {header}")
    next(lines, None)
    for line in lines:
        if not line.startswith("|"):
            return
        yield [cell.strip() for cell in line.strip().strip("|").split("|")]


def names(cell):
    return [name.strip().strip("`") for name in cell.split(",")]


def read_rules(text):
    may_include = {}
    for modules, allowed in table_rows(text, ["module", "may include"]):
        for module in names(modules):
            if allowed in (ANY_MODULE, ANYTHING):
                may_include[module] = allowed
            else:
                may_include[module] = set() if allowed == "nothing" else set(names(allowed))
    for module, allowed in may_include.items():
        unknown = allowed - may_include.keys() if isinstance(allowed, set) else set()
        if unknown:
            raise TableError(f"the row of {module} names {', '.join(sorted(unknown))}, which has no row")
    vendor = {}
    for headers, modules in table_rows(text, ["header", "only in"]):
        for header in names(headers):
            vendor[header] = set(names(modules))
    return Rules(may_include, vendor)


EVERY_MODULE = "*"


def place_of(path):
    """The module of a file, and the module whose private headers it may use."""
    parts = path.parts
    if parts[:2] == ("src", "gnomon"):
        module = parts[2] if len(parts) > 3 else None
        return module, module
    if parts[0] == "bench":
        return "bench", EVERY_MODULE
    return parts[0], parts[1] if len(parts) > 2 else None


def complaint(rules, module, private_module, quote, header):
    """What is wrong with one include, or None."""
    allowed = rules.may_include.get(module)
    if allowed is None:
        return f"{module} is not in ARCHITECTURE.md's table"
    if header.startswith("gnomon/"):
        parts = header.split("/")
        included = parts[1]
        if included not in rules.may_include:
            return f"{included} is not in ARCHITECTURE.md's table"
        if "detail" in parts[2:] and private_module not in (included, EVERY_MODULE):
            return f"{header} is private to {included}"
        if included == module or not isinstance(allowed, set) or included in allowed:
            return None
        return f"{module} may not include {included}"
    if allowed == ANYTHING:
        return None
    owner = rules.owner(header)
    if owner is not None:
        return None if module in owner else f"{module} may not include {header}, only {', '.join(sorted(owner))} may"
    if quote == '"' and isinstance(allowed, set):
        return f'"{header}" is not a full path, expected "gnomon/..."'
    return None


def check(root, rules):
    """All violations, as lines, and the number of includes seen."""
    found, n_include = [], 0
    files = (f for folder in SCANNED_FOLDERS for f in sorted((root / folder).rglob("*")))
    for file in files:
        if file.suffix not in SOURCE_SUFFIXES:
            continue
        path = file.relative_to(root)
        module, private_module = place_of(path)
        if module is None:
            found.append(f"{path}:1: a source outside the modules, expected src/gnomon/<module>/")
            continue
        for number, line in enumerate(file.read_text(errors="replace").splitlines(), start=1):
            match = INCLUDE.match(line)
            if not match:
                continue
            n_include += 1
            why = complaint(rules, module, private_module, match[1], match[2])
            if why:
                found.append(f"{path}:{number}: {why}")
    return found, n_include


def main(arguments):
    root = pathlib.Path(arguments[0]) if arguments else pathlib.Path(__file__).resolve().parent.parent
    try:
        rules = read_rules((root / "ARCHITECTURE.md").read_text())
    except (OSError, TableError) as error:
        print(f"check_layers: ARCHITECTURE.md: {error}", file=sys.stderr)
        return 2
    found, n_include = check(root, rules)
    for line in found:
        print(line)
    if not found:
        print(f"{n_include} includes agree with ARCHITECTURE.md")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
