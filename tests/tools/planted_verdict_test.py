# SPDX-License-Identifier: Apache-2.0
"""Accounts that are known beforehand, through the command: the head of a trained run is replaced on disk.

A head along the neuron's write, scaled to answer it one for one, is H3 with gain 1. The same head turned to be
orthogonal to the write and to what the neuron reads is H1 with gain 0.
"""

import json
import math
import pathlib
import shutil
import struct
import tempfile
import unittest

from gnomon_command import ROOT, run_gnomon

LAYER, NEURON = 4, 635  # of the last block: nothing but the head comes after it
CONFIG = f"""
[model]
path = "gnomon-books"
[target]
units = ["blocks.{LAYER}.mlp.hook_post[{NEURON}]@last"]
[data]
texts = ["builtin:scenes:300"]
[train]
epochs = 1
[evaluate]
bootstrap = 200
"""


class SafetensorsFile:
    def __init__(self, path):
        self.path, self.bytes = path, bytearray(path.read_bytes())
        (n_header,) = struct.unpack("<Q", self.bytes[:8])
        self.start = 8 + n_header
        self.header = json.loads(self.bytes[8:self.start])

    def part(self, name):
        first, last = self.header[name]["data_offsets"]
        return self.start + first, self.start + last

    def read(self, name):
        first, last = self.part(name)
        letter = {"F16": "e", "F32": "f", "F64": "d"}[self.header[name]["dtype"]]
        return struct.unpack(f"<{(last - first) // struct.calcsize(letter)}{letter}", self.bytes[first:last])

    def write(self, name, values):
        first, last = self.part(name)
        self.bytes[first:last] = struct.pack(f"<{len(values)}d", *values)
        self.path.write_bytes(self.bytes)


def dot(a, b):
    return math.fsum(x * y for x, y in zip(a, b))


def without(vector, other):
    share = dot(vector, other) / dot(other, other)
    return [v - share * o for v, o in zip(vector, other)]


class PlantedVerdictTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        (cls.root / "study.toml").write_text(CONFIG)
        run_gnomon(cls.root, "train", "--config", "study.toml", "--out", "trained")
        model = SafetensorsFile(ROOT / "assets/gnomon-books/model.safetensors")
        block = next(name.split("mlp")[0] for name in model.header if name.endswith(f"h.{LAYER}.mlp.c_proj.weight"))
        d_model = model.header[block + "mlp.c_proj.weight"]["shape"][1]
        d_mlp = model.header[block + "mlp.c_proj.weight"]["shape"][0]
        rows = model.read(block + "mlp.c_proj.weight")
        cls.write = rows[NEURON * d_model:(NEURON + 1) * d_model]
        cls.other_write = rows[7 * d_model:8 * d_model]
        read = model.read(block + "mlp.c_fc.weight")[NEURON::d_mlp]
        folded = [r * g for r, g in zip(read, model.read(block + "ln_2.weight"))]
        mean = math.fsum(folded) / d_model
        cls.read = [f - mean for f in folded]

    def verdict(self, name, read_out):
        """Of the run with the head that reports read_out · x."""
        run = self.root / name
        shutil.copytree(self.root / "trained", run)
        folder = run / "seeds/0/checkpoints" / (run / "seeds/0/checkpoints/best.txt").read_text().strip()
        labels = json.loads((folder / "reporter.json").read_text())["labels"]
        head = SafetensorsFile(folder / "head.safetensors")
        head.write("layers.0.weight",
                   [w * sd / labels["sd"][0] for w, sd in zip(read_out, head.read("features.sd"))])
        run_gnomon(self.root, "verdict", name, "--out", name + "_verdict")
        found = json.loads((self.root / f"{name}_verdict/analysis/verdict.json").read_text())
        return found, {row["statement"][:2]: row["outcome"] for row in found["accounts"]}

    def test_a_head_that_reads_the_write_and_nothing_else(self):
        found, outcome = self.verdict("h3", [w / dot(self.write, self.write) for w in self.write])
        # The report is computed in float32 of a stream of some tens, its doses differ by tenths.
        self.assertAlmostEqual(found["gain"]["value"], 1, delta=1e-4)
        self.assertEqual(outcome["H3"], "supported", found["accounts"])
        self.assertEqual(outcome["H4"], "contradicted")

    def test_a_head_that_does_not_read_the_neuron(self):
        read_out = without(without(self.other_write, self.write), without(self.read, self.write))
        found, outcome = self.verdict("h1", read_out)
        self.assertAlmostEqual(found["gain"]["value"], 0, delta=1e-4)
        self.assertEqual(outcome["H3"], "contradicted", found["accounts"])
        self.assertNotEqual(outcome["H2"], "supported", found["accounts"])


if __name__ == "__main__":
    unittest.main()
