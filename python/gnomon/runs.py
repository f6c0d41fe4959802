# SPDX-License-Identifier: Apache-2.0
"""Run directories: what a command measured, as Python objects and arrays."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from . import _gnomon
from .errors import ArgumentError, NotFoundError

TYPE_CHECKING = False  # as in errors.py
if TYPE_CHECKING:
    from typing import Any

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

_MOST_ROWS_SHOWN = 20


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


class Table(Mapping[str, "NDArray[Any]"]):
    """A CSV file of a run: a mapping from column names to arrays.

    A column of numbers is float64 with NaN where a cell is empty; any other is an array of texts.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        import csv

        self.path = Path(path)
        with open(self.path, newline="", encoding="utf-8", errors="surrogateescape") as file:
            rows = list(csv.reader(file))
        self.columns: list[str] = rows[0] if rows else []
        self.rows: list[list[str]] = rows[1:]
        self._arrays: dict[str, NDArray[Any]] = {}

    def __getitem__(self, column: str) -> NDArray[Any]:
        if column not in self.columns:
            raise KeyError(f"{column}; the columns are {', '.join(self.columns)}")
        if column not in self._arrays:
            self._arrays[column] = self._array(self.columns.index(column))
        return self._arrays[column]

    def _array(self, index: int) -> NDArray[Any]:
        import numpy as np

        cells = [row[index] for row in self.rows]
        numbers = [_number(cell) for cell in cells if cell]
        if cells and numbers and None not in numbers:
            return np.array([float(cell) if cell else np.nan for cell in cells])
        return np.array(cells, dtype=object)

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    @property
    def n_row(self) -> int:
        return len(self.rows)

    def to_pandas(self) -> Any:
        """A pandas DataFrame; needs pandas."""
        import pandas  # type: ignore[import-untyped, import-not-found, unused-ignore]

        return pandas.DataFrame({name: self[name] for name in self.columns})

    def __repr__(self) -> str:
        return f"<Table {self.path.name}: {self.n_row} rows of {', '.join(self.columns)}>"

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{_escaped(name)}</th>" for name in self.columns)
        body = "".join(
            "<tr>" + "".join(f"<td>{_escaped(_cell(cell))}</td>" for cell in row) + "</tr>"
            for row in self.rows[:_MOST_ROWS_SHOWN]
        )
        left = self.n_row - _MOST_ROWS_SHOWN
        rest = f"<p>{left} rows more</p>" if left > 0 else ""
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{rest}"


def _escaped(text: object) -> str:
    """Any text as HTML that only shows it: no markup, no control characters, no lone surrogates."""
    import html

    shown = "".join(
        character if character.isprintable() or character in " \n" else f"\\x{ord(character):02x}"
        for character in str(text)
    )
    return html.escape(shown, quote=True)


def _cell(text: str) -> str:
    number = _number(text)
    if number is not None and "." in text:
        return f"{number:.4g}"
    return text if len(text) <= 80 else text[:79] + "…"


