# SPDX-License-Identifier: Apache-2.0
"""The cell of the notebook that runs the model again, with the Python module and MODEL set."""

import json
import os
import unittest

from case import NEURON, ModelCase

try:
    import nbclient
    import nbformat
except ImportError:
    nbclient = None

UNSET = "MODEL = None "


class NotebookHooksTest(ModelCase):
    def setUp(self):
        if nbclient is None:
            if os.environ.get("CI"):
                raise AssertionError("nbclient and nbformat are missing (python/requirements.txt)")
            self.skipTest("nbclient and nbformat are missing (python/requirements.txt)")

    def output_of_hooks(self, notebook, folder):
        nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
        cell = next(cell for cell in notebook.cells if cell["id"] == "hooks")
        return "".join(output["text"] for output in cell["outputs"])

    def test_the_model_runs_again_in_the_notebook(self):
        folder = self.folder()
        self.run_command("projections", "--model", "gnomon-books", "--target", NEURON, "--texts", "builtin:scenes:120",
                         "--out", folder / "run")
        self.run_command("report", folder / "run", "--format", "ipynb")
        report = folder / "run" / "report"
        notebook = nbformat.read(report / "projection_analysis.ipynb", as_version=4)
        self.assertIn("Not run again: the tensors stored in the run are used below.",
                      self.output_of_hooks(notebook, report))
        parameters = next(cell for cell in notebook.cells if cell["id"] == "parameters")
        self.assertIn(UNSET, parameters["source"])
        parameters["source"] = parameters["source"].replace(UNSET, 'MODEL = "gnomon-books" ')
        said = self.output_of_hooks(notebook, report)
        self.assertRegex(said, r"^8 texts run again: largest difference (0\.0e\+00|\d\.\de-0[5-9])$")

        # Another model is found out.
        other = folder / "other"
        self.run_command("model", "init", "--like", "gnomon-books", "--seed", "3", "--out", other)
        parameters["source"] = parameters["source"].replace('"gnomon-books"', json.dumps(str(other)))
        with self.assertRaisesRegex(nbclient.exceptions.CellExecutionError, "AssertionError"):
            self.output_of_hooks(notebook, report)


if __name__ == "__main__":
    unittest.main()
