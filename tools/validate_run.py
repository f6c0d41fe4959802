#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks a run directory against docs/formats/run_directory.md.

Usage: tools/validate_run.py RUN [RUN ...]

Checked: every JSON file against its schema in assets/schema, no NaN or Infinity, every file that
run.json lists is inside the run and has its size and SHA-256, the configuration is TOML, nothing
half-written is left. Prints one line per problem and exits with 1 if there is one. Schemas need the
Python package jsonschema; without it the rest is checked and a line says so.
"""

import hashlib
import json
import pathlib
import re
import sys
import tomllib

try:
    import jsonschema
except ImportError:
    jsonschema = None

SCHEMA_FOLDER = pathlib.Path(__file__).resolve().parent.parent / "assets" / "schema"
TEMPORARY = re.compile(r".\.tmp-[A-Za-z0-9]{6}$")
OWN_FILES = {"run.json", "run.lock"}


class NotFinite(ValueError):
    pass


def refuse_constant(token):
    raise NotFinite(f"holds {token}, expected null and a reason")


def parse(text):
    return json.loads(text, parse_constant=refuse_constant)


def load_schemas():
    """Schemas by their $id and by the file name that they describe."""
    schemas = {}
    for file in sorted(SCHEMA_FOLDER.glob("*.schema.json")):
        schema = json.loads(file.read_text(encoding="utf-8"))
        schemas[schema["$id"]] = schema
        schemas[file.name.replace(".schema.json", ".json")] = schema
    return schemas


def schema_problems(name, document, schemas):
    named = document.get("$schema") if isinstance(document, dict) else None
    if named is not None and (not isinstance(named, str) or named not in schemas):
        return [f"{name}: its schema {named!r} is not in assets/schema"]
    schema = schemas.get(named or pathlib.PurePosixPath(name).name)
    if schema is None or jsonschema is None:
        return []
    errors = jsonschema.Draft202012Validator(schema).iter_errors(document)
    return [f"{name}: {error.json_path}: {error.message}"[:500] for error in errors]


def json_problems(run, schemas):
    problems = []
    for file in sorted(run.rglob("*.json")) + sorted(run.rglob("*.jsonl")):
        name = file.relative_to(run).as_posix()
        if name.endswith(".vl.json"):  # a chart, whose schema is Vega-Lite's
            continue
        try:
            text = file.read_text(encoding="utf-8")
            if file.suffix == ".jsonl":
                for line in text.splitlines():
                    parse(line)
            else:
                problems += schema_problems(name, parse(text), schemas)
        except (ValueError, RecursionError) as error:
            problems.append(f"{name}: {error}")
    return problems


def file_problems(run, name, record):
    path = (run / name).resolve()
    if not path.is_relative_to(run.resolve()):
        return [f"{name}: leads out of the run"]
    if not path.is_file():
        return [f"{name}: listed in run.json and not there"]
    content = path.read_bytes()
    if len(content) != record.get("bytes"):
        return [f"{name}: has {len(content)} bytes, run.json says {record.get('bytes')}"]
    if hashlib.sha256(content).hexdigest() != record.get("sha256"):
        return [f"{name}: its SHA-256 is not the one in run.json"]
    return []


def manifest_problems(run):
    try:
        manifest = parse((run / "run.json").read_text(encoding="utf-8"))
        files, varying = manifest["files"], manifest["varying_files"]
        problems = [p for name, record in files.items() for p in file_problems(run, name, record)]
        known = OWN_FILES | set(files) | set(varying)
        for stage in manifest["stages"]:  # of an unfinished stage: what it had begun to write
            known |= set(stage.get("outputs", [])) | set(stage.get("resumable", []))
    except (OSError, ValueError, RecursionError) as error:
        return [f"run.json: {error}"]
    except (TypeError, AttributeError, KeyError) as error:
        return [f"run.json: not a manifest: {error}"]
    for file in sorted(run.rglob("*")):
        name = file.relative_to(run).as_posix()
        if TEMPORARY.search(name):
            problems.append(f"{name}: a half-written file")
        elif file.is_file() and name not in known:
            problems.append(f"{name}: not listed in run.json")
    return problems


def config_problems(run):
    try:
        tomllib.loads((run / "config.resolved.toml").read_text(encoding="utf-8"))
        return []
    except (OSError, ValueError) as error:
        return [f"config.resolved.toml: {error}"]


def problems_of(run):
    if not run.is_dir():
        return ["not a folder"]
    return manifest_problems(run) + config_problems(run) + json_problems(run, load_schemas())


def main(arguments):
    if not arguments or arguments[0] in ("-h", "--help"):
        print(__doc__.strip())
        return 0 if arguments else 2
    if jsonschema is None:
        print("schemas not checked: the Python package jsonschema is not installed "
              "(apt-get install python3-jsonschema)")
    failed = False
    for argument in arguments:
        problems = problems_of(pathlib.Path(argument))
        failed = failed or bool(problems)
        for problem in problems:
            print(f"{argument}: {problem}")
        if not problems:
            print(f"{argument}: valid")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