class Run:
    """A run directory. Files are read when they are first asked for; tensors stay mapped and cost no copy."""

    def __init__(self, stored: _gnomon.StoredRun) -> None:
        self._stored = stored
        self.manifest: dict[str, Any] = stored.manifest
        self._read: dict[str, Any] = {}

    @property
    def path(self) -> Path:
        return Path(self._stored.path)

    @property
    def id(self) -> str:
        return str(self.manifest["id"])

    @property
    def status(self) -> str:
        """'done', 'failed', 'interrupted', or 'running'."""
        return str(self.manifest["status"])

    @property
    def files(self) -> list[str]:
        """Paths inside the run."""
        return list(self.manifest["files"])

    @property
    def config(self) -> dict[str, Any]:
        """Every setting of the run: {'train.epochs': 20, ...}."""
        return self._stored.configuration()

    def json(self, relative: str) -> Any:
        """A JSON file of the run. FileError where its content is not the one that was written."""
        if relative not in self._read:
            self._read[relative] = self._stored.read_json(relative)
        return self._read[relative]

    def table(self, relative: str) -> Table:
        """A CSV file of the run."""
        if relative not in self._read:
            self._read[relative] = Table(self._stored.file(relative))
        table: Table = self._read[relative]
        return table

    def tensors(self, relative: str) -> _gnomon.SafetensorsFile:
        """A safetensors file of the run: names to read-only arrays in the mapped file."""
        return _gnomon.SafetensorsFile(self._stored.file(relative))

    def lines(self, relative: str) -> list[dict[str, Any]]:
        """A JSON Lines file of the run, such as metrics.jsonl or data/prompts.jsonl."""
        import json

        text = Path(self._stored.file(relative)).read_text(encoding="utf-8", errors="surrogateescape")
        return [json.loads(line) for line in text.splitlines() if line]

    def _files_named(self, name: str) -> list[str]:
        return sorted(file for file in self.files if file == name or file.endswith("/" + name))

    def _one_named(self, name: str, seed: int | None) -> str:
        found = self._files_named(name)
        if seed is not None:
            found = [file for file in found if file.startswith(f"seeds/{seed}/")]
        if not found:
            raise NotFoundError(
                f"run {self.id} has no {name}" + (f" of seed {seed}" if seed is not None else ""),
                code="E031",
                kind="input_not_found",
                hint="run.files lists what it has",
            )
        return found[0]

    @property
    def checks(self) -> Any:
        """Every identity that the run measured: checks.json."""
        return self.json("checks.json")

    @property
    def summary(self) -> dict[str, Any]:
        """The final numbers, where the run has any."""
        return {key: value for key, value in self.json("summary.json").items() if not key.startswith("$")}

    @property
    def projections(self) -> Table:
        """A row for each row of the study: activation, and projections on every direction."""
        return self.table("analysis/projections.csv")

    @property
    def directions(self) -> dict[str, dict[str, Any]]:
        """By name: r, interval, p and nulls of every direction, and why one does not exist."""
        return {entry["name"]: entry for entry in self.json("analysis/projections.json")["directions"]}

    @property
    def ladders(self) -> list[dict[str, Any]]:
        """Why r is not 1, operation by operation."""
        ladders: list[dict[str, Any]] = self.json("analysis/audit.json")["ladders"]
        return ladders

    def evaluation(self, seed: int | None = None) -> Any:
        """The reporter among floors, ceilings and controls, of one seed (the first where it is not given)."""
        return self.json(self._one_named("evaluation.json", seed))

    def reports(self, seed: int | None = None) -> Table:
        """Every row's activation and report."""
        return self.table(self._one_named("reports.csv", seed))

    def metrics(self, seed: int | None = None) -> list[dict[str, Any]]:
        """The course of a training."""
        return self.lines(self._one_named("metrics.jsonl", seed))

    @property
    def study(self) -> _gnomon.SafetensorsFile:
        """Streams and activation that projections and ladders are computed from."""
        for name in ("analysis/study.safetensors", "data/study.safetensors", "data/activations.safetensors"):
            if name in self.files:
                return self.tensors(name)
        raise NotFoundError(
            f"run {self.id} has no tensors of a study",
            code="E031",
            kind="input_not_found",
            hint="run.files lists what it has",
        )

    def figures(self) -> list[str]:
        """The figures that plot draws for this run."""
        from . import plots

        return [name for name, needs in plots.FIGURES.items() if self._files_named(needs)]

    def plot(self, figure: str = "projections", **options: Any) -> Figure:
        """A matplotlib figure: 'projections', 'ladder', 'training' or 'reports'. Needs matplotlib."""
        from . import plots

        if figure not in plots.FIGURES:
            raise ArgumentError(
                f"plot: no figure {figure!r}, expected one of {', '.join(plots.FIGURES)}", code="E010", kind="usage"
            )
        return plots.draw(self, figure, **options)

    def _facts(self) -> list[tuple[str, str]]:
        model = self.manifest.get("model") or {}
        data = self.manifest.get("data") or {}
        facts = [("run", self.id), ("status", self.status), ("folder", self.path.name)]
        if model:
            facts.append(("model", str(model.get("name"))))
        if data:
            facts.append(
                ("texts", f"{data.get('rows')} rows, {data.get('distinct')} distinct, {data.get('groups')} groups")
            )
        if self.manifest.get("error"):
            facts.append(("error", f"{self.manifest['error']['code']}: {self.manifest['error']['message']}"))
        return facts

    def _direction_rows(self) -> list[tuple[str, str, str, str]]:
        if "analysis/projections.json" not in self.files:
            return []
        rows = []
        for name, entry in self.directions.items():
            r, low, high = entry.get("r"), entry.get("ci_low"), entry.get("ci_high")
            if r is None:
                rows.append((name, "–", "", str(entry.get("why", ""))))
                continue
            interval = f"[{low:+.2f}, {high:+.2f}]" if low is not None and high is not None else ""
            rows.append((name, f"{r:+.3f}", interval, str(entry.get("site", ""))))
        return rows

    def __repr__(self) -> str:
        return f"<gnomon.Run {self.id}: {self.status}>"

    def __str__(self) -> str:
        lines = [f"{key:<8} {_shown(value)}" for key, value in self._facts()]
        rows = self._direction_rows()
        if rows:
            lines += ["", f"{'direction':<12} {'r':>7}  {'95 % interval':<16}  site"]
            lines += [f"{_shown(name):<12} {r:>7}  {interval:<16}  {_shown(site)}" for name, r, interval, site in rows]
        return "\n".join(lines)

    def _html(self) -> str:
        facts = "".join(
            f'<tr><th style="text-align:left">{_escaped(key)}</th><td style="text-align:left">{_escaped(value)}</td></tr>'
            for key, value in self._facts()
        )
        page = f"<table><tbody>{facts}</tbody></table>"
        rows = self._direction_rows()
        if rows:
            body = "".join("<tr>" + "".join(f"<td>{_escaped(cell)}</td>" for cell in row) + "</tr>" for row in rows)
            head = "<tr><th>direction</th><th>r</th><th>95 % interval</th><th>site</th></tr>"
            page += f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"
        return page

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        # Neither script nor style sheet nor request: an untrusted notebook shows it as it is.
        return {"text/plain": str(self), "text/html": self._html()}


def _shown(text: str) -> str:
    return "".join(character if character.isprintable() else f"\\x{ord(character):02x}" for character in text)


def load_run(run: str | os.PathLike[str], *, runs_dir: str | os.PathLike[str] = "runs") -> Run:
    """A run by its path, '@last', or the beginning of its folder's name or its id in `runs_dir`.

    NotFoundError where there is none, IncompatibleError where a newer Gnomon wrote it.
    """
    return Run(_gnomon.open_run(os.fspath(run), os.fspath(runs_dir)))
