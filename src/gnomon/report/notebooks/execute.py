# SPDX-License-Identifier: Apache-2.0
"""Runs the cells of a notebook and writes it with its outputs: execute.py IN OUT.

Exit status 3: a package is missing. 4: an assertion of a cell failed. 5: a cell failed otherwise. The
last line of output says which."""

import json
import os
import sys

PACKAGES = ("nbclient", "nbformat", "ipykernel", "numpy", "matplotlib")


def import_packages():
    for name in PACKAGES:
        try:
            __import__(name)
        except ImportError:
            print(f"Python has no package {name}")
            sys.exit(3)
    import matplotlib.font_manager  # noqa: F401  builds its cache here and not in a cell


def joined(text):
    return "".join(text) if isinstance(text, list) else text


def merged(outputs):
    """Outputs with neighbouring pieces of one stream joined: how they were cut depends on timing."""
    result = []
    for output in outputs:
        if output["output_type"] == "stream":
            output = {"name": output["name"], "output_type": "stream", "text": joined(output["text"])}
            if result and result[-1].get("name") == output["name"]:
                result[-1]["text"] += output["text"]
                continue
        result.append(output)
    for output in result:
        if output["output_type"] == "stream":
            output["text"] = output["text"].splitlines(keepends=True)
    return result


def main(source, destination):
    import_packages()
    import nbclient
    import nbformat
    with open(source, encoding="utf-8") as file:
        plain = json.load(file)
    notebook = nbformat.read(source, as_version=4)
    client = nbclient.NotebookClient(notebook, timeout=600, kernel_name="python3",
                                     record_timing=False, resources={"metadata": {"path": os.getcwd()}})
    try:
        client.execute()
    except nbclient.exceptions.CellExecutionError as error:
        cell = next(cell for cell in notebook.cells for output in cell.get("outputs", [])
                    if output["output_type"] == "error")
        print(f"cell {cell['id']}: {error.ename}: {' '.join(str(error.evalue).split())}")
        sys.exit(4 if error.ename == "AssertionError" else 5)
    done = json.loads(nbformat.writes(notebook))
    for cell, before in zip(done["cells"], plain["cells"]):
        cell["metadata"], cell["source"] = before["metadata"], before["source"]
        if cell["cell_type"] == "code":
            cell["outputs"] = merged(cell["outputs"])
    done["metadata"] = plain["metadata"]  # without the version of this Python
    with open(destination, "w", encoding="utf-8") as file:
        json.dump(done, file, indent=1, ensure_ascii=False, sort_keys=True)
        file.write("\n")


main(sys.argv[1], sys.argv[2])
