# SPDX-License-Identifier: Apache-2.0
"""Figures of a run with matplotlib, to be restyled. Texts of a run are data: nothing in them is markup."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib.figure
import numpy as np

if TYPE_CHECKING:
    from .runs import Run

# What each figure is drawn from.
FIGURES = {
    "projections": "projections.csv",
    "ladder": "audit.json",
    "training": "metrics.jsonl",
    "reports": "reports.csv",
}

# Okabe and Ito 2008: told apart by everyone.
_BLUE, _ORANGE, _GREY = "#0072B2", "#D55E00", "#999999"


def _new(width: float, height: float, rows: int = 1, columns: int = 1) -> tuple[matplotlib.figure.Figure, Any]:
    # Without pyplot, whose state would keep every figure alive.
    figure = matplotlib.figure.Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False)


def _projections(run: Run, part: str = "test") -> matplotlib.figure.Figure:
    """Each direction's projection against the activation on the rows of one part, with r and its interval."""
    table = run.projections
    names = [name for name, entry in run.directions.items() if entry.get("r") is not None and name in table]
    rows = table["split"] == part
    n_column = min(2, max(1, len(names)))
    n_row = max(1, -(-len(names) // n_column))
    figure, axes = _new(4.2 * n_column, 3.4 * n_row, n_row, n_column)
    activation = np.asarray(table["activation"], dtype=float)[rows]
    for axis, name in zip(axes.flat, names):
        entry = run.directions[name]
        axis.scatter(np.asarray(table[name], dtype=float)[rows], activation, s=12, alpha=0.6, color=_BLUE, linewidths=0)
        title = f"{name}: r = {entry['r']:+.3f}"
        if part == "test" and entry.get("ci_low") is not None:
            title += f" [{entry['ci_low']:+.2f}, {entry['ci_high']:+.2f}]"
        if part != "test":
            title = name
        axis.set_title(title, fontsize=10)
        axis.set_xlabel(f"projection at {entry['site']}", fontsize=8)
        axis.set_ylabel("activation", fontsize=8)
    for axis in list(axes.flat)[len(names) :]:
        axis.set_visible(False)
    figure.suptitle(f"{run.json('analysis/projections.json')['target']}, {int(rows.sum())} {part} rows", fontsize=11)
    return figure


def _ladder(run: Run, direction: str = "input") -> matplotlib.figure.Figure:
    """r after each operation between the projection and the activation."""
    found = [ladder for ladder in run.ladders if ladder["direction"] == direction]
    if not found:
        directions = ", ".join(ladder["direction"] for ladder in run.ladders)
        raise KeyError(f"{direction}; the ladders are {directions}")
    rungs = [rung for rung in found[0]["rungs"] if rung["r"] is not None]
    figure, axes = _new(6.4, 0.45 * len(rungs) + 1.2)
    axis = axes[0, 0]
    heights = np.arange(len(rungs))[::-1]
    values = np.array([rung["r"] for rung in rungs])
    for height, rung in zip(heights, rungs):
        if rung["ci_low"] is not None:
            axis.plot([rung["ci_low"], rung["ci_high"]], [height, height], color=_GREY, linewidth=2)
    axis.plot(values, heights, "o", color=_BLUE)
    axis.axvline(1, color=_ORANGE, linewidth=1, linestyle="--")
    axis.set_yticks(heights, [rung["name"] for rung in rungs], fontsize=9)
    axis.set_xlabel("r with the activation, 95 % interval")
    axis.set_title(f"{direction}, from {found[0]['starts_at']}", fontsize=10)
    return figure


def _training(run: Run) -> matplotlib.figure.Figure:
    """The validation loss after every epoch, a line for each seed."""
    figure, axes = _new(6.4, 3.6)
    axis = axes[0, 0]
    for file in run._files_named("metrics.jsonl"):
        epochs = [line for line in run.lines(file) if line["kind"] == "epoch"]
        label = "seed " + file.split("/")[1] if file.startswith("seeds/") else "training"
        axis.plot([line["epoch"] for line in epochs], [line["val_loss"] for line in epochs], marker=".", label=label)
    axis.set_xlabel("epoch")
    axis.set_ylabel("validation loss")
    axis.legend(fontsize=8)
    return figure


def _reports(run: Run, seed: int | None = None, part: str = "test") -> matplotlib.figure.Figure:
    """Reports against the activation, with the line on which both are equal."""
    table = run.reports(seed)
    truth = next(name for name in table if name.startswith("activation "))
    report = next(name for name in table if name.startswith("report "))
    rows = table["part"] == part
    x = np.asarray(table[truth], dtype=float)[rows]
    y = np.asarray(table[report], dtype=float)[rows]
    figure, axes = _new(4.4, 4.0)
    axis = axes[0, 0]
    ends = [min(x.min(), y.min()), max(x.max(), y.max())]
    axis.plot(ends, ends, color=_ORANGE, linewidth=1, linestyle="--")
    axis.scatter(x, y, s=12, alpha=0.6, color=_BLUE, linewidths=0)
    axis.set_xlabel(truth, fontsize=8)
    axis.set_ylabel("report", fontsize=8)
    axis.set_title(f"{len(x)} {part} rows", fontsize=10)
    return figure


_DRAW = {"projections": _projections, "ladder": _ladder, "training": _training, "reports": _reports}


def draw(run: Run, figure: str, **options: Any) -> matplotlib.figure.Figure:
    drawn: matplotlib.figure.Figure = _DRAW[figure](run, **options)
    return drawn
