# SPDX-License-Identifier: Apache-2.0
# Cells of every notebook: setup, parameters, reading the run, comparing. Format: ../notebook.h.

# %% [markdown] id=setup-title
# ## Setup
#
# Only `numpy` and `matplotlib` are needed. The results are recomputed here in the open, and compared
# with the numbers that Gnomon stored.

# %% id=setup
import csv, json, math, os, pathlib, struct
from collections import namedtuple
from statistics import NormalDist

try:
    import numpy as np
    import matplotlib.pyplot as plt
except ImportError:  # in Jupyter: install them, and run this cell again
    raise SystemExit("This notebook needs two packages:  %pip install numpy matplotlib")

try:
    import gnomon  # optional: runs the model itself, see below
except ImportError:
    gnomon = None

plt.rcParams.update({"figure.dpi": 100, "axes.spines.top": False, "axes.spines.right": False,
                     "axes.grid": True, "grid.alpha": 0.25, "font.size": 9})
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#767676"

# %% id=parameters tags=parameters
RUN_DIR = os.environ.get("GNOMON_RUN_DIR", "..")  # the run; this notebook lies in its folder report/
SEED = 1           # of the resampling in this notebook
N_RESAMPLE = 2000  # bootstrap resamples and random directions drawn here
SAVE_TO = None     # a folder for numbers and figures; None: nothing is written
MODEL = None       # a model for `import gnomon`; None: the stored tensors are used

# %% [markdown] id=reading-title
# A run is a folder of JSON, CSV and safetensors files. A safetensors file is a length, a JSON header
# and raw numbers, so that reading it takes a few lines.

# %% id=reading
RUN = pathlib.Path(RUN_DIR)
NUMPY_TYPES = {"F64": "<f8", "F32": "<f4", "I64": "<i8", "I32": "<i4", "U8": "u1", "BOOL": "?"}


def read_safetensors(path):
    """Tensors by name, and the file's metadata."""
    data = path.read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + size])
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + size + offset for offset in entry["data_offsets"])
        numbers = np.frombuffer(data[begin:end], NUMPY_TYPES[entry["dtype"]])
        tensors[name] = numbers.reshape(entry["shape"])
    return tensors, metadata


def read_json(name):
    return json.loads((RUN / name).read_text(encoding="utf-8"))


def read_csv(name):
    with open(RUN / name, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))

# %% [markdown] id=comparing-title
# **When do two numbers agree?** Gnomon and this notebook do the same arithmetic in double precision and
# add in different orders. A sum of $n$ products that is computed in two orders differs by at most about
# $2 n u \sum_i |a_i b_i|$, where $u = 2^{-53}$ is the rounding of one operation. `compare` refuses a
# difference beyond the bound that follows, and a number that exists only on one side.

# %% id=comparing
u = 2.0 ** -53
comparisons = []  # (name, difference, tolerance)


def compare(name, here, stored, tolerance):
    """Asserts that a number computed here is the stored one."""
    assert (here is None) == (stored is None), f"{name}: {here} here, {stored} stored"
    if stored is None:
        return
    here, stored = float(here), float(stored)
    difference = abs(here - stored)
    assert difference <= tolerance, (
        f"{name}: {here!r} here, {stored!r} stored; they differ by {difference:.2g}, "
        f"more than the {tolerance:.2g} that rounding explains")
    comparisons.append((name, difference, tolerance))
