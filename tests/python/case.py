# SPDX-License-Identifier: Apache-2.0
"""What the tests of the Python module share."""

import os
import pathlib
import subprocess
import tempfile
import unittest

import gnomon

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
COMMAND = os.environ.get("GNOMON_COMMAND", str(REPOSITORY / "build" / "release" / "gnomon"))
TEXTS = ["The sundial casts a shadow.", "Nobody was at home that evening.", "One."]
NEURON = "blocks.2.mlp.hook_post[7]@last"


class ModelCase(unittest.TestCase):
    """Tests with the small model that comes with Gnomon."""

    @classmethod
    def setUpClass(cls):
        cls.model = gnomon.Model.load("gnomon-books")

    def folder(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        return pathlib.Path(folder.name)

    def run_command(self, *arguments):
        return subprocess.run([COMMAND, *map(str, arguments)], check=True, capture_output=True, text=True).stdout
